/* SPDX-License-Identifier: BSD-2-Clause */
/* Open addressing, at most half full; what is taken out closes its gap. */
#include "store/addresses.h"

#include "wire/clients.h"
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct entry {
	struct baton_record *record; /* NULL: empty */
	uint32_t hash;
};

struct baton_addresses {
	struct entry *entries;
	size_t size, used; /* size: a power of two */
	uint64_t seed;
};

static uint32_t hash_of(const struct baton_addresses *x, const struct baton_addr *a)
{
	uint64_t part[2] = {0}, h = x->seed;

	memcpy(part, a->ip, a->family == AF_INET6 ? 16 : 4);
	for (unsigned i = 0; i < 2; i++) {
		h = (h ^ part[i]) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

struct baton_addresses *baton_addresses_new(uint64_t seed)
{
	struct baton_addresses *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->size = 1024;
	x->seed = seed;
	x->entries = calloc(x->size, sizeof(*x->entries));
	if (x->entries)
		return x;
	free(x);
	return NULL;
}

void baton_addresses_free(struct baton_addresses *x)
{
	if (!x)
		return;
	free(x->entries);
	free(x);
}

static void put(struct baton_addresses *x, struct entry e)
{
	size_t i = e.hash & (x->size - 1);

	while (x->entries[i].record)
		i = (i + 1) & (x->size - 1);
	x->entries[i] = e;
}

static bool grow(struct baton_addresses *x)
{
	struct baton_addresses old = *x;

	x->entries = calloc(old.size * 2, sizeof(*x->entries));
	if (!x->entries) {
		*x = old;
		return false;
	}
	x->size = old.size * 2;
	for (size_t i = 0; i < old.size; i++)
		if (old.entries[i].record)
			put(x, old.entries[i]);
	free(old.entries);
	return true;
}

static unsigned clients(const struct baton_record *r, struct baton_addr *out)
{
	return r->body ? baton_session_clients(r->body, r->body_len, out) : 0;
}

int baton_addresses_add(struct baton_addresses *x, struct baton_record *r)
{
	struct baton_addr of[BATON_CLIENTS_MAX];
	unsigned count;

	if (!x)
		return 0;
	count = clients(r, of);
	while ((x->used + count) * 2 > x->size)
		if (!grow(x))
			return -BATON_E_SYSTEM;
	for (unsigned i = 0; i < count; i++)
		put(x, (struct entry){r, hash_of(x, &of[i])});
	x->used += count;
	return 0;
}

/* What stands behind the gap and could not have been found over it moves there. */
static void close_gap(struct baton_addresses *x, size_t gap)
{
	size_t mask = x->size - 1;

	for (size_t i = (gap + 1) & mask; x->entries[i].record; i = (i + 1) & mask) {
		size_t home = x->entries[i].hash & mask;

		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		x->entries[gap] = x->entries[i];
		gap = i;
	}
	x->entries[gap] = (struct entry){0};
}

void baton_addresses_remove(struct baton_addresses *x, const struct baton_record *r)
{
	struct baton_addr of[BATON_CLIENTS_MAX];
	unsigned count = x ? clients(r, of) : 0;

	for (unsigned i = 0; i < count; i++) {
		uint32_t hash = hash_of(x, &of[i]);
		size_t at = hash & (x->size - 1);

		while (x->entries[at].record &&
		       (x->entries[at].record != r || x->entries[at].hash != hash))
			at = (at + 1) & (x->size - 1);
		if (!x->entries[at].record)
			continue;
		close_gap(x, at);
		x->used--;
	}
}

static bool has(const struct baton_record *r, const struct baton_addr *a)
{
	struct baton_addr of[BATON_CLIENTS_MAX];
	unsigned count = clients(r, of);

	for (unsigned i = 0; i < count; i++)
		if (baton_addr_equal(&of[i], a))
			return true;
	return false;
}

struct baton_record *baton_addresses_find(const struct baton_addresses *x,
					  const struct baton_addr *a)
{
	struct baton_record *found = NULL;
	uint32_t hash;

	if (!x)
		return NULL;
	hash = hash_of(x, a);
	for (size_t i = hash & (x->size - 1); x->entries[i].record; i = (i + 1) & (x->size - 1)) {
		struct baton_record *r = x->entries[i].record;

		if (x->entries[i].hash == hash && !(r->flags & BATON_IKE_REKEYED) &&
		    (!found || r->serial > found->serial) && has(r, a))
			found = r;
	}
	return found;
}
