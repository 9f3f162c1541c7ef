/* check of reforge-gate - paths and names, judged by a bundle alone. What needs a database, a registry or a container to be
 * taken apart is reforge's check. */
#include "cli/gate.h"

#include "gate/pod.h"

#define ANSWER_BYTES (1 * GIB)

static int ask(struct gate_front *f, const char *arg, const struct gate_subject *subject)
{
	struct arena a = ARENA_INIT(ANSWER_BYTES);
	struct gate_answer answer;
	int rc = gate_judge(&a, &f->question, subject, &answer, f->err);
	if (rc == 0)
		rc = gate_front_answer(f, arg, NULL, subject, &answer);
	arena_release(&a);
	return rc;
}

static int ask_path(struct gate_front *f, const char *arg)
{
	struct gate_pod pod;
	struct gate_pod_options o = { .engines = &arg, .engine_count = 1, .key = f->release_key, .question = f->question };
	int rc = gate_pod_judge(&o, &pod, f->err);
	for (size_t i = 0; rc == 0 && i < pod.count; i++) {
		const struct gate_pod_subject *s = &pod.subjects[i];
		rc = gate_front_answer(f, s->path, s->path, &s->subject, &s->answer);
	}
	if (rc == 0)
		f->status = gate_worse_status(f->status, pod.status);
	gate_pod_release(&pod);
	return rc;
}

static int ask_one(struct gate_front *f, const char *arg)
{
	/* the names that reforge's check takes; "registry:" is judged by what the bundle knows of the image */
	static const struct {
		const char *prefix;
		enum gate_subject_kind kind;
		bool whole; /* the prefix is part of the name */
	} names[] = { { "pkg:", GATE_PURL, true }, { "release:", GATE_RELEASE, false }, { "registry:", GATE_IMAGE, false },
		      { "sha256:", GATE_CONTENT, true } };
	for (size_t i = 0; i < RF_COUNT(names); i++) {
		if (!span_starts(span_of(arg), names[i].prefix))
			continue;
		struct gate_subject s = { .kind = names[i].kind,
					  .name = span_of(arg + (names[i].whole ? 0 : strlen(names[i].prefix))) };
		int rc = s.kind == GATE_CONTENT ? digest_read(s.name, &s.digest, f->err) : 0;
		return rc ? rc : ask(f, arg, &s);
	}
	return ask_path(f, arg);
}

static int run_check(const struct invocation *in, struct err *err)
{
	RF_AUTO_FREE struct gate_front *f = rf_alloc(sizeof *f);
	if (!f)
		return err_set(err, RF_ENOMEM, "no memory");
	int rc = gate_front_open(f, in, in->argument_count == 1, err);
	for (size_t i = 0; rc == 0 && i < in->argument_count; i++)
		rc = ask_one(f, in->arguments[i]);
	rc = gate_front_end(f, rc);
	gate_front_release(f);
	return rc;
}

static const struct option_row check_options[] = { GATE_OPTIONS, { 0 } };
const struct command command_gate_check = {
	"check",
	"may it run? judged by a bundle",
	(const struct verb[]){
		{ "", "SUBJECT...", "may it run? judged by a bundle", 1, 10000, check_options, run_check,
		  "SUBJECT: a file or folder of engines, models and libraries; a package URL (pkg:generic/nvidia/tensorrt@10.16.1.11);\n"
		  "sha256:DIGEST; release:SERVICE/NAME; registry:REFERENCE, an image that the bundle knows.\n"
		  "Exit: 1 denied, 3 something is in conflict or unknown (0 with --allow-warnings), 0 allowed, 2 could not run. --json:\n"
		  "one object a subject, a line each.",
		  false },
		{ 0 } },
};
