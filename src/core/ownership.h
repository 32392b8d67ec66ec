/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may change a session, and what a change does: the rules of
 * docs/protocol.md 5.3 for SA_Stor and claims, over a session table. Pure:
 * no I/O, no clock of its own. Applying the same message twice, or two
 * messages in the other order, ends in the same state.
 */
#ifndef BATON_CORE_OWNERSHIP_H
#define BATON_CORE_OWNERSHIP_H

#include "store/table.h"

/* Numbers a claim grants beyond the lease of the former owner. */
#define BATON_LEASE_DEFAULT 65536u

/* A claim may ask for an epoch that is so much greater; stores of one owner never differ by as
 * much.
 */
#define BATON_EPOCH_STEP_MAX (1u << 16)

/* A session claimed so lately is not claimed anew by everybody (core/service.c). The time of a
 * claim is kept in 16 bits: for two seconds every 68 minutes one looks lately claimed that is not,
 * and who comes with a packet then is told to come again. */
#define BATON_RACE_MS 2000u

struct baton_ownership {
	struct baton_table *table;
	const struct baton_id *self; /* this node's Server ID */
	uint32_t lease;		     /* sequence numbers granted at a time */
	uint64_t sender_boot;	     /* incarnation of who puts, 0 = does not matter */
	uint32_t rounds;	     /* claims of ours so far */
	uint32_t claim_round;	     /* of the claim whose answer is being taken */
	bool drained;		     /* this node takes no share of another that is gone */
	uint32_t least_epoch;	     /* a store knows a session as ours in that epoch, we do not */
	/* Called before a session this node owned becomes another's, while the record still shows
	 * the old state. May be NULL. */
	void (*losing)(void *ctx, struct baton_record *r);
	void *ctx;
};

/* Each returns a status for the LEASE item: BATON_OK or an enum baton_error (positive: it travels
 * on the wire). */

/* A session put by sender. s->epoch and s->version are the sender's; s->owner must be the sender.
 */
int baton_own_put(struct baton_ownership *o, const struct baton_id *sender,
		  const struct baton_session *s, uint64_t now_ms);
/* The same of a session that has not been decoded: its octets, with their outline. */
int baton_own_put_octets(struct baton_ownership *o, const struct baton_id *sender,
			 const struct baton_outline *s, const void *body, size_t len,
			 uint64_t now_ms);
int baton_own_report(struct baton_ownership *o, const struct baton_id *sender,
		     const struct baton_report *r);
int baton_own_delete(struct baton_ownership *o, const struct baton_id *sender,
		     const struct baton_delete *d, uint64_t now_ms);
/* By what right a claim is granted: a store's place among the stores of the owner before. The owner
 * itself has no place among them: it may have lost the session without knowing. */
struct baton_grant {
	uint8_t stores, ranks;
};
/* Makes claimant (in the incarnation boot) the owner: epoch + 1, or least_epoch, outbound numbers
 * continue above the lease, inbound ones above the limit. Also of what it owns: it may have lost
 * that in between. Copies of a claim are the caller's to tell (core/standing.h). */
int baton_own_claim(struct baton_ownership *o, struct baton_record *r,
		    const struct baton_id *claimant, uint64_t boot, uint32_t least_epoch,
		    struct baton_grant g);
/* A claim of ours begins: what stores grant to it counts together. Its round, which is to be
 * claim_round whenever an answer to it is taken. */
uint32_t baton_own_begin_claim(struct baton_ownership *o);
/* A session that a store has returned to our claim (of this node's incarnation boot). It becomes
 * ours, if no other has it in a newer epoch; each store's grant is added. regain: our IKE daemon
 * holds it, its own state is the newest, only epoch and numbers are taken. s may be changed. A
 * status.
 */
int baton_own_take(struct baton_ownership *o, struct baton_session *s, uint64_t boot, bool regain,
		   uint64_t now_ms);
/* A store has said that r, ours so far, is another's (s). */
void baton_own_yield(struct baton_ownership *o, struct baton_record *r,
		     const struct baton_status *s);
/* What claim_at of a record is now. */
uint16_t baton_own_clock(uint64_t now_ms);
/* Has r changed hands a moment ago? */
bool baton_own_is_recent(const struct baton_record *r, uint64_t now_ms);
/* Of those who claim a session in the same instant the one with the lowest Server ID gets it. */
bool baton_own_is_lower(const struct baton_id *a, const struct baton_id *b);
/* Another has r, in that epoch, since a moment ago, and we would get it: to be claimed once more,
 * above both (least_epoch is set for that). */
bool baton_own_claims_again(struct baton_ownership *o, const struct baton_record *r,
			    const struct baton_id *other, uint32_t epoch, uint64_t now_ms);
/* Is r ours beyond doubt: granted by a quorum, and one of these was current? */
bool baton_own_is_proven(const struct baton_record *r);
/* What a claim of our own session r has given back (s, of a store) while our IKE daemon holds it:
 * epoch and numbers are taken, the state is not, for ours is newer. BATON_OK or BATON_E_STALE_OWNER
 * (s is of an older epoch). */
int baton_own_regain(struct baton_record *r, const struct baton_session *s);
/* The digest of each bucket (docs/protocol.md, "DIGEST") of owner's sessions, added to digests. */
void baton_own_digests(const struct baton_ownership *o, const struct baton_id *owner,
		       uint64_t digests[BATON_BUCKETS]);
/* The LEASE item that answers for the session. */
void baton_own_status(const struct baton_ownership *o, uint64_t spi_i, uint64_t spi_r, int status,
		      struct baton_status *out);
/* Merges counters: each field only rises. */
void baton_counters_merge(struct baton_counters *into, const struct baton_counters *from);

#endif
