#include "speech.h"

#include "base/fs.h"
#include "base/random.h"
#include "process/process.h"

#include <math.h>

const struct speech_line SPEECH_LINES[] = {
	{ "alexa-us", "en-us", "Alexa. What is the weather in Berlin tomorrow?" },
	{ "alexa-gb", "en-gb+f2", "Alexa. Turn the kitchen lights off, please." },
	{ "jarvis-us", "en-us+m3", "Hey Jarvis. Read me the news." },
	{ "jarvis-gb", "en-gb", "Hey Jarvis. Is the garage door closed?" },
	{ "mycroft-us", "en-us+f3", "Hey Mycroft. Play something quiet." },
	{ "mycroft-gb", "en-gb+m1", "Hey Mycroft. How long is the drive home?" },
	{ "timer-us", "en-us", "Set a timer for ten minutes." },
	{ "timer-gb", "en-gb+f4", "Start a timer for one hour." },
	{ "other-de", "de", "Guten Morgen. Der Zug nach Hamburg hat zehn Minuten Verspätung." },
	{ "other-fr", "fr", "Bonjour. Le rapport est sur votre bureau." },
	{ NULL, NULL, NULL },
};

#define MAX_WAV (16 * MIB)
#define TAPS 32                    /* of the resampling filter, each side */
#define TAIL_SAMPLES (SPEECH_RATE / 2)
#define NOISE 6.0                  /* amplitude of the silence, of 32,768 */

static int speak(const struct speech_line *line, const char *path, struct err *err)
{
	const char *const argv[] = { "espeak-ng", "-v", line->voice, "-s", "150", "-w", path, line->text, NULL };
	struct process_options o = { .argv = argv, .deadline_usec = 30 * USEC_PER_SEC, .output_limit_bytes = 64 * KIB };
	struct process_result r = { 0 };
	int rc = process_run(&o, &r, err);
	if (rc == 0 && r.exit_status != 0)
		rc = err_set(err, RF_EPROCESS, "espeak-ng ended with status %d: %s", r.exit_status, str_text(&r.error_output));
	process_result_release(&r);
	return rc;
}

struct wav { const char *samples; size_t count; uint32_t rate; };

/* RIFF with PCM, 16 bit, mono: all that espeak-ng writes. Its sizes are unreliable when it writes to a pipe, so not here. */
static int wav_read(struct span file, struct wav *ret, struct err *err)
{
	*ret = (struct wav){ 0 };
	if (file.n < 12 || memcmp(file.p, "RIFF", 4) != 0 || memcmp(file.p + 8, "WAVE", 4) != 0)
		return err_set(err, RF_EFORMAT, "not a WAV file");
	for (size_t at = 12; at + 8 <= file.n;) {
		const char *chunk = file.p + at;
		size_t size = RF_MIN((size_t)le32(chunk + 4), file.n - at - 8);
		if (memcmp(chunk, "fmt ", 4) == 0 && size >= 16) {
			if (le16(chunk + 8) != 1 || le16(chunk + 10) != 1 || le16(chunk + 22) != 16)
				return err_set(err, RF_EUNSUPPORTED, "not 16-bit mono PCM");
			ret->rate = le32(chunk + 12);
		} else if (memcmp(chunk, "data", 4) == 0) {
			ret->samples = chunk + 8;
			ret->count = size / 2;
		}
		at += 8 + size + (size & 1);
	}
	return ret->samples && ret->rate >= 8000 ? 0 : err_set(err, RF_EFORMAT, "no samples");
}

static double sample_at(const struct wav *w, int64_t i)
{
	return i < 0 || i >= (int64_t)w->count ? 0 : (double)(int16_t)le16(w->samples + 2 * i);
}

/* Windowed sinc: what lies above half the lower rate is cut before it could fold back. */
static double resample_at(const struct wav *w, double position)
{
	double cut = RF_MIN(1.0, (double)SPEECH_RATE / w->rate), sum = 0, weight = 0;
	int64_t middle = (int64_t)floor(position);
	for (int64_t i = middle - TAPS + 1; i <= middle + TAPS; i++) {
		double x = (double)i - position, t = x * cut;
		double sinc = fabs(t) < 1e-9 ? 1 : sin(M_PI * t) / (M_PI * t);
		double k = sinc * (0.5 + 0.5 * cos(M_PI * x / (TAPS + 1)));
		sum += k * sample_at(w, i);
		weight += k;
	}
	return sum / weight;
}

static void lay_out(const struct wav *w, uint64_t seed, float *ret)
{
	struct random_stream noise = { seed };
	size_t length = (size_t)((double)w->count * SPEECH_RATE / w->rate);
	size_t end = SPEECH_SAMPLES - TAIL_SAMPLES, used = RF_MIN(length, end), start = end - used;
	for (size_t i = 0; i < SPEECH_SAMPLES; i++) {
		double v = (random_unit(&noise) * 2 - 1) * NOISE;
		if (i >= start && i < end)
			v += resample_at(w, (double)(length - used + i - start) * w->rate / SPEECH_RATE);
		ret[i] = (float)rint(fmin(fmax(v, -32768), 32767));
	}
}

int speech_make(const struct speech_line *line, const char *folder, float *ret, struct err *err)
{
	char path[FS_PATH_MAX], name[96];
	snprintf(name, sizeof name, "%s.wav", line->name);
	RF_AUTO(str) bytes = STR_INIT(MAX_WAV);
	struct wav w;
	int rc = fs_make_dirs(folder, 0755, err);
	if (rc == 0)
		rc = fs_join(path, sizeof path, folder, name, err);
	if (rc == 0)
		rc = speak(line, path, err);
	if (rc == 0)
		rc = fs_read(path, &bytes, err);
	if (rc == 0)
		rc = wav_read(str_span(&bytes), &w, err);
	if (rc)
		return err_in_file(err, path), rc;
	lay_out(&w, (uint64_t)strlen(line->text), ret);
	return 0;
}
