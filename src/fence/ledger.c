/* SPDX-License-Identifier: BSD-2-Clause */
#include "fence/ledger.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MIN 64u

void baton_fence_ledger_init(struct baton_fence_ledger *l, uint32_t block)
{
	*l = (struct baton_fence_ledger){.shift = (unsigned)__builtin_ctz(block)};
	TAILQ_INIT(&l->queue);
}

void baton_fence_ledger_free(struct baton_fence_ledger *l)
{
	for (unsigned i = 0; i < l->size; i++)
		for (struct baton_fence_entry *e = l->buckets[i], *next; e; e = next) {
			next = e->chain;
			free(e);
		}
	free(l->buckets);
	l->buckets = NULL;
	l->size = 0;
}

/* ---- the table --------------------------------------------------------------------------- */
static size_t addr_len(const struct baton_fence_sa *sa)
{
	return sa->dst.family == AF_INET ? 4 : 16;
}

static bool same(const struct baton_fence_sa *a, const struct baton_fence_sa *b)
{
	return a->spi == b->spi && a->protocol == b->protocol && a->dst.family == b->dst.family &&
	       memcmp(a->dst.ip, b->dst.ip, addr_len(a)) == 0;
}

/* Peers choose these SPIs: one that wants to can have its own SAs in one bucket, not others'. */
static unsigned home(const struct baton_fence_ledger *l, const struct baton_fence_sa *sa)
{
	uint32_t h = sa->spi ^ sa->protocol;

	for (size_t i = 0; i < addr_len(sa); i++)
		h = (h ^ sa->dst.ip[i]) * 0x01000193u;
	h ^= h >> 15;
	return h & (l->size - 1);
}

static struct baton_fence_entry *find(const struct baton_fence_ledger *l,
				      const struct baton_fence_sa *sa)
{
	struct baton_fence_entry *e = l->size ? l->buckets[home(l, sa)] : NULL;

	while (e && !same(&e->sa, sa))
		e = e->chain;
	return e;
}

static int grow(struct baton_fence_ledger *l)
{
	struct baton_fence_ledger old = *l;
	unsigned size = old.size ? old.size * 2 : SIZE_MIN;

	l->buckets = calloc(size, sizeof(struct baton_fence_entry *));
	if (!l->buckets) {
		l->buckets = old.buckets;
		return -BATON_E_FULL;
	}
	l->size = size;
	for (unsigned i = 0; i < old.size; i++)
		for (struct baton_fence_entry *e = old.buckets[i], *next; e; e = next) {
			struct baton_fence_entry **at = &l->buckets[home(l, &e->sa)];

			next = e->chain;
			e->chain = *at;
			*at = e;
		}
	free(old.buckets);
	return 0;
}

static struct baton_fence_entry *add(struct baton_fence_ledger *l, const struct baton_fence_sa *sa)
{
	struct baton_fence_entry *e, **at;

	if (l->count >= BATON_FENCE_SAS_MAX || (l->count >= l->size && grow(l)))
		return NULL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->sa = *sa;
	at = &l->buckets[home(l, sa)];
	e->chain = *at;
	*at = e;
	l->count++;
	return e;
}

static void drop(struct baton_fence_ledger *l, struct baton_fence_entry *e)
{
	struct baton_fence_entry **at = &l->buckets[home(l, &e->sa)];

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	l->count--;
	free(e);
}

/* ---- grants ------------------------------------------------------------------------------ */
static bool equal(const struct baton_fence_range *a, const struct baton_fence_range *b)
{
	return a->fenced == b->fenced && a->first == b->first && a->next == b->next;
}

/* In the queue is what the kernel has not. */
static void want(struct baton_fence_ledger *l, struct baton_fence_entry *e,
		 const struct baton_fence_range *r)
{
	bool differs = !equal(r, &e->kernel);

	e->wanted = *r;
	if (differs && !e->queued) {
		TAILQ_INSERT_TAIL(&l->queue, e, queue);
		l->queued++;
	} else if (!differs && e->queued) {
		TAILQ_REMOVE(&l->queue, e, queue);
		l->queued--;
	}
	e->queued = differs;
}

/* Whole blocks only: a block that reaches beyond to would let more pass than was granted. */
static struct baton_fence_range whole_blocks(const struct baton_fence_ledger *l, uint64_t from,
					     uint64_t to)
{
	uint64_t last_of_block = ((uint64_t)1 << l->shift) - 1;
	struct baton_fence_range r = {.fenced = true};

	r.first = from >> l->shift;
	r.next = to >> l->shift;
	if ((to & last_of_block) == last_of_block)
		r.next++;
	if (from > to || r.next <= r.first)
		r.first = r.next = 0;
	return r;
}

static bool can_be(const struct baton_fence_sa *sa)
{
	return sa->spi && (sa->protocol == BATON_PROTO_ESP || sa->protocol == BATON_PROTO_AH) &&
	       (sa->dst.family == AF_INET || sa->dst.family == AF_INET6);
}

int baton_fence_ledger_grant(struct baton_fence_ledger *l, const struct baton_fence_sa *sa,
			     uint64_t from, uint64_t to)
{
	struct baton_fence_range r = whole_blocks(l, from, to);
	struct baton_fence_entry *e;

	if (!can_be(sa))
		return -BATON_E_VALUE;
	/* Of a range near 2^32 long the low 32 bits, all that the kernel compares, say nothing. */
	if (r.next - r.first > BATON_FENCE_BLOCKS_MAX ||
	    r.next - r.first > (uint64_t)BATON_FENCE_SPAN_MAX >> l->shift)
		return -BATON_E_LIMIT;
	e = find(l, sa);
	if (!e)
		e = add(l, sa);
	if (!e)
		return -BATON_E_FULL;
	want(l, e, &r);
	return 0;
}

void baton_fence_ledger_release(struct baton_fence_ledger *l, const struct baton_fence_sa *sa)
{
	static const struct baton_fence_range nothing;
	struct baton_fence_entry *e = can_be(sa) ? find(l, sa) : NULL;

	if (!e)
		return;
	want(l, e, &nothing);
	if (!e->queued) /* the kernel has never heard of it */
		drop(l, e);
}

void baton_fence_ledger_done(struct baton_fence_ledger *l, struct baton_fence_entry *e)
{
	e->kernel = e->wanted;
	if (e->queued) {
		TAILQ_REMOVE(&l->queue, e, queue);
		l->queued--;
		e->queued = false;
	}
	if (!e->kernel.fenced)
		drop(l, e);
}

void baton_fence_ledger_all_done(struct baton_fence_ledger *l)
{
	for (unsigned i = 0; i < l->size; i++)
		for (struct baton_fence_entry *e = l->buckets[i], *next; e; e = next) {
			next = e->chain;
			baton_fence_ledger_done(l, e);
		}
}

void baton_fence_ledger_each(const struct baton_fence_ledger *l,
			     void (*fn)(void *ctx, const struct baton_fence_entry *e), void *ctx)
{
	for (unsigned i = 0; i < l->size; i++)
		for (const struct baton_fence_entry *e = l->buckets[i]; e; e = e->chain)
			fn(ctx, e);
}
