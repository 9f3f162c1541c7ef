/* hash - see hash.h */
#include "base/hash.h"

#include "base/random.h"

#include <pthread.h>

static uint32_t crc_table[8][256];

static void make_crc_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
		crc_table[0][i] = c;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int t = 1; t < 8; t++)
			crc_table[t][i] = (crc_table[t - 1][i] >> 8) ^ crc_table[0][crc_table[t - 1][i] & 0xff];
}

/* Slicing by 8: about 2 GB/s, so that a plan's checksum costs no more than reading it. */
uint32_t crc32_add(uint32_t crc, const void *bytes, size_t n)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_crc_table);
	const unsigned char *p = bytes;
	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8) {
		uint32_t low = crc ^ le32(p), high = le32(p + 4);
		crc = crc_table[7][low & 0xff] ^ crc_table[6][low >> 8 & 0xff] ^ crc_table[5][low >> 16 & 0xff] ^
		      crc_table[4][low >> 24] ^ crc_table[3][high & 0xff] ^ crc_table[2][high >> 8 & 0xff] ^
		      crc_table[1][high >> 16 & 0xff] ^ crc_table[0][high >> 24];
	}
	for (; n; n--, p++)
		crc = crc_table[0][(crc ^ *p) & 0xff] ^ (crc >> 8);
	return ~crc;
}

static uint64_t sip_key[2];

static void make_key(void)
{
	struct err err;
	if (random_bytes(sip_key, sizeof sip_key, &err) != 0) {
		/* no randomness: tables still work, only their order could be foreseen */
		sip_key[0] = 0x0706050403020100u;
		sip_key[1] = 0x0f0e0d0c0b0a0908u;
	}
}

static uint64_t rotate(uint64_t v, int by)
{
	return v << by | v >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein: SipHash, 2012; the reduced rounds that language run-times use for tables) */
uint64_t hash_bytes(const void *bytes, size_t n)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_key);
	const unsigned char *p = bytes;
	uint64_t v[4] = { sip_key[0] ^ 0x736f6d6570736575u, sip_key[1] ^ 0x646f72616e646f6du,
		          sip_key[0] ^ 0x6c7967656e657261u, sip_key[1] ^ 0x7465646279746573u };
	uint64_t last = (uint64_t)n << 56;
	size_t whole = n / 8;
	for (size_t i = 0; i < whole; i++, p += 8) {
		uint64_t m = le64(p);
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	for (size_t i = 0; i < n % 8; i++)
		last |= (uint64_t)p[i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map_slot {
	struct span key;
	uint64_t hash;
	void *value; /* NULL: free */
};

static struct map_slot *slot_for(struct map_slot *slots, size_t capacity, struct span key, uint64_t hash)
{
	for (size_t i = hash & (capacity - 1);; i = (i + 1) & (capacity - 1))
		if (!slots[i].value || (slots[i].hash == hash && span_eq(slots[i].key, key)))
			return &slots[i];
}

void *map_get(const struct map *m, struct span key)
{
	return m->count ? slot_for(m->slots, m->capacity, key, hash_bytes(key.p, key.n))->value : NULL;
}

int map_set(struct map *m, struct span key, void *value)
{
	if ((m->count + 1) * 4 > m->capacity * 3) {
		size_t capacity = m->capacity ? m->capacity * 2 : 16;
		struct map_slot *slots = capacity > SIZE_MAX / sizeof *slots ? NULL : rf_alloc(capacity * sizeof *slots);
		if (!slots)
			return RF_ENOMEM;
		for (size_t i = 0; i < m->capacity; i++)
			if (m->slots[i].value)
				*slot_for(slots, capacity, m->slots[i].key, m->slots[i].hash) = m->slots[i];
		rf_free(m->slots);
		m->slots = slots;
		m->capacity = capacity;
	}
	uint64_t hash = hash_bytes(key.p, key.n);
	struct map_slot *slot = slot_for(m->slots, m->capacity, key, hash);
	if (!slot->value)
		m->count++;
	*slot = (struct map_slot){ key, hash, value };
	return 0;
}

bool map_next(const struct map *m, size_t *position, struct span *ret_key, void **ret_value)
{
	while (*position < m->capacity) {
		const struct map_slot *slot = &m->slots[(*position)++];
		if (slot->value) {
			*ret_key = slot->key;
			*ret_value = slot->value;
			return true;
		}
	}
	return false;
}

void map_release(struct map *m)
{
	rf_free(m->slots);
	*m = MAP_INIT;
}
