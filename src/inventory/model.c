/* One model at hand: what is said of it, its names, its memory. See model_int.h. */
#include "inventory/model_int.h"

#include "base/str.h"

#define SHOWN_BYTES 64
#define FIRST_SLOTS 64

void model_begin(struct model *m, struct artifact_reading *r)
{
	*m = (struct model){ .r = r, .texts = ARENA_INIT(2 * MODEL_MAX_MEMORY_BYTES) };
}

void model_end(struct model *m)
{
	if (m->r->failed)
		return;
	model_graphs_judge(m);
	model_functions_judge(m);
}

void model_release(struct model *m)
{
	arena_release(&m->texts);
	map_release(&m->files);
	rf_free(m->names.list);
	rf_free(m->names.slots);
	rf_free(m->graphs);
	rf_free(m->defs);
	rf_free(m->uses);
	rf_free(m->calls);
	rf_free(m->call_slots);
	rf_free(m->functions);
}

void model_say(struct model *m, enum model_rule_id id, uint64_t at, const char *format, ...)
{
	const struct model_rule *rule = &model_rules[id];
	char text[256];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	artifact_object(m->r, rule->finding, rule->cause, rule->name, "%s: %s (at byte %llu)", rule->name, text,
			(unsigned long long)at);
}

const char *model_show(struct span name)
{
	static _Thread_local char buffers[4][4 * SHOWN_BYTES + 8];
	static _Thread_local unsigned next;
	char *buffer = buffers[next++ % RF_COUNT(buffers)];
	RF_AUTO(str) visible = STR_INIT(4 * SHOWN_BYTES + 1);
	bool cut = name.n > SHOWN_BYTES;
	size_t n = cut ? SHOWN_BYTES : name.n;
	while (cut && n > SHOWN_BYTES - 3 && ((unsigned char)name.p[n] & 0xc0) == 0x80)
		n--; /* not inside of a character */
	str_add_visible(&visible, span_sub(name, 0, n));
	snprintf(buffer, sizeof buffers[0], "\"%s%s\"", str_text(&visible), cut ? "..." : "");
	return buffer;
}

const char *model_show_name(const struct model *m, uint32_t name)
{
	return name ? model_show(span_bytes(m->names.list[name].p, m->names.list[name].n)) : "\"\"";
}

static bool memory_take(struct model *m, size_t bytes)
{
	if (m->full || m->r->failed)
		return false;
	if (bytes > MODEL_MAX_MEMORY_BYTES - m->memory) {
		m->full = true;
		model_object(m, MODEL_OVER_LIMIT, 0, "looking through it would take more than %d MiB of memory",
			     (int)(MODEL_MAX_MEMORY_BYTES / MIB));
		return false;
	}
	m->memory += bytes;
	return true;
}

bool model_grow(struct model *m, void *list, size_t count, size_t *room, size_t element)
{
	void *old;
	if (m->full || m->r->failed)
		return false;
	if (count + 1 < *room)
		return true;
	size_t wanted = *room ? 2 * *room : 64;
	if (wanted > UINT32_MAX || !memory_take(m, (wanted - *room) * element))
		return false;
	memcpy(&old, list, sizeof old);
	void *grown = rf_realloc_array(old, wanted, element);
	if (!grown) {
		m->r->failed = RF_ENOMEM;
		return false;
	}
	memset((char *)grown + *room * element, 0, (wanted - *room) * element);
	memcpy(list, &grown, sizeof grown);
	*room = wanted;
	return true;
}

/* ── Names ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool slots_grow(struct model *m)
{
	struct model_names *s = &m->names;
	size_t wanted = s->slot_count ? 2 * s->slot_count : FIRST_SLOTS;
	if (!memory_take(m, (wanted - s->slot_count) * sizeof *s->slots))
		return false;
	uint64_t *slots = rf_alloc(wanted * sizeof *slots);
	if (!slots) {
		m->r->failed = RF_ENOMEM;
		return false;
	}
	for (size_t i = 1; i <= s->count; i++) {
		size_t at = s->list[i].hash & (wanted - 1);
		while (slots[at])
			at = (at + 1) & (wanted - 1);
		slots[at] = (uint64_t)s->list[i].hash << 32 | i;
	}
	rf_free(s->slots);
	s->slots = slots;
	s->slot_count = wanted;
	return true;
}

/* Bytes that stay: those of the head do already. */
static const char *text_keep(struct model *m, struct span text)
{
	struct span head = m->r->head;
	if (text.p >= head.p && text.p < head.p + head.n)
		return text.p;
	if (!memory_take(m, text.n))
		return NULL;
	char *copy = arena_alloc(&m->texts, text.n);
	if (!copy)
		m->r->failed = RF_ENOMEM;
	else
		memcpy(copy, text.p, text.n);
	return copy;
}

void model_utf8_judge(struct model *m, struct span text, uint64_t at)
{
	if (!span_is_utf8(text))
		model_object(m, MODEL_NOT_UTF8, at, "%s is no UTF-8", model_show(text));
}

static uint32_t name_new(struct model *m, struct span text, uint32_t hash, size_t slot, uint64_t at)
{
	struct model_names *s = &m->names;
	model_utf8_judge(m, text, at);
	if (!model_grow(m, &s->list, s->count, &s->room, sizeof *s->list))
		return 0;
	const char *p = text_keep(m, text);
	if (!p)
		return 0;
	s->list[++s->count] = (struct model_name){ .p = p, .n = (uint32_t)text.n, .hash = hash };
	s->slots[slot] = (uint64_t)hash << 32 | s->count;
	return (uint32_t)s->count;
}

uint32_t model_name(struct model *m, struct span text, uint64_t at)
{
	struct model_names *s = &m->names;
	if (text.n == 0 || m->full)
		return 0;
	if (s->count + 1 >= s->slot_count / 2 && !slots_grow(m))
		return 0;
	uint32_t hash = (uint32_t)hash_bytes(text.p, text.n);
	size_t slot = hash & (s->slot_count - 1);
	for (; s->slots[slot]; slot = (slot + 1) & (s->slot_count - 1)) {
		if (s->slots[slot] >> 32 != hash)
			continue;
		uint32_t id = (uint32_t)s->slots[slot];
		const struct model_name *n = &s->list[id];
		if (n->n == text.n && memcmp(n->p, text.p, text.n) == 0)
			return id;
	}
	return name_new(m, text, hash, slot, at);
}

uint32_t model_name_at(struct model *m, uint64_t at, uint64_t n)
{
	if (n > MODEL_MAX_NAME_BYTES) {
		model_object(m, MODEL_OVER_LIMIT, at, "a name of %llu bytes", (unsigned long long)n);
		return 0;
	}
	const unsigned char *p = n ? artifact_at(m->r, at, (size_t)n) : NULL;
	return p ? model_name(m, span_bytes(p, (size_t)n), at) : 0;
}

bool model_name_is(const struct model *m, uint32_t name, const char *text)
{
	return name ? span_eq_text(span_bytes(m->names.list[name].p, m->names.list[name].n), text) : text[0] == '\0';
}

/* ── Versions, texts ─────────────────────────────────────────────────────────────────────────────────────────────── */

void model_version_judge(struct model *m, int64_t ir_version)
{
	if (ir_version < 1 || ir_version > MODEL_MAX_IR_VERSION)
		model_object(m, MODEL_IR_VERSION, 0, "IR version %lld", (long long)ir_version);
	else if (ir_version > MODEL_NEWEST_IR_VERSION)
		model_object(m, MODEL_NEWER_VERSION, 0, "IR version %lld; %d is the newest known here",
			     (long long)ir_version, MODEL_NEWEST_IR_VERSION);
}

/* A domain of one's own may leave the version out, which reads as 0. */
void model_opset_judge(struct model *m, struct span domain, int64_t version, uint64_t at)
{
	bool onnx = domain.n == 0 || span_eq_text(domain, "ai.onnx");
	if (version < (onnx ? 1 : 0) || version > MODEL_MAX_OPSET)
		model_object(m, MODEL_OPSET_VERSION, at, "version %lld of the operator set %s", (long long)version,
			     onnx ? "ai.onnx" : model_show(domain));
}

void model_text_judge(struct model *m, struct span text, uint64_t at)
{
	static const char *const suffixes[] = { ".so", ".dll", ".dylib" };
	bool library = false;
	for (size_t i = 0; i < RF_COUNT(suffixes); i++)
		library = library || (text.n > strlen(suffixes[i]) && span_ends(text, suffixes[i]));
	size_t so = span_find(text, SPAN(".so."));
	library = library || (so != SIZE_MAX && so > 0);
	if (library && span_is_utf8(text))
		model_object(m, MODEL_NATIVE_LIBRARY, at, "%s", model_show(text));
}
