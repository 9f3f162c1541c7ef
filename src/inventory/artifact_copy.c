/* Facts that outlive the arena they were read into. See artifact.h. */
#include "inventory/artifact.h"

static bool span_keep(struct arena *a, struct span *s)
{
	if (s->n)
		*s = arena_span(a, *s);
	return s->n == 0 || s->p;
}

static bool notes_keep(struct arena *a, struct artifact_facts *f)
{
	for (size_t i = 0; i < f->note_count; i++)
		if (!(f->notes[i] = arena_text(a, span_of(f->notes[i]))))
			return false;
	return true;
}

static bool evidence_keep(struct arena *a, struct artifact_facts *f)
{
	if (!f->evidence_count) {
		f->evidence = NULL;
		return true;
	}
	struct artifact_evidence *list = arena_array(a, f->evidence_count, sizeof *list);
	if (!list)
		return false;
	memcpy(list, f->evidence, f->evidence_count * sizeof *list);
	f->evidence = list;
	for (size_t i = 0; i < f->evidence_count; i++)
		if (!(list[i].what = arena_text(a, span_of(list[i].what))) ||
		    !(list[i].value = arena_text(a, span_of(list[i].value))))
			return false;
	return true;
}

static bool components_keep(struct arena *a, struct artifact_facts *f)
{
	f->component_room = f->component_count;
	if (!f->component_count) {
		f->components = NULL;
		return true;
	}
	struct artifact_component *list = arena_array(a, f->component_count, sizeof *list);
	if (!list)
		return false;
	memcpy(list, f->components, f->component_count * sizeof *list);
	f->components = list;
	for (size_t i = 0; i < f->component_count; i++)
		if (!span_keep(a, &list[i].product) || !span_keep(a, &list[i].version) || !span_keep(a, &list[i].where))
			return false;
	return true;
}

int artifact_facts_copy(const struct artifact_facts *f, struct arena *a, struct artifact_facts *ret)
{
	struct artifact_facts c = *f;
	struct span *spans[] = { &c.stamp.toolchain, &c.stamp.version, &c.stamp.target, &c.stamp.recipe,
				 &c.stamp.build,     &c.stamp.source,  &c.producer_name, &c.producer_version };
	bool kept = notes_keep(a, &c) && evidence_keep(a, &c) && components_keep(a, &c);
	if (c.product)
		kept &= (c.product = arena_text(a, span_of(c.product))) != NULL;
	for (size_t i = 0; kept && i < RF_COUNT(spans); i++)
		kept = span_keep(a, spans[i]);
	if (!kept)
		return RF_ENOMEM;
	*ret = c;
	return 0;
}
