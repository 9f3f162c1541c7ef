/* Drafts as recipes (YAML with the source of each value), questions for people, JSON. adopt.h is the manual. Pure. */
#include "inventory/adopt_int.h"

/* ── YAML ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

void adopt_quoted(struct str *to, const char *text)
{
	struct json_out o = json_out(to, false);
	json_put_text(&o, text);
}

/* A comment stays one line, whatever the text holds. */
static void comment(struct str *to, const char *text)
{
	str_add_text(to, "  # ");
	str_add_visible(to, span_of(text));
	str_add_byte(to, '\n');
}

static void write_source(const struct adopt_field *f, struct str *to)
{
	RF_AUTO(str) text = STR_INIT(8 * KIB);
	str_addf(&text, "%s%s", f->proposed ? "proposed, to be confirmed: " : "", f->source);
	comment(to, str_text(&text));
}

static void write_head(const struct adopt_draft *d, struct str *to)
{
	str_addf(to, "# Adopted: drafted from what was found, not written by a person. State: %s.\n", adopt_state_name(d->state));
	for (size_t i = 0; i < d->engines_n; i++) {
		str_add_text(to, "# engine: ");
		str_add_visible(to, span_of(d->engines[i]->path));
		str_add_byte(to, '\n');
	}
	for (size_t i = 0; i < d->questions_n; i++) {
		const struct adopt_question *q = &d->questions[i];
		str_addf(to, "# ASK (%s): ", q->what);
		str_add_visible(to, span_of(q->text));
		str_add_byte(to, '\n');
		for (size_t k = 0; k < q->candidates_n; k++) {
			str_add_text(to, "#      perhaps: ");
			str_add_visible(to, span_of(q->candidates[k]));
			str_add_byte(to, '\n');
		}
	}
}

static void write_source_model(const struct adopt_draft *d, struct str *to)
{
	if (!d->source_path.value[0])
		return;
	str_add_text(to, "source:\n  path: ");
	adopt_quoted(to, d->source_path.value);
	write_source(&d->source_path, to);
	str_add_text(to, "  sha256: ");
	str_add_text(to, d->source_digest.value);
	write_source(&d->source_digest, to);
}

static void write_targets(const struct adopt_draft *d, struct str *to)
{
	if (d->targets_n)
		str_add_text(to, "targets:\n");
	for (size_t i = 0; i < d->targets_n; i++) {
		str_add_text(to, "  - ");
		adopt_quoted(to, d->targets[i].value);
		write_source(&d->targets[i], to);
	}
}

static void write_build(const struct adopt_draft *d, struct str *to)
{
	if (!d->arguments.value[0])
		return;
	str_add_text(to, "build:\n  args: [");
	for (size_t i = 0; i < d->args_n; i++) {
		str_add_text(to, i ? ", " : "");
		adopt_quoted(to, d->args[i]);
	}
	str_add_byte(to, ']');
	write_source(&d->arguments, to);
}

void adopt_recipe_yaml(const struct adopt_draft *d, struct str *to)
{
	write_head(d, to);
	str_add_text(to, "model: ");
	adopt_quoted(to, d->name);
	str_add_byte(to, '\n');
	if (d->service && d->service->owner[0]) {
		str_add_text(to, "owner: {name: ");
		adopt_quoted(to, d->service->owner);
		str_add_text(to, ", contact: ");
		adopt_quoted(to, d->service->contact);
		if (d->service->deputy[0]) {
			str_add_text(to, ", deputy: ");
			adopt_quoted(to, d->service->deputy);
		}
		str_add_text(to, "}  # of the service\n");
	}
	write_source_model(d, to);
	if (d->toolchain.value[0])
		str_addf(to, "toolchain: %s\n", d->toolchain.value);
	write_targets(d, to);
	write_build(d, to);
	str_add_text(to, "prove:\n  inputs: ");
	if (d->inputs.value[0]) {
		adopt_quoted(to, d->inputs.value);
		write_source(&d->inputs, to);
	} else {
		RF_AUTO(str) folder = STR_INIT(1 * KIB);
		str_addf(&folder, "golden/%s", d->name);
		adopt_quoted(to, str_text(&folder));
		comment(to, "ASK: put them there");
	}
	str_addf(to, "  outputs: {\"*\": %s}", d->tolerance.value);
	write_source(&d->tolerance, to);
}

/* ── questions ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Markdown's own characters are text here: a path may hold any. */
static void plain(struct str *to, const char *text)
{
	RF_AUTO(str) visible = STR_INIT(64 * KIB);
	str_add_visible(&visible, span_of(text));
	for (size_t i = 0; i < visible.n; i++) {
		if (strchr("\\`*_[]<>#|", visible.p[i]))
			str_add_byte(to, '\\');
		str_add_byte(to, visible.p[i]);
	}
}

static const char *owner_of(const struct adopt_draft *d)
{
	return d->service && d->service->owner[0] ? d->service->owner : "";
}

static int by_owner(const void *a, const void *b)
{
	const struct adopt_draft *x = *(const struct adopt_draft *const *)a, *y = *(const struct adopt_draft *const *)b;
	int c = strcmp(owner_of(x), owner_of(y));
	if (c)
		return c;
	c = strcmp(x->engines[0]->service, y->engines[0]->service);
	return c ? c : strcmp(x->name, y->name);
}

static void write_questions(const struct adopt_draft *d, struct str *to)
{
	str_add_text(to, "- **");
	plain(to, d->name);
	str_addf(to, "** (%s)\n", adopt_state_name(d->state));
	for (size_t i = 0; i < d->questions_n; i++) {
		const struct adopt_question *q = &d->questions[i];
		str_addf(to, "  - [ ] %s: ", q->what);
		plain(to, q->text);
		for (size_t k = 0; k < q->candidates_n; k++) {
			str_add_text(to, k ? ", " : " Perhaps ");
			plain(to, q->candidates[k]);
		}
		str_add_byte(to, '\n');
	}
}

void adopt_questions_markdown(const struct adopt_draft *drafts, size_t count, struct str *to)
{
	const struct adopt_draft **sorted = rf_realloc_array(NULL, count + 1, sizeof *sorted);
	if (!sorted) {
		to->failed = RF_ENOMEM;
		return;
	}
	for (size_t i = 0; i < count; i++)
		sorted[i] = &drafts[i];
	qsort(sorted, count, sizeof *sorted, by_owner);
	str_add_text(to, "# What adopted engines need from people\n");
	const char *owner = NULL, *service = NULL;
	for (size_t i = 0; i < count; i++) {
		const struct adopt_draft *d = sorted[i];
		if (!d->questions_n)
			continue;
		if (!owner || strcmp(owner, owner_of(d)) != 0) {
			owner = owner_of(d);
			service = NULL;
			str_add_text(to, "\n## ");
			plain(to, owner[0] ? owner : "Nobody yet");
			if (owner[0]) {
				str_add_text(to, " (");
				plain(to, d->service->contact);
				str_add_byte(to, ')');
			}
			str_add_byte(to, '\n');
		}
		if (!service || strcmp(service, d->engines[0]->service) != 0) {
			service = d->engines[0]->service;
			str_add_text(to, "\n### ");
			plain(to, service);
			str_add_text(to, "\n\n");
		}
		write_questions(d, to);
	}
	rf_free(sorted);
}

/* ── JSON ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void field_json(struct json_out *o, const char *key, const struct adopt_field *f)
{
	json_key(o, key);
	if (!f->value[0]) {
		json_put_null(o);
		return;
	}
	json_object(o);
	json_member(o, "value", f->value);
	json_member(o, "source", f->source);
	json_member_bool(o, "proposed", f->proposed);
	json_object_end(o);
}

static void fields_json(struct json_out *o, const struct adopt_draft *d)
{
	json_key(o, "fields");
	json_object(o);
	field_json(o, "toolchain", &d->toolchain);
	field_json(o, "source", &d->source_path);
	field_json(o, "sha256", &d->source_digest);
	field_json(o, "inputs", &d->inputs);
	field_json(o, "outputs", &d->tolerance);
	json_key(o, "targets");
	json_array(o);
	for (size_t i = 0; i < d->targets_n; i++)
		json_put_text(o, d->targets[i].value);
	json_array_end(o);
	json_key(o, "args");
	if (d->arguments.value[0]) {
		json_array(o);
		for (size_t i = 0; i < d->args_n; i++)
			json_put_text(o, d->args[i]);
		json_array_end(o);
	} else {
		json_put_null(o);
	}
	json_member(o, "args_source", d->arguments.source);
	json_object_end(o);
}

void adopt_draft_json(const struct adopt_draft *d, struct json_out *o)
{
	json_object(o);
	json_member(o, "name", d->name);
	json_member(o, "service", d->engines[0]->service);
	json_member(o, "owner", owner_of(d)[0] ? owner_of(d) : NULL);
	json_member(o, "state", adopt_state_name(d->state));
	json_key(o, "engines");
	json_array(o);
	for (size_t i = 0; i < d->engines_n; i++) {
		json_object(o);
		json_member(o, "path", d->engines[i]->path);
		json_member(o, "sha256", d->engines[i]->digest);
		json_member(o, "cause", d->engines[i]->cause[0] ? d->engines[i]->cause : NULL);
		json_member(o, "rule", d->engines[i]->rule[0] ? d->engines[i]->rule : NULL);
		json_object_end(o);
	}
	json_array_end(o);
	fields_json(o, d);
	json_key(o, "questions");
	json_array(o);
	for (size_t i = 0; i < d->questions_n; i++) {
		const struct adopt_question *q = &d->questions[i];
		json_object(o);
		json_member(o, "what", q->what);
		json_member(o, "text", q->text);
		json_member_bool(o, "blocks", q->blocks);
		json_key(o, "candidates");
		json_array(o);
		for (size_t k = 0; k < q->candidates_n; k++)
			json_put_text(o, q->candidates[k]);
		json_array_end(o);
		json_object_end(o);
	}
	json_array_end(o);
	json_object_end(o);
}
