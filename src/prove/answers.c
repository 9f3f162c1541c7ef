/* answers - every golden case through the old engine and the new one, compared output by output as it comes, so that no more
 * than one case's tensors are on the disk or in memory. */
#include "prove/prove_int.h"

#include <math.h>
#include <unistd.h>

#define SCRATCH_BYTES (4 * MIB)
#define PIECE_BYTES (256 * KIB)

/* One output of the model. */
struct slot {
	const char *name;
	struct numeric numeric;
	const char *absent;          /* which engine lacks it, in words; NULL: both have it */
	const char *uncomparable;    /* why .npy cannot hold it; NULL: it can */
};

struct answer { struct span name; const char *path, *type_text; };    /* path NULL: not kept */
struct answers { struct answer list[PROVE_MAX_OUTPUTS]; size_t n; };

struct judging {
	const struct prove_job *job;
	const struct golden *golden;
	struct runner *old_runner, *new_runner;
	const char *old_missing;     /* in words; set when there is no old engine to ask */
	struct arena *a;             /* of the result */
	struct arena scratch;        /* of one case */
	struct slot *slots;
	size_t slots_n, kept;
	struct str old_bytes, new_bytes;
	enum judgement stopped;      /* JUDGEMENT_PASS: not stopped */
	const char *stop_reason;
};

static int no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "out of memory");
}

static struct slot *slot_of(struct judging *j, struct span name)
{
	for (size_t i = 0; i < j->slots_n; i++)
		if (span_eq_text(name, j->slots[i].name))
			return &j->slots[i];
	if (j->slots_n == PROVE_MAX_OUTPUTS)
		return NULL;
	struct slot *s = &j->slots[j->slots_n];
	if (!(s->name = arena_text(j->a, name)))
		return NULL;
	struct numeric_rule rule = prove_numeric_rule(recipe_output(j->job->recipe, name));
	numeric_start(&s->numeric, &rule);
	j->slots_n++;
	return s;
}

/* Ends the judging with words: the engine, not this program, failed. */
static int stop(struct judging *j, enum judgement judgement, const char *what, const struct err *why, struct err *err)
{
	char text[2048];
	j->stopped = judgement;
	j->stop_reason = why ? arena_printf(j->a, "%s: %s", what, err_render(why, text, sizeof text)) : arena_text(j->a, span_of(what));
	return j->stop_reason ? 0 : no_memory(err);
}

static int take_outputs(const struct toolchain_iteration *it, struct answers *ret, struct err *err)
{
	if (it->output_count > PROVE_MAX_OUTPUTS)
		return err_set(err, RF_ETOOMANY, "the engine gives %zu outputs, at most %d", it->output_count, PROVE_MAX_OUTPUTS);
	ret->n = it->output_count;
	for (size_t i = 0; i < ret->n; i++)
		ret->list[i] = (struct answer){ it->outputs[i].name, it->outputs[i].path, it->outputs[i].type_text };
	return 0;
}

static int ask(struct judging *j, struct runner *r, const struct golden_case *c, struct answers *ret, struct err *err)
{
	struct toolchain_iteration it = { 0 };
	int rc = runner_run(r, c, 0, 1, true, &j->scratch, &it, err);
	return rc ? rc : take_outputs(&it, ret, err);
}

static void take_stored(const struct golden *g, const struct golden_case *c, struct answers *ret)
{
	ret->n = g->names.outputs_n;
	for (size_t i = 0; i < ret->n; i++)
		ret->list[i] = (struct answer){ span_of(g->names.outputs[i]), c->expected[i], "" };
}

/* What the new engine is held against. */
static int baseline_of(struct judging *j, const struct golden_case *c, struct answers *ret, struct err *err)
{
	if (j->old_missing) {
		if (j->golden->all_stored)
			take_stored(j->golden, c, ret);
		return 0;
	}
	struct err why = ERR_INIT;
	int rc = ask(j, j->old_runner, c, ret, &why);
	if (!rc)
		return 0;
	if (!runner_error_is_theirs(rc))
		return *err = why, rc;
	char text[2048];
	j->old_missing = arena_printf(j->a, "the old engine does not answer case %s: %s", c->name, err_render(&why, text, sizeof text));
	if (!j->old_missing)
		return no_memory(err);
	if (c == j->golden->cases && j->golden->all_stored)
		return take_stored(j->golden, c, ret), 0;
	return stop(j, JUDGEMENT_INCONCLUSIVE, arena_printf(j->a, "baseline missing: %s", j->old_missing), NULL, err);
}

/* What a driver wrote, never what a link there points to: out here that could be any file, the other engine's answer too. The
 * driver may still run, so it is the open file that is looked at. */
static int read_own(const char *path, struct str *bytes, struct err *err)
{
	struct stat st;
	int fd = -1;
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		(void)err_set(err, RF_ECONFLICT, "the driver left no regular file");
		return err_in_file(err, path);
	}
	int rc = fs_open_regular(path, true, &fd, &st, err);
	if (rc)
		return rc;
	RF_AUTO_FREE char *piece = rf_alloc(PIECE_BYTES);
	size_t n = piece ? PIECE_BYTES : 0;
	rc = piece ? 0 : no_memory(err);
	for (uint64_t at = 0; !rc && n == PIECE_BYTES; at += n) {
		rc = fs_pread(fd, piece, PIECE_BYTES, at, &n, err);
		if (!rc)
			str_add(bytes, span_bytes(piece, n));
	}
	(void)close(fd);
	rc = rc ? rc : str_check(bytes, "an output", err);
	return rc ? err_in_file(err, path) : 0;
}

static int read_tensor(const struct judging *j, const char *path, struct str *bytes, struct npy *ret, struct err *err)
{
	bool own = strncmp(path, j->job->task_folder, strlen(j->job->task_folder)) == 0;
	str_reset(bytes);
	int rc = own ? read_own(path, bytes, err) : fs_read(path, bytes, err);
	if (!rc && (rc = npy_read(str_span(bytes), ret, err)))
		(void)err_in_file(err, path);
	return rc;
}

static int compare_output(struct judging *j, const struct answer *b, const struct answer *c, struct slot *s, struct err *err)
{
	if (!b->path || !c->path) {
		s->uncomparable = arena_printf(j->a, "elements of type %s cannot be compared", !b->path ? b->type_text : c->type_text);
		return s->uncomparable ? 0 : no_memory(err);
	}
	struct npy x, y;
	int rc = read_tensor(j, b->path, &j->old_bytes, &x, err);
	if (!rc)
		rc = read_tensor(j, c->path, &j->new_bytes, &y, err);
	if (!rc)
		numeric_add(&s->numeric, &x, &y);
	return rc;
}

static const struct answer *find(const struct answers *list, struct span name)
{
	for (size_t i = 0; i < list->n; i++)
		if (span_eq(list->list[i].name, name))
			return &list->list[i];
	return NULL;
}

/* *ret_broke: one of the outputs broke a rule with this case, as the first of its cases. */
static int compare_case(struct judging *j, const struct answers *b, const struct answers *c, bool *ret_broke, struct err *err)
{
	int rc = 0;
	*ret_broke = false;
	for (size_t i = 0; !rc && i < b->n; i++) {
		struct slot *s = slot_of(j, b->list[i].name);
		const struct answer *other = find(c, b->list[i].name);
		if (!s)
			return err_set(err, RF_ETOOMANY, "more than %d different outputs", PROVE_MAX_OUTPUTS);
		if (!other) {
			s->absent = "the new engine does not have it";
			continue;
		}
		uint64_t before = s->numeric.first_bad_input;
		rc = compare_output(j, &b->list[i], other, s, err);
		*ret_broke = *ret_broke || s->numeric.first_bad_input != before;
	}
	for (size_t i = 0; !rc && i < c->n; i++)
		if (!find(b, c->list[i].name)) {
			struct slot *s = slot_of(j, c->list[i].name);
			if (!s)
				return err_set(err, RF_ETOOMANY, "more than %d different outputs", PROVE_MAX_OUTPUTS);
			s->absent = "the old engine does not have it";
		}
	return rc;
}

static void remove_files(const struct judging *j, const struct answers *list)
{
	size_t n = strlen(j->job->task_folder);
	for (size_t i = 0; i < list->n; i++)
		if (list->list[i].path && strncmp(list->list[i].path, j->job->task_folder, n) == 0)
			(void)unlink(list->list[i].path);
}

static int one_case(struct judging *j, const struct golden_case *c, struct err *err)
{
	struct answers baseline = { .n = 0 }, candidate = { .n = 0 };
	arena_reset(&j->scratch);
	int rc = baseline_of(j, c, &baseline, err);
	if (rc || j->stopped != JUDGEMENT_PASS)
		return rc;
	struct err why = ERR_INIT;
	rc = ask(j, j->new_runner, c, &candidate, &why);
	if (rc && runner_error_is_theirs(rc))
		return stop(j, rc == RF_EUNSUPPORTED ? JUDGEMENT_INCONCLUSIVE : JUDGEMENT_FAIL,
		            arena_printf(j->a, "the new engine does not answer case %s", c->name), &why, err);
	if (rc)
		return *err = why, rc;
	if (j->old_missing && !j->golden->all_stored)
		return stop(j, JUDGEMENT_INCONCLUSIVE, arena_printf(j->a, "baseline missing: %s; no outputs are stored with the golden inputs",
		                                                    j->old_missing), NULL, err);
	bool broke;
	rc = compare_case(j, &baseline, &candidate, &broke, &why);
	if (rc && runner_error_is_theirs(rc))
		return stop(j, JUDGEMENT_FAIL, arena_printf(j->a, "what an engine wrote for case %s is no tensor", c->name), &why, err);
	if (rc)
		return *err = why, rc;
	if (broke && j->kept < PROVE_MAX_KEPT) {
		j->kept++;
		return 0;
	}
	remove_files(j, &baseline);
	remove_files(j, &candidate);
	return 0;
}

/* A rule for an output that no engine has was never looked at. */
static int judge_unused_rules(struct judging *j, struct prove_output *outputs, size_t *n, struct err *err)
{
	const struct recipe *r = j->job->recipe;
	for (size_t i = 0; i < r->outputs_n; i++) {
		const char *name = r->outputs[i].name;
		bool used = strcmp(name, "*") == 0;
		for (size_t k = 0; !used && k < j->slots_n; k++)
			used = strcmp(name, j->slots[k].name) == 0;
		if (used || *n == 2 * PROVE_MAX_OUTPUTS)
			continue;
		struct prove_output *o = &outputs[(*n)++];
		*o = (struct prove_output){ .name = arena_text(j->a, span_of(name)), .judgement = JUDGEMENT_INCONCLUSIVE, .cause = NUMERIC_NO_DATA,
			                    .text = "the recipe asks for it, and neither engine has it" };
		struct numeric_rule rule = prove_numeric_rule(&r->outputs[i]);
		numeric_start(&o->numeric, &rule);
		if (!o->name)
			return no_memory(err);
	}
	return 0;
}

static int judge_slot(struct judging *j, const struct slot *s, struct prove_output *o, struct err *err)
{
	char text[256];
	*o = (struct prove_output){ .name = s->name, .numeric = s->numeric };
	if (s->absent) {
		o->judgement = JUDGEMENT_FAIL;
		o->cause = NUMERIC_ABSENT;
		o->text = s->absent;
	} else if (s->uncomparable) {
		o->judgement = JUDGEMENT_INCONCLUSIVE;
		o->cause = NUMERIC_NO_DATA;
		o->text = s->uncomparable;
	} else {
		o->judgement = numeric_judge(&s->numeric, &o->cause, text, sizeof text);
		const char *where = "";
		if (o->judgement == JUDGEMENT_FAIL && s->numeric.first_bad_input < j->golden->cases_n)
			where = arena_printf(j->a, "; first in case %s", j->golden->cases[s->numeric.first_bad_input].name);
		o->text = where ? arena_printf(j->a, "%s%s", text, where) : NULL;
	}
	return o->text ? 0 : no_memory(err);
}

static const char *pass_reason(struct judging *j, const struct prove_result *r)
{
	double largest = 0;
	uint64_t differing = 0, elements = 0;
	for (size_t i = 0; i < r->outputs_n; i++) {
		largest = fmax(largest, r->outputs[i].numeric.max_abs);
		elements += r->outputs[i].numeric.elements;
		differing += r->outputs[i].numeric.elements - r->outputs[i].numeric.identical;
	}
	if (!differing)
		return arena_printf(j->a, "identical in %zu cases, %llu values", r->cases, (unsigned long long)elements);
	return arena_printf(j->a, "same within tolerance in %zu cases: %llu of %llu values differ, by at most %.3g", r->cases,
	                    (unsigned long long)differing, (unsigned long long)elements, largest);
}

static int sum_up(struct judging *j, struct prove_result *r, struct err *err)
{
	struct prove_output *outputs = arena_array(j->a, 2 * PROVE_MAX_OUTPUTS, sizeof *outputs);
	if (!outputs)
		return no_memory(err);
	int rc = 0;
	size_t n = 0;
	for (; !rc && n < j->slots_n; n++)
		rc = judge_slot(j, &j->slots[n], &outputs[n], err);
	if (!rc && j->stopped == JUDGEMENT_PASS)
		rc = judge_unused_rules(j, outputs, &n, err);
	if (rc)
		return rc;
	r->outputs = outputs;
	r->outputs_n = n;
	r->numeric = j->stopped;
	r->reason = j->stop_reason;
	for (size_t i = 0; i < n; i++) {
		enum judgement with = judgement_worse(r->numeric, outputs[i].judgement);
		if (with != r->numeric && !(r->reason = arena_printf(j->a, "output %s: %s", outputs[i].name, outputs[i].text)))
			return no_memory(err);
		r->numeric = with;
	}
	if (!n && j->stopped == JUDGEMENT_PASS) {
		r->numeric = JUDGEMENT_INCONCLUSIVE;
		r->reason = "the engines have no outputs";
	}
	if (r->numeric == JUDGEMENT_PASS)
		r->reason = pass_reason(j, r);
	return r->reason ? 0 : no_memory(err);
}

int answers_judge(const struct prove_job *job, const struct golden *g, struct runner *old_runner, const char *old_missing,
                  struct runner *new_runner, struct arena *a, struct prove_result *result, struct err *err)
{
	struct judging j = { .job = job, .golden = g, .old_runner = old_runner, .new_runner = new_runner, .old_missing = old_missing, .a = a,
		             .scratch = ARENA_INIT(SCRATCH_BYTES), .old_bytes = STR_INIT(GIB), .new_bytes = STR_INIT(GIB) };
	int rc = (j.slots = arena_array(a, PROVE_MAX_OUTPUTS, sizeof *j.slots)) ? 0 : no_memory(err);
	size_t done = 0;
	prove_tell(job, "answers", 0, g->cases_n);
	for (; !rc && done < g->cases_n && j.stopped == JUDGEMENT_PASS; done++) {
		rc = one_case(&j, &g->cases[done], err);
		prove_tell(job, "answers", done + 1, g->cases_n);
	}
	result->cases = done;
	result->baseline_stored = j.old_missing && g->all_stored;
	if (!rc)
		rc = sum_up(&j, result, err);
	str_release(&j.old_bytes);
	str_release(&j.new_bytes);
	arena_release(&j.scratch);
	return rc;
}
