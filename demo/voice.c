/*
 * reforge-demo-voice - golden inputs of the voice models, from speech, through the real chain.
 *
 *   speech ─► melspectrogram ─► mel/10 + 2 ─► windows 76 × 32, step 8 ─► embedding_model ─► windows n × 96 ─► wake words
 *      └────► windows of 512 with state h, c carried ─► silero_vad
 *
 * The chain is openWakeWord's own (its utils.py); every tensor stored is one that really flows between two models, computed by
 * the ONNX Runtime version given, through reforge's own driver.
 */
#include "files.h"
#include "speech.h"

#include "base/fs.h"
#include "build/toolchain.h"

#include <limits.h>
#include <unistd.h>

#define MEL_BINS 32
#define WINDOW_FRAMES 76
#define WINDOW_STEP 8
#define EMBEDDING 96
#define MAX_WINDOWS 128
#define VAD_SAMPLES 512
#define VAD_STATE 128              /* 2 × 1 × 64 */
#define CASES_PER_LINE 2

static const char *const WAKE_WORDS[] = { "alexa_v0.1", "hey_jarvis_v0.1", "hey_mycroft_v0.1", "timer_v0.1" };

struct chain {
	const char *models, *golden;
	char scratch[FS_PATH_MAX];
	unsigned calls;                  /* of models, for names of scratch files */
	struct toolchain toolchain;
	struct arena arena;              /* whole run */
	struct arena step;               /* one call of a model */
};

struct model {
	const char *name;
	struct toolchain_session *session;
	const struct toolchain_inspection *io;
};

static int model_open(struct chain *c, const char *name, struct model *ret, struct err *err)
{
	char path[FS_PATH_MAX], real[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/%s.onnx", c->models, name);
	if (n < 0 || (size_t)n >= sizeof path || !realpath(path, real)) {
		(void)err_set(err, RF_ENOTFOUND, "the model is not there; run setup/fetch");
		return err_in_file(err, path);
	}
	const char *const folders[] = { c->scratch, NULL };
	struct toolchain_session_options o = { .engine = real, .read_folders = folders, .write_folder = c->scratch, .threads = 2,
		                               .limits = { .isolation = TOOLCHAIN_ISOLATION_BEST } };
	*ret = (struct model){ .name = name };
	int rc = toolchain_session_open(&c->toolchain, &o, &ret->session, err);
	if (rc)
		return err_prefix(err, "%s: ", name), rc;
	ret->io = toolchain_session_inspection(ret->session);
	return 0;
}

/* Index of the first input of @type and @rank (-1: any). */
static size_t input_of(const struct model *m, enum npy_type type, int rank)
{
	for (size_t i = 0; i < m->io->input_count; i++)
		if (m->io->inputs[i].type == type && (rank < 0 || m->io->inputs[i].rank == (unsigned)rank))
			return i;
	return 0;
}

/* Runs once; the outputs' values as floats, back to back in @ret (at most @most), counts in @ret_counts. */
static int model_run(struct chain *c, struct model *m, const struct npy *inputs, size_t n, float *ret, size_t most, size_t *ret_counts,
                     size_t outputs, struct err *err)
{
	struct toolchain_tensor_file files[8];
	char paths[8][FS_PATH_MAX], prefix[FS_PATH_MAX];
	int rc = n <= 8 ? 0 : err_set(err, RF_ETOOMANY, "inputs");
	for (size_t i = 0; rc == 0 && i < n; i++) {
		/* A new name each time: the driver keeps an input that it has read, told by name, inode and time. */
		char name[64];
		snprintf(name, sizeof name, "in-%u-%zu.npy", c->calls, i);
		rc = fs_join(paths[i], sizeof paths[i], c->scratch, name, err);
		if (rc == 0)
			rc = files_put_npy(paths[i], &inputs[i], err);
		files[i] = (struct toolchain_tensor_file){ m->io->inputs[i].name, paths[i] };
	}
	c->calls++;
	arena_reset(&c->step);
	struct toolchain_iteration it;
	if (rc == 0)
		rc = fs_join(prefix, sizeof prefix, c->scratch, "out-", err);
	struct toolchain_iterate request = { .inputs = files, .input_count = n, .iterations = 1, .output_prefix = prefix };
	if (rc == 0)
		rc = toolchain_session_iterate(m->session, &request, &c->step, &it, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		(void)unlink(paths[i]);
	if (rc == 0 && it.output_count < outputs)
		rc = err_set(err, RF_EFORMAT, "%s gives %zu outputs, %zu expected", m->name, it.output_count, outputs);
	for (size_t i = 0, used = 0; rc == 0 && i < outputs; i++) {
		RF_AUTO(str) bytes = STR_INIT(64 * MIB);
		struct npy t;
		rc = fs_read(it.outputs[i].path, &bytes, err);
		if (rc == 0)
			rc = npy_read(str_span(&bytes), &t, err);
		uint64_t count = rc == 0 ? npy_count(&t) : 0;
		if (rc == 0 && count > most - used)
			rc = err_set(err, RF_ETOOBIG, "%s: output %zu has %llu values", m->name, i, (unsigned long long)count);
		for (uint64_t k = 0; rc == 0 && k < count; k++)
			ret[used++] = (float)npy_at(&t, k);
		ret_counts[i] = (size_t)count;
	}
	return rc;
}

static int put_names(const struct chain *c, const struct model *m, const char *note, struct err *err)
{
	struct span names[8];
	char folder[FS_PATH_MAX];
	size_t n = RF_MIN(m->io->input_count, (size_t)8);
	for (size_t i = 0; i < n; i++)
		names[i] = m->io->inputs[i].name;
	int rc = fs_join(folder, sizeof folder, c->golden, m->name, err);
	return rc ? rc : files_put_inputs(folder, m->name, names, n, note, err);
}

static int put(const struct chain *c, const struct model *m, const char *line, size_t number, size_t index, const struct npy *t,
               struct err *err)
{
	char folder[FS_PATH_MAX], name[64];
	snprintf(name, sizeof name, "%s-%02zu", line, number);
	int rc = fs_join(folder, sizeof folder, c->golden, m->name, err);
	return rc ? rc : files_put_tensor(folder, name, index, t, err);
}

/* What one sentence becomes on its way. */
struct spoken {
	float audio[SPEECH_SAMPLES];
	float mel[(SPEECH_SAMPLES / 160 + 8) * MEL_BINS];
	size_t frames;
	float embeddings[MAX_WINDOWS * EMBEDDING];
	size_t windows;
};

static int make_mel(struct chain *c, struct model *m, struct spoken *s, const char *line, struct err *err)
{
	/* Stored: two seconds around the beginning of the sentence; the chain goes on with the whole. */
	struct npy part = files_floats(s->audio + SPEECH_SAMPLES / 3, 2, (uint64_t[]){ 1, 2 * SPEECH_RATE });
	struct npy whole = files_floats(s->audio, 2, (uint64_t[]){ 1, SPEECH_SAMPLES });
	size_t count;
	int rc = put(c, m, line, 0, 0, &part, err);
	if (rc == 0)
		rc = model_run(c, m, &whole, 1, s->mel, RF_COUNT(s->mel), &count, 1, err);
	if (rc)
		return rc;
	s->frames = count / MEL_BINS;
	for (size_t i = 0; i < count; i++)
		s->mel[i] = s->mel[i] / 10 + 2;
	return s->frames >= WINDOW_FRAMES ? 0 : err_set(err, RF_EFORMAT, "only %zu mel frames", s->frames);
}

static int make_embeddings(struct chain *c, struct model *m, struct spoken *s, const char *line, struct err *err)
{
	size_t windows = RF_MIN((s->frames - WINDOW_FRAMES) / WINDOW_STEP + 1, (size_t)MAX_WINDOWS), count;
	int rc = 0;
	for (size_t w = 0; rc == 0 && w < windows; w++) {
		struct npy t = files_floats(s->mel + w * WINDOW_STEP * MEL_BINS, 4, (uint64_t[]){ 1, WINDOW_FRAMES, MEL_BINS, 1 });
		if (w == windows / 2 || w == windows - 4)
			rc = put(c, m, line, w == windows / 2 ? 0 : 1, 0, &t, err);
		if (rc == 0)
			rc = model_run(c, m, &t, 1, s->embeddings + w * EMBEDDING, EMBEDDING, &count, 1, err);
	}
	s->windows = windows;
	return rc;
}

static int make_wake_word(struct chain *c, struct model *m, const struct spoken *s, const char *line, struct err *err)
{
	size_t depth = m->io->inputs[0].rank == 3 && m->io->inputs[0].shape[1] > 0 ? (size_t)m->io->inputs[0].shape[1] : 16;
	if (s->windows < depth)
		return err_set(err, RF_EFORMAT, "%s looks back %zu embeddings, there are %zu", m->name, depth, s->windows);
	int rc = 0;
	for (size_t k = 0; rc == 0 && k < CASES_PER_LINE; k++) {
		size_t from = (s->windows - depth) * (k + 1) / CASES_PER_LINE;
		struct npy t = files_floats(s->embeddings + from * EMBEDDING, 3, (uint64_t[]){ 1, depth, EMBEDDING });
		rc = put(c, m, line, k, 0, &t, err);
	}
	return rc;
}

/* Every window of a sentence in turn; of these, those around its middle are kept, with the state they met. */
static int make_vad(struct chain *c, struct model *m, const struct spoken *s, const char *line, struct err *err)
{
	float window[VAD_SAMPLES], state[2][VAD_STATE] = { { 0 } }, out[1 + 2 * VAD_STATE];
	int64_t rate = SPEECH_RATE;
	size_t audio_at = input_of(m, NPY_F32, 2), rate_at = input_of(m, NPY_I64, -1), kept = 0, states = 0;
	struct npy in[8];
	size_t n = RF_MIN(m->io->input_count, (size_t)8), counts[3];
	for (size_t i = 0; i < n; i++) {
		if (i == audio_at)
			in[i] = files_floats(window, 2, (uint64_t[]){ 1, VAD_SAMPLES });
		else if (i == rate_at)
			in[i] = (struct npy){ .type = NPY_I64, .ndim = m->io->inputs[i].rank, .shape = { 1 }, .data = span_bytes(&rate, sizeof rate) };
		else if (states < 2)
			in[i] = files_floats(state[states++], 3, (uint64_t[]){ 2, 1, VAD_STATE / 2 });
	}
	if (states != 2 || n != 4)
		return err_set(err, RF_EFORMAT, "%s: input, sr, h and c expected", m->name);
	int rc = 0;
	for (size_t w = 0; rc == 0 && (w + 1) * VAD_SAMPLES <= SPEECH_SAMPLES; w++) {
		for (size_t i = 0; i < VAD_SAMPLES; i++)
			window[i] = s->audio[w * VAD_SAMPLES + i] / 32768;
		if (w > 60 && w % 24 == 0 && kept < 3) {
			for (size_t i = 0; rc == 0 && i < n; i++)
				rc = put(c, m, line, kept, i, &in[i], err);
			kept++;
		}
		if (rc == 0)
			rc = model_run(c, m, in, n, out, RF_COUNT(out), counts, 3, err);
		if (rc == 0 && (counts[0] != 1 || counts[1] != VAD_STATE || counts[2] != VAD_STATE))
			rc = err_set(err, RF_EFORMAT, "%s: outputs of unexpected sizes", m->name);
		if (rc == 0) {
			memcpy(state[0], out + 1, sizeof state[0]);
			memcpy(state[1], out + 1 + VAD_STATE, sizeof state[1]);
		}
	}
	return rc;
}

enum { MEL, EMBED, VAD, WAKE, MODELS = WAKE + RF_COUNT(WAKE_WORDS) };

static int one_line(struct chain *c, struct model *models, const struct speech_line *line, size_t number, struct spoken *s, struct err *err)
{
	char wav[FS_PATH_MAX];
	int rc = fs_join(wav, sizeof wav, c->golden, "speech", err);
	if (rc == 0)
		rc = speech_make(line, wav, s->audio, err);
	if (rc == 0)
		rc = make_mel(c, &models[MEL], s, line->name, err);
	if (rc == 0)
		rc = make_embeddings(c, &models[EMBED], s, line->name, err);
	for (size_t i = WAKE; rc == 0 && i < MODELS; i++)
		rc = make_wake_word(c, &models[i], s, line->name, err);
	if (rc == 0 && number % 2 == 0)
		rc = make_vad(c, &models[VAD], s, line->name, err);
	return rc;
}

static int make_all(struct chain *c, struct err *err)
{
	struct model models[MODELS] = { 0 };
	size_t lines = 0;
	while (SPEECH_LINES[lines].name)
		lines++;
	struct spoken *s = arena_alloc(&c->arena, sizeof *s);
	int rc = s ? 0 : err_set(err, RF_ENOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < MODELS; i++) {
		const char *name = i == MEL ? "melspectrogram" : i == EMBED ? "embedding_model" : i == VAD ? "silero_vad" : WAKE_WORDS[i - WAKE];
		rc = model_open(c, name, &models[i], err);
		if (rc == 0)
			rc = put_names(c, &models[i], "speech by espeak-ng through the openWakeWord chain; see demo/voice.c", err);
	}
	for (size_t k = 0; rc == 0 && k < lines; k++) {
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\r  speech %zu of %zu", k + 1, lines);
		rc = one_line(c, models, &SPEECH_LINES[k], k, s, err);
	}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	for (size_t i = 0; i < MODELS; i++)
		toolchain_session_close(models[i].session, &c->arena, NULL);
	return rc;
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "Usage: reforge-demo-voice VERSION LIBRARY MODELS GOLDEN\n"
		                "Writes golden inputs of the voice models to GOLDEN/<model>/, computed by ONNX Runtime VERSION.\n");
		return 2;
	}
	struct err err = ERR_INIT;
	struct chain c = { .models = argv[3], .golden = argv[4], .arena = ARENA_INIT(64 * MIB), .step = ARENA_INIT(16 * MIB) };
	int rc = fs_temporary_dir("reforge-voice", c.scratch, sizeof c.scratch, &err);
	if (rc == 0)
		rc = toolchain_load(toolchain_kind_find(SPAN("onnxruntime")), argv[1], argv[2], NULL, NULL, &c.arena, &c.toolchain, &err);
	if (rc == 0)
		rc = make_all(&c, &err);
	struct err ignored = ERR_INIT;
	if (c.scratch[0])
		rc = fs_remove_tree(c.scratch, rc ? &ignored : &err) && !rc ? err.code : rc;
	arena_release(&c.step);
	arena_release(&c.arena);
	return files_fail("reforge-demo-voice", rc, &err);
}
