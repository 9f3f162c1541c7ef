/* pod - every file read, hashed and judged; the worst counts. See pod.h */
#include "base/thread.h"
#include "gate/pod_int.h"
#include "inventory/line.h"
#include "inventory/scan.h"

/* Facts, attestations and answer of one file. */
#define SUBJECT_ARENA_BYTES (256 * MIB)

struct judging {
	const struct gate_pod_options *o;
	struct pod_found *found;
	struct gate_pod_subject *subjects; /* one a file */
	bool *dropped;                     /* it is none of ours */
	enum platform_line line;           /* of the roots */
};

/* What cannot be read is a fact. */
static int facts_unread(struct arena *a, const char *why, struct artifact_facts *ret)
{
	*ret = (struct artifact_facts){ .kind = ARTIFACT_OTHER, .layout = "", .cause = ARTIFACT_CAUSE_UNREADABLE,
					.cc_major = -1, .cc_minor = -1, .finding = ARTIFACT_UNKNOWN };
	ret->notes[0] = arena_text(a, span_of(why));
	ret->note_count = 1;
	return ret->notes[0] ? 0 : RF_ENOMEM;
}

/* What lies inside of an archive is unpacked by other fronts, not here; and what nobody looked at is not known (law 2). */
static int inside_unread(struct gate_pod_subject *s, struct artifact_facts *f)
{
	if (!artifact_kind_only_holds(span_of(f->kind)) || f->finding != ARTIFACT_CLEAR)
		return 0;
	if (f->note_count == ARTIFACT_MAX_NOTES)
		f->note_count--;
	f->finding = ARTIFACT_UNKNOWN;
	f->cause = ARTIFACT_CAUSE_INCOMPLETE;
	f->notes[f->note_count] = arena_text(&s->arena, SPAN("what is inside is not looked into in front of a pod: unpack "
							     "it, or ask `reforge check` about it before"));
	return f->notes[f->note_count++] ? 0 : RF_ENOMEM;
}

static bool is_failure(int rc)
{
	return rc == RF_ENOMEM || rc == RF_ECANCELLED;
}

/* A library is of no use here unless it is a runtime, or code that a runtime is handed. */
static bool is_wanted(const struct pod_file *file, const struct artifact_facts *f)
{
	if (file->is_library)
		return strcmp(f->kind, ARTIFACT_RUNTIME_LIBRARY) == 0 || strcmp(f->kind, ARTIFACT_TENSORRT_PLUGIN) == 0;
	return strcmp(f->kind, ARTIFACT_OTHER) != 0 || f->finding != ARTIFACT_CLEAR ||
	       artifact_named_like_engine(span_of(strrchr(file->path, '/') ? strrchr(file->path, '/') + 1 : file->path));
}

/* Headers first: a folder of models holds gigabytes of weights and papers that nobody need hash. */
static int subject_read(struct gate_pod_subject *s, const struct pod_file *file, bool *ret_wanted, struct err *err)
{
	static const struct scan_options headers = { .no_digest = true };
	struct artifact_facts *facts = arena_alloc(&s->arena, sizeof *facts);
	char text[2048];
	struct err why = ERR_INIT;
	if (!facts)
		return err_set(err, RF_ENOMEM, "no memory for the facts of a file");
	s->subject.facts = facts;
	*ret_wanted = true;
	if (file->unread)
		return facts_unread(&s->arena, file->unread, facts) ? err_set(err, RF_ENOMEM, "no memory for a file") : 0;
	int rc = scan_one(file->path, &headers, &s->arena, facts, NULL, &why);
	if (rc == 0) {
		*ret_wanted = is_wanted(file, facts);
		rc = *ret_wanted ? scan_one(file->path, NULL, &s->arena, facts, &s->subject.digest, &why) : 0;
		if (rc == 0 && *ret_wanted)
			rc = inside_unread(s, facts);
	}
	if (is_failure(rc)) {
		*err = why;
		return rc;
	}
	/* a library that this user may not read is none that this user's program loads */
	if (rc != 0 && file->is_library)
		*ret_wanted = false;
	return rc != 0 && facts_unread(&s->arena, err_render(&why, text, sizeof text), facts)
		       ? err_set(err, RF_ENOMEM, "no memory for a file")
		       : 0;
}

static int judge_one(const struct judging *j, size_t i, struct err *err)
{
	struct gate_pod_subject *s = &j->subjects[i];
	const struct pod_file *file = &j->found->files[i];
	struct gate_subject *subject = &s->subject;
	bool wanted = true;
	*s = (struct gate_pod_subject){ .path = file->path, .is_library = file->is_library,
					.subject = { .kind = GATE_CONTENT, .name = span_of(file->path), .line = j->line },
					.arena = ARENA_INIT(SUBJECT_ARENA_BYTES) };
	int rc = subject_read(s, file, &wanted, err);
	j->dropped[i] = !wanted;
	if (rc || !wanted)
		return rc;
	if (!file->is_library)
		rc = pod_attestations(file, j->o->key, &s->arena, &subject->attestations, &subject->attestation_count,
				      err);
	/* with the image's own libraries at hand, they are judged for what they are */
	if (rc == 0 && j->o->root_count == 0)
		rc = pod_runtime(file, &s->arena, &subject->runtime, err);
	return rc ? rc : gate_judge(&s->arena, &j->o->question, subject, &s->answer, err);
}

struct failure {
	struct judging *j;
	struct err *err;
	int taken; /* one thread's error is enough */
};

static int job(size_t i, void *data)
{
	struct failure *f = data;
	struct err err = ERR_INIT;
	if (thread_stop_wanted())
		return RF_ECANCELLED;
	int rc = judge_one(f->j, i, &err);
	if (rc && __atomic_exchange_n(&f->taken, 1, __ATOMIC_ACQ_REL) == 0)
		*f->err = err;
	return rc;
}

/* The subjects that are ours, in their order; sums. */
static void gather(const struct judging *j, struct gate_pod *p)
{
	for (size_t i = 0; i < j->found->count; i++) {
		struct gate_pod_subject *s = &j->subjects[i];
		if (j->dropped[i]) {
			p->others += !s->is_library;
			arena_release(&s->arena);
			continue;
		}
		p->libraries += s->is_library;
		p->engines += !s->is_library;
		p->decision = RF_MAX(p->decision, s->answer.decision);
		p->status = gate_worse_status(p->status, gate_answer_exit_status(&s->answer));
		p->subjects[p->count++] = *s;
	}
	p->unread_folders = j->found->unread_folders;
	p->releases = j->found->release_count;
	p->signed_releases = j->found->verified_count;
	if (p->engines == 0) { /* no data is no pass */
		p->decision = RF_MAX(p->decision, GATE_WARN);
		p->status = gate_worse_status(p->status, 3);
	}
}

static int judge_all(struct judging *j, struct gate_pod *p, struct err *err)
{
	size_t n = j->found->count;
	struct err first = ERR_INIT;
	struct failure f = { .j = j, .err = &first };
	p->subjects = rf_alloc((n + 1) * sizeof *p->subjects);
	j->subjects = p->subjects;
	j->dropped = arena_array(&p->arena, n + 1, sizeof *j->dropped);
	if (!p->subjects || !j->dropped)
		return err_set(err, RF_ENOMEM, "no memory for %zu files", n);
	int rc = thread_each(n, j->o->threads, job, &f);
	if (rc) {
		p->count = n; /* all that were begun are to be released */
		if (!first.code)
			return err_set(err, rc, rc == RF_ECANCELLED ? "stopped" : "files could not be judged");
		*err = first;
		return rc;
	}
	gather(j, p);
	return 0;
}

static int roots_ask(struct judging *j, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < j->o->root_count; i++) {
		enum platform_line line;
		rc = line_of_root(j->o->roots[i], &line, err);
		if (rc == 0)
			j->line = line_join(j->line, line);
	}
	return rc;
}

int gate_pod_judge(const struct gate_pod_options *o, struct gate_pod *ret, struct err *err)
{
	struct err none = ERR_INIT;
	*ret = (struct gate_pod){ .arena = ARENA_INIT(GATE_POD_ARENA_BYTES) };
	struct pod_found found = { .o = o, .arena = &ret->arena };
	struct judging j = { .o = o, .found = &found };
	if (!err)
		err = &none;
	int rc = pod_find(&found, err);
	if (rc == 0)
		rc = roots_ask(&j, err);
	for (size_t i = 0; rc == 0 && i < found.engines; i++)
		rc = pod_release_of(&found, &found.files[i], err);
	if (rc == 0)
		rc = judge_all(&j, ret, err);
	pod_found_release(&found);
	return rc;
}

void gate_pod_release(struct gate_pod *p)
{
	for (size_t i = 0; p->subjects && i < p->count; i++)
		arena_release(&p->subjects[i].arena);
	rf_free(p->subjects);
	arena_release(&p->arena);
	*p = (struct gate_pod){ 0 };
}
