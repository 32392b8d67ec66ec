/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeping one peer store up to date with this node's own sessions.
 *
 * Theory of operation. A change marks the record dirty for the peer and puts
 * it on the peer's queue; only the latest state is ever sent, so a peer that
 * was away for an hour gets each session once. While a request about a record
 * is under way further changes stay on the queue, so a store sees one owner's
 * changes to one session in order. A deadline that passes means the peer is
 * DOWN: what was under way is dirty again, and only probes are sent until one
 * is answered. A peer with a new boot ID has lost its memory: everything we
 * own is sent again, between HELLO and SYNCED.
 *
 * Counting in (docs/protocol.md 5.3.8). A peer that is UP and a store of ours
 * is counted in: no lease is used that it has not acknowledged
 * (baton_lease_settle()). It is told so by CONTACTs. When it falls silent, no
 * more are sent; a hold after the last one its own clock has let it know that
 * it is out of date, and it is written off.
 *
 * Digests. When a peer comes back, and now and then, it is asked for digests of
 * what it has of ours; buckets that differ are listed, and what is missing, or
 * too much, is told. So a silent difference does not last.
 *
 * Pure: the exchange below does the sending; time is a parameter.
 */
#ifndef BATON_CORE_REPLICA_H
#define BATON_CORE_REPLICA_H

#include "core/exchange.h"
#include "core/ownership.h"

#define BATON_DIRTY_PUT 1u
#define BATON_DIRTY_REPORT 2u
#define BATON_DIRTY_DELETE 4u

#define BATON_HOLD_MS 10000u   /* a store is counted in for so long, see below */
#define BATON_CONTACT_MS 1000u /* between contacts, at most a quarter of the hold */
#define BATON_DIGEST_MS                                                                            \
	60000u		     /* between comparisons of what the peer has with what it should have */
#define BATON_PROBE_MS 1000u /* between probes of a silent peer */
#define BATON_DEADLINE_MS 3000u /* of a request; then the peer is DOWN */
#define BATON_BATCH_MAX 64u	/* records in one message */
#define BATON_BATCH_BYTES 8192u /* of sessions in one message */

enum baton_peer_state { BATON_PEER_DOWN, BATON_PEER_SYNCING, BATON_PEER_UP };
extern const char *const baton_peer_state_names[];

/* How many of a gateway's stores must have acknowledged what the peer is told: one, more than half
 * of all, all that are counted in. */
enum baton_ack { BATON_ACK_ANY, BATON_ACK_MAJORITY, BATON_ACK_ALL };
enum baton_stored { BATON_STORED, BATON_STORED_SOON, BATON_STORED_NOT };

struct baton_batch;
struct baton_peer;
struct baton_replica_ops {
	/* The peer's store says another node owns a session that we thought ours. */
	void (*lost)(void *ctx, struct baton_record *r, const struct baton_status *s);
	/*
	 * The peer's store says this node owns r, in a newer epoch than it knows: claimed by an
	 * earlier incarnation, or by a claim whose answer has not come. Others may have owned it in
	 * between. Only a claim's answer tells the numbers that are free: make one. Nothing is put
	 * to this peer about r until that has changed it.
	 */
	void (*behind)(void *ctx, struct baton_record *r);
	/* A store has acknowledged r; it was counted in, or written off (r NULL): leases may have
	 * become usable. May be NULL. */
	void (*settled)(void *ctx, struct baton_peer *p, struct baton_record *r);
	/* r has another version, above one that a store has: to be put to every peer. */
	void (*renamed)(void *ctx, struct baton_record *r);
	/* A store refused a session for a reason that sending it again will not mend. */
	void (*refused)(void *ctx, struct baton_peer *p, const struct baton_status *s);
	/* The peer's store has a session of this node's that it does not know: the answer to a
	 * claim has not come. Found by comparing digests. May be NULL. */
	void (*unknown)(void *ctx, struct baton_peer *p, const struct baton_status *s);
	void (*state)(void *ctx, struct baton_peer *p);
	/* A response to a request started with baton_peer_ask(). buf NULL: none came. */
	void (*answer)(void *ctx, struct baton_peer *p, void *tag, const void *buf, size_t len);
};

struct baton_peer {
	unsigned index;
	struct baton_id id;
	struct baton_addr addr;
	struct baton_exchange x;
	struct baton_ownership *own;
	const struct baton_replica_ops *ops;
	void *ctx;
	enum baton_peer_state state;
	uint64_t state_since_ms;
	bool absent;	      /* removed: it is told and asked nothing */
	uint64_t synced_boot; /* boot ID of the peer that has had everything, 0 = none */
	bool hello_due, synced_due, probing;
	uint8_t stores, rank; /* its place among our stores; rank 0: it is none */
	uint32_t hold_ms;
	bool announced;	     /* it knows how many stores there are (baton_stores_rank()) */
	bool held_back;	     /* the others do not all know: it is not told that it is counted in */
	bool counted;	     /* it is counted in */
	bool contacting;     /* a CONTACT is under way */
	uint64_t contact_ms; /* when the last CONTACT was sent */
	bool contact_again;  /* the last one had no tick to give back: it counts for nothing */
	uint64_t tick;	     /* the peer's, of its last response that had one ... */
	uint64_t tick_boot;  /* ... and which incarnation that was */
	uint64_t digest_ms;  /* next comparison */
	bool comparing;
	uint64_t differing[BATON_BUCKETS / 64]; /* buckets still to be listed */
	uint64_t repaired;			/* sessions that a comparison has sent again */
	uint64_t probe_ms;			/* next probe */
	struct baton_record_list queue;
	unsigned queued, flying;
	struct baton_session session;	 /* scratch */
	uint8_t buf[BATON_MESSAGE_MAX];	 /* scratch */
	uint8_t body[BATON_MESSAGE_MAX]; /* scratch */
	struct baton_message msg;	 /* scratch */
	struct baton_status statuses[BATON_ITEMS_MAX];
};

void baton_peer_init(struct baton_peer *p, unsigned index, struct baton_ownership *own,
		     const struct baton_replica_ops *ops, void *ctx);
/* Marks a change of r to be told to the peer. */
void baton_peer_dirty(struct baton_peer *p, struct baton_record *r, uint8_t what, uint64_t now_ms);
/* Takes r off the queue before it is dropped or given away. */
void baton_peer_forget(struct baton_peer *p, struct baton_record *r);
/* A peer that is new: it has been told nothing of r, whatever one before it had. */
void baton_peer_begin(const struct baton_peer *p, struct baton_record *r);
/* It is removed: what was to be told is forgotten. Requests under way run out. */
void baton_peer_leave(struct baton_peer *p);
/* Sends what may be sent now. Call after changes and after every input. Returns when to call again
 * at the latest. */
uint64_t baton_peer_pump(struct baton_peer *p, uint64_t now_ms);
/* A request of the caller's own (a retrieval): b was begun with baton_exchange_header() and is not
 * ended. */
int baton_peer_ask(struct baton_peer *p, struct baton_builder *b, void *tag, uint64_t now_ms,
		   uint64_t deadline_ms);
/* To be called from the exchange's response callback. */
void baton_peer_response(struct baton_peer *p, void *tag, const void *buf, size_t len,
			 uint64_t now_ms);
/*
 * The first `stores` ranks go to the peers for which is_store says so, in their order; when that
 * changes anything, no store is told that it is counted in before every other store knows how many
 * there are now, or has had the time to know that it is not current: else two of them, one with the
 * old number, could each make a quorum.
 */
void baton_stores_rank(struct baton_peer *const *peers, unsigned count, const bool *is_store);
/* To be called every now and then; changed_ms: when baton_stores_rank() was called last. */
void baton_stores_admit(struct baton_peer *const *peers, unsigned count, uint64_t changed_ms,
			uint64_t now_ms);
/* Makes the leases of r usable that every store counted on has acknowledged, and a quorum of all
 * stores; those of SAs that no store knows at once; none of an SA whose claim is not proven. True
 * when there are such. */
bool baton_lease_settle(struct baton_peer *const *peers, unsigned count, struct baton_record *r);
/* Have as many of our stores as `ack` asks for acknowledged that version of r, or a later one? If
 * not: may they still, or are too few of them there? */
enum baton_stored baton_stores_have(struct baton_peer *const *peers, unsigned count,
				    const struct baton_record *r, uint64_t version,
				    enum baton_ack ack);
/* Age of the oldest change the peer has not acknowledged, in ms; 0 = none. */
uint64_t baton_peer_lag_ms(const struct baton_peer *p, uint64_t now_ms);

#endif
