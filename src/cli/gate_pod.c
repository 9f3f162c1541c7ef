/* gate pod - the gate in front of a container, offline: engines, the image's runtimes, attestations. */
#include "cli/gate.h"

#include "gate/pod.h"

/* What was met, for those who read the pod's log. */
static void told(const struct gate_pod *p, const struct gate_front *f)
{
	const char *name = gate_decision_name(p->decision);
	const struct check_outcome *o = &f->reports.outcome;
	if (f->in->quiet)
		return;
	fprintf(stderr, "%s: %s: %zu engines and models", cli_program.name, name, p->engines);
	if (p->libraries)
		fprintf(stderr, ", %zu runtime libraries", p->libraries);
	fprintf(stderr, ": %zu denied, %zu warned about; %zu other files", o->denied, o->warned, p->others);
	if (p->releases)
		fprintf(stderr, "; %zu releases, %zu signed by the site", p->releases, p->signed_releases);
	if (p->unread_folders)
		fprintf(stderr, "; %zu folders of the image could not be read", p->unread_folders);
	if (!p->engines)
		fprintf(stderr, "\n%s: no engine, model or library was found: is the volume mounted there?", cli_program.name);
	fputc('\n', stderr);
}

static int report(struct gate_front *f, const struct gate_pod *p)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < p->count; i++) {
		const struct gate_pod_subject *s = &p->subjects[i];
		rc = gate_front_answer(f, s->path, s->path, &s->subject, &s->answer);
	}
	return rc;
}

int gate_pod_run(const struct invocation *in, struct err *err)
{
	RF_AUTO_FREE struct gate_front *f = rf_alloc(sizeof *f);
	struct gate_pod pod = { 0 };
	if (!f)
		return err_set(err, RF_ENOMEM, "no memory");
	int rc = gate_front_open(f, in, false, err);
	const struct option_value *roots = option(in, "root");
	struct gate_pod_options o = { .engines = in->arguments, .engine_count = in->argument_count, .roots = roots->list,
				      .root_count = roots->count, .key = f->release_key, .question = f->question };
	if (rc == 0)
		rc = gate_pod_judge(&o, &pod, err);
	if (rc == 0)
		rc = report(f, &pod);
	if (rc == 0) {
		told(&pod, f);
		f->status = gate_worse_status(f->status, pod.status);
	}
	rc = gate_front_end(f, rc);
	gate_pod_release(&pod);
	gate_front_release(f);
	return rc;
}

const struct option_row gate_pod_options[] = {
	GATE_OPTIONS,
	{ "root", 0, OPTION_LIST, "DIR", "root of an image (/): its runtime libraries are judged too", NULL },
	{ 0 }
};
const char gate_pod_details[] =
	"Judges every engine and model in FOLDERs and FILEs, the runtime libraries below --root, and the attestations beside\n"
	"engines (MODEL.provenance.dsse, MODEL.proof.dsse, release.json with release.dsse), by a signed bundle: no network, no\n"
	"database. Releases and attestations are verified with the release key that the bundle carries.\n"
	"Exit: 1 denied, 3 something is in conflict or unknown (0 with --allow-warnings), 0 allowed, 2 could not run. --json:\n"
	"one object a subject, a line each, as check gives them. What was judged by, and a summary, go to stderr.";
