/* The chain of reasons: steps with their facts, as words and as JSON. */
#include "exposure/finding.h"

#include <stdarg.h>

static const char *const kind_names[] = { "file",   "header",     "claim",  "record",
					  "source", "comparison", "policy", "result" };

const char *reason_kind_name(enum reason_kind k)
{
	return (size_t)k < RF_COUNT(kind_names) ? kind_names[k] : "result";
}

static bool grow(struct reason *r)
{
	size_t capacity = r->capacity ? 2 * r->capacity : 16;
	struct reason_step *more = arena_array(r->a, capacity, sizeof *more);
	if (!more)
		return false;
	if (r->count)
		memcpy(more, r->steps, r->count * sizeof *more);
	r->steps = more;
	r->capacity = capacity;
	return true;
}

struct reason_step *reason_add(struct reason *r, enum reason_kind kind, const char *format, ...)
{
	if (r->brief && kind != REASON_RESULT)
		return NULL;
	/* the last place belongs to the result */
	if (r->count >= REASON_MAX_STEPS - (kind != REASON_RESULT) || (r->count == r->capacity && !grow(r))) {
		r->left_out++;
		return NULL;
	}
	struct str words = STR_INIT(16 * KIB);
	va_list args;
	va_start(args, format);
	str_vaddf(&words, format, args);
	va_end(args);
	const char *text = words.failed ? "(longer than 16 KiB)" : arena_text(r->a, str_span(&words));
	str_release(&words);
	if (!text) {
		r->left_out++;
		return NULL;
	}
	struct reason_step *step = &r->steps[r->count++];
	*step = (struct reason_step){ .kind = kind, .words = text };
	return step;
}

void reason_fact(struct reason_step *step, const char *key, struct span value)
{
	if (step && value.n && step->fact_count < REASON_MAX_FACTS)
		step->facts[step->fact_count++] = (struct reason_fact){ key, value, false };
}

void reason_fact_u64(struct reason *r, struct reason_step *step, const char *key, uint64_t value)
{
	const char *text = step ? arena_printf(r->a, "%llu", (unsigned long long)value) : NULL;
	if (text && step->fact_count < REASON_MAX_FACTS)
		step->facts[step->fact_count++] = (struct reason_fact){ key, span_of(text), true };
}

static void step_json(const struct reason_step *step, struct json_out *o)
{
	json_object(o);
	json_member(o, "step", reason_kind_name(step->kind));
	json_member(o, "text", step->words);
	for (size_t i = 0; i < step->fact_count; i++) {
		const struct reason_fact *f = &step->facts[i];
		json_key(o, f->key);
		if (f->is_number)
			json_put_raw(o, f->value);
		else
			json_put_span(o, f->value);
	}
	json_object_end(o);
}

void reason_json(const struct reason *r, struct json_out *o)
{
	json_array(o);
	for (size_t i = 0; i < r->count; i++)
		step_json(&r->steps[i], o);
	if (r->left_out) {
		json_object(o);
		json_member(o, "step", "claim");
		json_member_u64(o, "left_out", r->left_out);
		json_object_end(o);
	}
	json_array_end(o);
}

static enum reason_kind kind_read(struct span name)
{
	for (size_t i = 0; i < RF_COUNT(kind_names); i++)
		if (span_eq_text(name, kind_names[i]))
			return (enum reason_kind)i;
	return REASON_RESULT;
}

static void step_read(struct reason *r, struct json step)
{
	uint64_t left_out = 0;
	if (json_u64(json_get(step, "left_out"), &left_out))
		r->left_out += left_out;
	if (left_out)
		return;
	struct reason_step *to = reason_add(r, kind_read(json_string(json_get(step, "step"))), "%.*s",
					    SPAN_ARG(json_string(json_get(step, "text"))));
	for (struct json_each it = json_each(step); json_next(&it);) {
		struct span key = it.key;
		if (span_eq_text(key, "step") || span_eq_text(key, "text"))
			continue;
		uint64_t number = 0;
		const char *own = arena_text(r->a, key);
		if (own && json_u64(it.value, &number))
			reason_fact_u64(r, to, own, number);
		else if (own)
			reason_fact(to, own, arena_span(r->a, json_string(it.value)));
	}
}

void reason_read(struct reason *r, struct span text)
{
	__attribute__((cleanup(json_doc_freep))) struct json_doc *doc = json_doc_new();
	struct json root;
	if (!doc || json_parse(doc, text, &root, NULL))
		return;
	for (struct json_each it = json_each(root); json_next(&it);)
		step_read(r, it.value);
}

void reason_words(const struct reason *r, struct str *to)
{
	for (size_t i = 0; i < r->count; i++) {
		str_addf(to, "  %zu. ", i + 1);
		str_add_visible(to, span_of(r->steps[i].words));
		str_add_byte(to, '\n');
	}
	if (r->left_out)
		str_addf(to, "  (and %zu more steps)\n", r->left_out);
}
