/* Looking things up in a snapshot that is ready. Nothing here allocates or changes anything. */
#include "gate/snapshot_int.h"

const struct gate_artifact *gate_snapshot_find(const struct gate_snapshot *s, const struct digest *digest)
{
	const struct gate_lists *l = s->lists;
	uint32_t bucket = gate_digest_bucket(l, digest);
	size_t low = l->starts[bucket], high = l->starts[bucket + 1];
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = memcmp(&s->artifacts[middle].digest, digest, sizeof *digest);
		if (c == 0)
			return &s->artifacts[middle];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* @text itself, or in its folder. */
static bool is_in(struct span text, struct span reference, bool below)
{
	if (text.n < reference.n || (reference.n && memcmp(text.p, reference.p, reference.n) != 0))
		return false;
	return text.n == reference.n || (below && text.p[reference.n] == '/');
}

struct gate_run gate_snapshot_models(const struct gate_snapshot *s, struct span reference, bool below)
{
	const struct gate_reference *list = s->models;
	size_t n = s->model_count, low = 0, high = n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (gate_path_compare(gate_snapshot_text_at(s, list[middle].text), reference) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	struct gate_run run = { list ? list + low : NULL, 0 };
	while (low + run.count < n && is_in(gate_snapshot_text_at(s, list[low + run.count].text), reference, below))
		run.count++;
	return run;
}

struct gate_run gate_snapshot_images(const struct gate_snapshot *s, struct span reference)
{
	const struct gate_numbers *index = &s->lists->images;
	size_t at = (size_t)hash_bytes(reference.p, reference.n) & (index->capacity - 1);
	for (; index->slots[at]; at = (at + 1) & (index->capacity - 1)) {
		struct gate_run run = { s->images + index->slots[at] - 1, 1 };
		if (!span_eq(gate_snapshot_text_at(s, run.first->text), reference))
			continue;
		while (run.first + run.count < s->images + s->image_count && run.first[run.count].text == run.first->text)
			run.count++;
		return run;
	}
	return (struct gate_run){ NULL, 0 };
}

bool gate_snapshot_has_host(const struct gate_snapshot *s, struct span host)
{
	const struct map *hosts = &s->lists->hosts;
	return map_get(hosts, host) || map_get(hosts, span_sub(host, 0, span_find_byte(host, '.')));
}

#define RELEASE_KEY_BYTES 512

const struct gate_release *gate_snapshot_release_find(const struct gate_snapshot *s, struct span service,
						      struct span name)
{
	char key[RELEASE_KEY_BYTES];
	if (service.n + name.n + 1 > sizeof key || !service.n || !name.n)
		return NULL;
	memcpy(key, service.p, service.n);
	key[service.n] = '/';
	memcpy(key + service.n + 1, name.p, name.n);
	return map_get(&s->lists->releases, (struct span){ key, service.n + 1 + name.n });
}

size_t gate_snapshot_rows_of(const struct gate_snapshot *s, const struct gate_artifact *artifact, const uint32_t **ret)
{
	const uint32_t *order = s->lists->rows_by_artifact, wanted = (uint32_t)(artifact - s->artifacts);
	size_t low = 0, high = s->row_count, n = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (s->rows[order[middle]].artifact < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + n < s->row_count && s->rows[order[low + n]].artifact == wanted)
		n++;
	*ret = order + low;
	return n;
}

size_t gate_snapshot_about(const struct gate_snapshot *s, const struct product *product, const uint32_t **ret)
{
	const struct gate_about *about = product ? map_get(&s->lists->about, span_of(product->purl)) : NULL;
	*ret = about ? about->list : NULL;
	return about ? about->count : 0;
}

const struct gate_service *gate_snapshot_service_find(const struct gate_snapshot *s, struct span name)
{
	return map_get(&s->lists->services, name);
}

size_t gate_snapshot_bytes(const struct gate_snapshot *s)
{
	size_t n = s->arena.used_bytes + s->text_block_count * GATE_TEXT_BLOCK + sizeof *s + sizeof *s->lists;
	n += s->artifact_room * sizeof *s->artifacts + s->part_room * sizeof *s->parts + s->set_room * sizeof *s->sets;
	n += (s->image_room + s->model_room) * sizeof *s->images + s->release_room * sizeof *s->releases;
	n += s->row_room * (sizeof *s->rows + sizeof *s->lists->rows_by_artifact);
	n += s->component_room * sizeof *s->components + s->hit_room * sizeof *s->hits;
	n += s->advisory_room * sizeof *s->advisories + s->waiver_room * sizeof *s->waivers;
	n += s->lists->images.capacity * sizeof *s->lists->images.slots;
	return n + (((size_t)1 << s->lists->bits) + 1) * sizeof *s->lists->starts;
}
