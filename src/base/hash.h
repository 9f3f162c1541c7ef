/*
 * hash - checksums and hash tables that carry no security. Digests are crypto/'s.
 */
#ifndef REFORGE_BASE_HASH_H
#define REFORGE_BASE_HASH_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

/* CRC-32 as zlib's crc32 (polynomial 0xEDB88320); @crc is 0 at the start and the last result to go on. */
uint32_t crc32_add(uint32_t crc, const void *bytes, size_t n);

/* SipHash-1-3 with a key made at the start of the process: safe for keys that others choose. */
uint64_t hash_bytes(const void *bytes, size_t n);

/* A map from bytes to a pointer. Keys are borrowed: they must outlive the map. Not thread-safe. */
struct map_slot;
struct map {
	struct map_slot *slots;
	size_t count;
	size_t capacity;
};
#define MAP_INIT ((struct map){ 0 })
void *map_get(const struct map *m, struct span key);                      /* NULL when absent */
RF_MUST_CHECK int map_set(struct map *m, struct span key, void *value);   /* replaces; 0 or RF_ENOMEM; @value not NULL */
/* Visits all, any order: for (size_t i = 0; map_next(m, &i, &key, &value);) */
bool map_next(const struct map *m, size_t *position, struct span *ret_key, void **ret_value);
void map_release(struct map *m);

#endif
