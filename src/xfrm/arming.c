/* SPDX-License-Identifier: BSD-2-Clause */
/* Open addressing with linear probing; removal closes the gap, so there are no tombstones. */
#include "xfrm/arming.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_MIN 64u

static bool same(const struct baton_sa_id *a, const struct baton_sa_id *b)
{
	return a->spi == b->spi && a->protocol == b->protocol && a->dst.family == b->dst.family &&
	       memcmp(a->dst.ip, b->dst.ip, sizeof(a->dst.ip)) == 0;
}

/* SPIs are random, or at least the other side cannot choose ours; outbound ones are spread by the
 * address. */
static unsigned home(const struct baton_arming_table *t, const struct baton_sa_id *id)
{
	uint32_t h = id->spi;

	for (unsigned i = 0; i < sizeof(id->dst.ip); i++)
		h = (h ^ id->dst.ip[i]) * 0x01000193u;
	h ^= h >> 15;
	return h & (t->size - 1);
}

static unsigned find(const struct baton_arming_table *t, const struct baton_sa_id *id)
{
	unsigned i = home(t, id);

	while (t->slots[i].id.protocol && !same(&t->slots[i].id, id))
		i = (i + 1) & (t->size - 1);
	return i;
}

static int grow(struct baton_arming_table *t)
{
	struct baton_arming_table next = {.size = t->size ? t->size * 2 : SIZE_MIN,
					  .count = t->count};

	next.slots = calloc(next.size, sizeof(*next.slots));
	if (!next.slots)
		return -BATON_E_FULL;
	for (unsigned i = 0; i < t->size; i++)
		if (t->slots[i].id.protocol)
			next.slots[find(&next, &t->slots[i].id)] = t->slots[i];
	free(t->slots);
	*t = next;
	return 0;
}

int baton_arming_put(struct baton_arming_table *t, const struct baton_arming *a)
{
	unsigned i;

	/* At most half full, so that a search always meets an empty slot soon. */
	if (2 * t->count >= t->size && (t->count >= BATON_XFRM_ARMING_MAX || grow(t)))
		return -BATON_E_FULL;
	i = find(t, &a->id);
	if (!t->slots[i].id.protocol)
		t->count++;
	t->slots[i] = *a;
	return 0;
}

bool baton_arming_take(struct baton_arming_table *t, const struct baton_sa_id *id,
		       struct baton_arming *out)
{
	unsigned hole, i;

	if (!t->count)
		return false;
	hole = find(t, id);
	if (!t->slots[hole].id.protocol)
		return false;
	if (out)
		*out = t->slots[hole];
	t->count--;
	/* Move up whatever the hole would cut off from its home. */
	for (i = (hole + 1) & (t->size - 1); t->slots[i].id.protocol; i = (i + 1) & (t->size - 1)) {
		unsigned from_home = (i - home(t, &t->slots[i].id)) & (t->size - 1);
		unsigned from_hole = (i - hole) & (t->size - 1);

		if (from_home >= from_hole) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	memset(&t->slots[hole], 0, sizeof(t->slots[hole]));
	return true;
}

void baton_arming_free(struct baton_arming_table *t)
{
	free(t->slots);
	*t = (struct baton_arming_table){0};
}
