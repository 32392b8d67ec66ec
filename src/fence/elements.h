/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table in the words of nftables: the ruleset as text, changes of elements
 * as netlink messages. No sockets here.
 *
 * Sets, for ESP and AH over IPv4 and IPv6: `esp4_granted` (destination . SPI .
 * sequence number & mask) and `esp4_fenced` (destination . SPI), and so on. All
 * are hash sets: a packet that may pass costs one lookup, however many there
 * are.
 */
#ifndef BATON_FENCE_ELEMENTS_H
#define BATON_FENCE_ELEMENTS_H

#include "fence/ledger.h"
#include <stddef.h>
#include <stdio.h>

#define BATON_FENCE_TABLE "baton"
#define BATON_FENCE_COUNTER "refused"
#define BATON_FENCE_KEY_MAX 24 /* bytes: IPv6 address, SPI, sequence number */
#define BATON_FENCE_COMMENT_MAX 64

/* What tells our table from one of another version or block size. */
void baton_fence_comment(char comment[static BATON_FENCE_COMMENT_MAX], uint32_t block);
/* The table with nothing in it; in the same transaction goes whatever has that name. */
void baton_fence_print_table(FILE *out, uint32_t block);
/* Takes every element out. */
void baton_fence_print_flush(FILE *out);
/* Puts in what the entries want. */
void baton_fence_print_elements(FILE *out, const struct baton_fence_ledger *l);

/* ---- changes: elements of any number of entries, collected, then written as messages */
enum baton_fence_op { BATON_FENCE_DELETE, BATON_FENCE_ADD, BATON_FENCE_OPS };
#define BATON_FENCE_SETS 8u /* protocol, family, kind */

struct nftnl_set;
struct baton_fence_changes {
	struct nftnl_set *sets[BATON_FENCE_OPS][BATON_FENCE_SETS];
	unsigned count; /* elements */
};

/* Adds what makes wanted of kernel: at most 2 * BATON_FENCE_BLOCKS_MAX + 1 elements. 0 or
 * -BATON_E_FULL (out of memory): changes are to be thrown away then. They start zeroed. */
int baton_fence_changes_add(struct baton_fence_changes *c, const struct baton_fence_ledger *l,
			    const struct baton_fence_entry *e);
/* An upper bound of what baton_fence_changes_write() writes. */
size_t baton_fence_changes_size(const struct baton_fence_changes *c);
/* A batch, deletions first: begin, messages, end, numbered from *seq on, which becomes the first
 * number that is free; only the message numbered *ack asks for an acknowledgement. Returns bytes,
 * or 0 when out of memory. */
size_t baton_fence_changes_write(const struct baton_fence_changes *c, void *buf, uint32_t *seq,
				 uint32_t *ack);
void baton_fence_changes_free(struct baton_fence_changes *c);

#endif
