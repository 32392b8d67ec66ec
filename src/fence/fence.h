/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sequence lease that the kernel enforces: an nftables table, `inet baton`,
 * that lets packets of a fenced outbound SA pass only while their sequence
 * number lies in what was granted. It holds with batond dead. Packets of SAs
 * that are not fenced, and everything that is not ESP or AH, pass untouched.
 *
 * Numbers are granted in blocks: aligned, of a power of two, one element of a
 * hash set each. A grant is rounded down to whole blocks, never up, so choose
 * leases that end where a block ends: baton_fence_end().
 *
 * A refused packet has used its number: the SA counts on. After a time without
 * grants read the SA's number before granting.
 *
 * What it does not see: SAs whose packets are numbered in hardware or after the
 * output hook. Where the module esp4_offload (esp6_offload) is loaded, a GSO
 * packet is judged by its first number, and the numbers of its other segments
 * may lie beyond the end: up to 65535 of them, in practice under 64.
 *
 * Grants wait in memory for baton_fence_flush(), which sends all of them in one
 * transaction: call it once per turn of the event loop. All but -BATON_E_SYSTEM
 * leave errno alone. For one thread; calls wait for the kernel, not for anybody
 * else.
 */
#ifndef BATON_FENCE_H
#define BATON_FENCE_H

#include <baton/session.h>

#define BATON_FENCE_BLOCK_MIN 16u
#define BATON_FENCE_BLOCK_MAX (1u << 28)
#define BATON_FENCE_BLOCKS_MAX 256u	/* of one SA at a time */
#define BATON_FENCE_SPAN_MAX (1u << 31) /* sequence numbers of one SA at a time */
#define BATON_FENCE_SAS_MAX (1u << 20)	/* of a fence */

struct baton_fence;

/* An outbound SA as its packets show it. */
struct baton_fence_sa {
	struct baton_addr dst; /* port unused */
	uint32_t spi;	       /* host order, not 0 */
	uint8_t protocol;      /* BATON_PROTO_ESP, plain or in UDP, or _AH */
};

/* Makes the table, or takes over the one that a former process has left: *adopted then, and its
 * elements stay in force until baton_fence_sync(). block: sequence numbers of a set element, a
 * power of two. A table of another version or block size stays in force as well, but grants wait
 * for baton_fence_sync() then. 0, -BATON_E_VALUE (block) or -BATON_E_SYSTEM (errno;
 * baton_fence_error()). The caller ends it with baton_fence_close(). */
int baton_fence_open(struct baton_fence **f, uint32_t block, bool *adopted);
/* keep: the table stays in the kernel and goes on refusing. Else it is deleted, as far as the
 * kernel lets us. What is queued is not sent. f may be NULL. */
void baton_fence_close(struct baton_fence *f, bool keep);

/* The last number of the block that holds number. */
static inline uint64_t baton_fence_end(uint32_t block, uint64_t number)
{
	return number | (block - 1);
}

/* From the next flush on the SA is fenced, and numbers from..to (both included; 64-bit with ESN)
 * may pass, and no others: this takes the place of what was granted to the SA before. Numbers below
 * from in the same block pass as well. Rounded down to whole blocks; when none is left, as with
 * from > to, nothing passes. Of a number the kernel compares the low 32 bits. The same grant again
 * costs nothing. 0; -BATON_E_VALUE for an SA that cannot be; -BATON_E_LIMIT for more than
 * BATON_FENCE_BLOCKS_MAX blocks or BATON_FENCE_SPAN_MAX numbers; -BATON_E_FULL (also when out of
 * memory): then nothing has changed. */
int baton_fence_grant(struct baton_fence *f, const struct baton_fence_sa *sa, uint64_t from,
		      uint64_t to);
/* The SA is no longer fenced, from the next flush on. One that is not known is left alone. */
void baton_fence_release(struct baton_fence *f, const struct baton_fence_sa *sa);

/* Sends what is queued, in few transactions; an SA is never in two. *remade: the table, or a part
 * of it, had been taken away by somebody, was made again with all that is granted, and is in force:
 * worth a line in the log. 0 or -BATON_E_SYSTEM: then what was not sent stays queued, and the next
 * call tries it again. */
int baton_fence_flush(struct baton_fence *f, bool *remade);
/* Replaces all elements in the kernel by what has been granted since baton_fence_open(), in one
 * transaction. After an adoption: when every SA has been granted anew. 0 or -BATON_E_SYSTEM: then
 * the kernel has what it had. */
int baton_fence_sync(struct baton_fence *f);

struct baton_fence_status {
	uint64_t refused_packets, refused_bytes; /* since the table was made */
	unsigned sas;				 /* that are fenced, or will be at the next flush */
	unsigned queued;			 /* that wait for a flush */
};
/* Asks the kernel for the counters. 0, -BATON_E_SYSTEM, or -BATON_E_NOT_FOUND when somebody has
 * taken the table away: nothing is fenced, and baton_fence_sync() makes it again. */
int baton_fence_read(struct baton_fence *f, struct baton_fence_status *status);

/* What nftables said of the last -BATON_E_SYSTEM of open, flush or sync, one line, "" when it said
 * nothing. f may be NULL: of a failed open. Valid until the next call. */
const char *baton_fence_error(const struct baton_fence *f);

#endif
