/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From sequence numbers the kernel tells to bounds the stores hold.
 *
 * Outbound: the lease is raised by a whole step when half of it is spent. The
 * step follows the SA's rate, so that a report is due every few seconds at most.
 *
 * Inbound: the kernel reports at most once per counter_age while packets
 * flow, and at once after silence. Between two reports the SA may accept more
 * packets; in_limit promises how many at most: one, and twice what the highest
 * rate seen of late brings in an age. More would be safer and cost more: what a
 * promise counts and the peer did not send, the peer loses at a takeover, and
 * of a slow flow one packet may be a second's. When the SA has been quiet for
 * two ages its number is exact and in_limit is taken back to it, so an idle
 * client loses no packet.
 * The replay exposure is what a client sends beyond that in the last
 * counter_age before a failure (docs/protocol.md 5.3.6).
 */
#ifndef BATON_CORE_WATCH_H
#define BATON_CORE_WATCH_H

#include "store/table.h"

/* A lease lasts so long at the SA's rate, and is a step at least. */
#define BATON_LEASE_SECONDS 20u
#define BATON_LEASE_MAX (1u << 28)
/* An SA without ESN is rekeyed when so many of its 2^32 numbers are used, by packets or takeovers.
 */
#define BATON_SEQ_WORN (UINT64_C(3) << 30)
#define BATON_SEQ_LAST UINT64_C(0xffffffff)

struct baton_watch {
	uint32_t lease;	 /* sequence numbers per step */
	uint32_t age_ms; /* counter_age */
};

/* Each returns true when the stores must be told. */
bool baton_watch_out(const struct baton_watch *w, struct baton_mark *m, uint64_t out_seq,
		     uint64_t now_ms);
/* Numbers of the SA after which the kernel is to report: a quarter of its lease. */
uint32_t baton_watch_threshold(const struct baton_watch *w, const struct baton_mark *m);
/* Should the SA be rekeyed: are its numbers running out, or is its lease nearly used and no store
 * there to extend it? */
bool baton_watch_is_worn(const struct baton_mark *m);
bool baton_watch_is_stuck(const struct baton_watch *w, const struct baton_mark *m);
bool baton_watch_in(const struct baton_watch *w, struct baton_mark *m, uint64_t in_seq,
		    uint64_t now_ms);
/* To be called every age: takes promises of quiet SAs back. */
bool baton_watch_settle(const struct baton_watch *w, struct baton_mark *m, uint64_t now_ms);

#endif
