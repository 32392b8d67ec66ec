/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is granted to whom, and what of it the kernel has. No kernel here.
 *
 * A grant is a range of block numbers (sequence number / block size, 64 bits).
 * The kernel's key of a block is the low 32 bits of its first sequence number:
 * blocks that are 2^32 numbers apart have the same key, so deletions go before
 * additions in a transaction, and a range is far shorter than that.
 */
#ifndef BATON_FENCE_LEDGER_H
#define BATON_FENCE_LEDGER_H

#include "fence/fence.h"
#include <sys/queue.h>

struct baton_fence_range {
	bool fenced;	      /* the SA is in the set of fenced SAs */
	uint64_t first, next; /* blocks; first == next: none */
};

struct baton_fence_entry {
	struct baton_fence_sa sa;
	struct baton_fence_range wanted, kernel;
	bool queued;
	TAILQ_ENTRY(baton_fence_entry) queue;
	struct baton_fence_entry *chain; /* of a bucket */
};

struct baton_fence_ledger {
	unsigned shift; /* a block is 1 << shift numbers */
	struct baton_fence_entry **buckets;
	unsigned size; /* of buckets: a power of two, or 0 */
	unsigned count, queued;
	TAILQ_HEAD(, baton_fence_entry) queue; /* wanted differs from kernel */
};

/* block: checked by baton_fence_open(). */
void baton_fence_ledger_init(struct baton_fence_ledger *l, uint32_t block);
void baton_fence_ledger_free(struct baton_fence_ledger *l);
/* As baton_fence_grant() and baton_fence_release(). */
int baton_fence_ledger_grant(struct baton_fence_ledger *l, const struct baton_fence_sa *sa,
			     uint64_t from, uint64_t to);
void baton_fence_ledger_release(struct baton_fence_ledger *l, const struct baton_fence_sa *sa);
/* The kernel has what is wanted of e, which leaves the queue; one that was released is freed. */
void baton_fence_ledger_done(struct baton_fence_ledger *l, struct baton_fence_entry *e);
/* The same for all of them: the kernel was given everything anew. */
void baton_fence_ledger_all_done(struct baton_fence_ledger *l);
/* Of every entry, those released as well; fn must not change the ledger. */
void baton_fence_ledger_each(const struct baton_fence_ledger *l,
			     void (*fn)(void *ctx, const struct baton_fence_entry *e), void *ctx);

/* The key of a block: the first number in it, low 32 bits, host order. */
static inline uint32_t baton_fence_key(const struct baton_fence_ledger *l, uint64_t block)
{
	return (uint32_t)(block << l->shift);
}
static inline bool baton_fence_holds(const struct baton_fence_range *r, uint64_t block)
{
	return block >= r->first && block < r->next;
}

#endif
