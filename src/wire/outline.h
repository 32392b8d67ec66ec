/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a store has to know of an encoded session, without decoding it.
 *
 * A store keeps a session as it came and changes a few fields of it in place
 * (src/store/table.h). That is possible where the octets are those which
 * baton_session_encode() would write: an order, no reserved bit set, nothing
 * unknown. baton_outline_read() says whether they are; what it does not take
 * may be right all the same, and goes the long way through
 * baton_session_decode() and baton_session_encode().
 */
#ifndef BATON_WIRE_OUTLINE_H
#define BATON_WIRE_OUTLINE_H

#include <baton/session.h>

struct baton_outline_child {
	uint32_t spi_in, spi_out;
	uint8_t protocol, flags;
	uint16_t at_life, at_counters; /* offsets of the bodies of LIFETIME and COUNTERS */
	struct baton_counters counters;
};

/* Fields have the names of struct baton_session. */
struct baton_outline {
	uint64_t spi_i, spi_r;
	struct baton_id owner; /* of data, only len octets are set */
	uint32_t epoch;
	uint64_t version;
	uint8_t stores, ranks, flags;
	bool stale;
	struct baton_addr local, remote;
	uint32_t msgid_in, msgid_out;
	uint16_t at_msgids, at_life; /* bodies of COUNTERS and LIFETIME; 0 = not known */
	unsigned child_count;
	struct baton_outline_child children[BATON_CHILDREN_MAX];
};

/* LEASE is the first payload of an encoded session: where its parts are. */
#define BATON_AT_LEASE 20u  /* its generic header */
#define BATON_AT_STATUS 24u /* Status, Stores, Ranks */
#define BATON_AT_EPOCH 28u
#define BATON_AT_VERSION 32u
#define BATON_AT_OWNER 56u /* ID Type, reserved (3), Server ID */

/* True only where baton_session_decode() takes the octets, and baton_session_encode() would write
 * the very same. */
bool baton_outline_read(struct baton_outline *o, const void *body, size_t len);
/* The same of a decoded session; offsets are 0. */
void baton_outline_of(struct baton_outline *o, const struct baton_session *s);

#endif
