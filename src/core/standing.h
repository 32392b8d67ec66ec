/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a store may say of its own copies (docs/protocol.md 5.3.8).
 *
 * An owner tells each of its stores how many there are and which one it is, and
 * until when it counts it in (N(CONTACT)): until then nothing happens that the
 * store has not acknowledged. The time is the store's own: the owner returns a
 * tick that the store gave it, so however long the message was under way, the
 * store's idea of the end is the earlier one. No clocks are compared.
 *
 * It speaks for what it knows: what an earlier incarnation of the owner has put
 * may lack what that one did when it had written this store off.
 *
 * A hold of 0 says how many stores there are, and makes nothing current.
 *
 * It is also the owner's lease as a member of the cluster, which is shorter: half of the hold. Who
 * takes over from a member that is gone needs copies that are still current.
 *
 * A claim is executed once: a copy of it that comes late, when others have had
 * the session in between, claims nothing.
 */
#ifndef BATON_CORE_STANDING_H
#define BATON_CORE_STANDING_H

#include "store/table.h"

/* Incarnations of a peer that are remembered to be over: as many as may begin and end in the life
 * of a datagram. */
#define BATON_BOOTS_BEFORE 8u
/* No request is on its way for so long. What an incarnation that seemed to be over claims after
 * that is new: it was a late claim of an earlier one that made it seem so. */
#define BATON_LATE_MS 10000u

struct baton_standing {
	struct baton_id owner;
	uint64_t until_ms;  /* current until then */
	uint64_t member_ms; /* a member until then: not gone, whatever its copies are worth */
	uint32_t hold_ms;   /* of its last CONTACT that had one */
	uint64_t boot;	    /* ... for what this incarnation of it has put */
	uint64_t tick;	    /* of the CONTACT that said stores and rank */
	uint8_t stores, rank;
	bool drained; /* it takes no shares */
	/* claims of this peer that were executed: its incarnation and those before, the highest
	 * message ID, and a bit for each of the 64 up to it */
	uint64_t claim_boot;
	struct {
		uint64_t boot, ended_ms;
	} before[BATON_BOOTS_BEFORE];
	unsigned before_turn;
	uint32_t claim_top;
	uint64_t claim_seen;
};

struct baton_standings {
	unsigned count;
	struct baton_standing of[BATON_PEERS_MAX + 1];
};

/* More than half of the stores, or just half with the first among them: any two of these have a
 * store in common. ranks has a bit for each rank, 1 << (rank - 1). */
bool baton_is_quorum(uint8_t stores, uint8_t ranks);

/* NULL when the owner has never been in contact. */
const struct baton_standing *baton_standing_find(const struct baton_standings *s,
						 const struct baton_id *owner);
/* boot: the owner's incarnation that says so. */
void baton_standing_contact(struct baton_standings *s, const struct baton_id *owner, uint64_t boot,
			    const struct baton_contact *c, uint64_t now_ms);
bool baton_standing_is_current(const struct baton_standing *s, uint64_t now_ms);
/* Has it been in contact so lately that it is not gone? */
bool baton_standing_is_member(const struct baton_standing *s, uint64_t now_ms);
/* True for the first copy of a claim, which is marked as executed. */
bool baton_standing_claim(struct baton_standings *s, const struct baton_id *claimant, uint64_t boot,
			  uint32_t msgid, uint64_t now_ms);

#endif
