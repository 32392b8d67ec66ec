/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel is to know: a set of keys of one length, each with how often
 * it was said to be known (two IKE SPIs may have the same half), and what of it
 * has changed since the kernel was told.
 */
#ifndef BATON_MISS_KNOWN_H
#define BATON_MISS_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATON_KEY_MAX 16u

struct baton_known_state {
	uint32_t count;
	bool used, changed;
	bool told; /* the kernel has it */
};

/* Open addressing; a slot with count 0 is only a stone in the way of a search. */
struct baton_known {
	size_t key_len; /* set by the owner, everything else 0 */
	uint8_t *keys;
	struct baton_known_state *states;
	size_t size, used; /* size: a power of two */
	unsigned count;
	uint8_t *changes; /* keys, the newest last */
	size_t change_count, change_size;
};

void baton_known_free(struct baton_known *k);
/* Once more, or once less. Where memory is out it is not known: its packets are asked about, and
 * that is answered here. */
void baton_known_set(struct baton_known *k, const void *key, bool known);
const uint8_t *baton_known_key(const struct baton_known *k, size_t slot);
/* The i-th change, from the newest on: its key, and its state. */
struct baton_known_state *baton_known_change(const struct baton_known *k, size_t i,
					     const uint8_t **key);
/* The kernel was told of the count newest changes. */
void baton_known_done(struct baton_known *k, size_t count);
/* The kernel was told of everything. */
void baton_known_all_done(struct baton_known *k);

#endif
