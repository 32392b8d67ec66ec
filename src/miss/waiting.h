/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of a packet for an SA that this gateway has not: the waiting
 * room, without I/O and without a clock of its own.
 *
 * Theory of operation. The first packet for an SA makes its entry and is told
 * to ASK; it and those that follow are held until the question is answered,
 * and leave in the order in which they came. An SA that nobody knows is *quiet*
 * for a while: its packets go on without a question, and the kernel discards
 * what it has no SA for. So is one that has
 * just been deleted, or claimed by another gateway: what still comes for it was
 * on its way. One that another gateway serves, and is to serve, is *away* for a
 * while: its packets are sent on to that gateway.
 *
 * Whoever sends random SPIs must not have the stores asked for each. Three
 * bounds: SPIs outside the partitions of the cluster are nobody's; so many
 * questions a second in all; and a share of these for each source (of 1024
 * buckets, by a hash of the address). Packets held are bounded, in all and for
 * each SA, and so are entries: the oldest quiet one makes room.
 */
#ifndef BATON_MISS_WAITING_H
#define BATON_MISS_WAITING_H

#include "miss/packet.h"
#include <sys/queue.h>

enum baton_miss_verdict { BATON_MISS_PASS, BATON_MISS_HOLD, BATON_MISS_ASK, BATON_MISS_AWAY };

/* Inbound SPIs first to last. */
struct baton_partition {
	uint32_t first, last;
};
#define BATON_PARTITIONS_MAX 16u
struct baton_partitions {
	unsigned count;
	struct baton_partition ranges[BATON_PARTITIONS_MAX];
};
/* False also where there are none. */
bool baton_partitions_have(const struct baton_partitions *p, uint32_t spi);

struct baton_miss_limits {
	unsigned held_max, held_per_sa;
	unsigned queries_per_s, queries_per_source;
	uint32_t quiet_ms;
	struct baton_partitions partitions; /* none: any SPI may be ours */
};

struct baton_miss_stats {
	uint64_t asked, held, released, discarded; /* held packets, and what became of them */
	uint64_t outside, quiet, limited, source_limited, full; /* not held, and why */
};

struct baton_waiting;

/* NULL when memory is out. */
struct baton_waiting *baton_waiting_new(const struct baton_miss_limits *l, uint64_t seed);
void baton_waiting_free(struct baton_waiting *w);
/* Of SAs that wait, what is new counts for what comes. */
void baton_waiting_limit(struct baton_waiting *w, const struct baton_miss_limits *l);

/* A packet for an SA that is not here. id is the caller's name for it. */
/* *peer: of one that is away, where it is. */
enum baton_miss_verdict baton_waiting_take(struct baton_waiting *w, const struct baton_packet *p,
					   uint32_t id, uint64_t now_ms, unsigned *peer);
/* The question about p's SA is answered: each is called for every packet that was held for it, in
 * their order. Not found: it is quiet from now on. */
void baton_waiting_end(struct baton_waiting *w, const struct baton_packet *p, bool found,
		       uint64_t now_ms, void (*each)(void *ctx, uint32_t id), void *ctx);
/* Nobody is to be asked for that SA until then, or later if that was said before. */
void baton_waiting_quiet(struct baton_waiting *w, const struct baton_packet *p, uint64_t until_ms);
/* It is here, or will be in a moment: it is asked for again, should it have been quiet or away. */
void baton_waiting_wake(struct baton_waiting *w, const struct baton_packet *p);
/* That peer has it. */
void baton_waiting_away(struct baton_waiting *w, const struct baton_packet *p, unsigned peer,
			uint64_t now_ms);
/* That peer is giving sessions to this node: what would be sent on to it waits, until it is said
 * (resume) that it can be looked for again; each is called for every packet that was held. */
void baton_waiting_pause(struct baton_waiting *w, unsigned peer);
void baton_waiting_resume(struct baton_waiting *w, unsigned peer,
			  void (*each)(void *ctx, uint32_t id), void *ctx);
/* Nothing is known of what that peer has. */
void baton_waiting_forget_peer(struct baton_waiting *w, unsigned peer);
const struct baton_miss_stats *baton_waiting_stats(const struct baton_waiting *w);

#endif
