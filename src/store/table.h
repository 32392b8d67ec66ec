/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The session table: the memory backend.
 *
 * A record keeps a session as it was encoded at the last SA_Stor, and beside
 * it, decoded, only what changes often (counters, message IDs) or is searched
 * for (IKE SPIs, inbound SPIs, owner). baton_record_render() puts the two
 * together again, with lifetimes reduced by the time that has passed: it knows
 * where in the octets those fields stand (wire/outline.h) and writes them over.
 *
 * Stores hold many sessions, so a record is small: marks and octets are one
 * piece of memory, a Server ID is kept once for all who have it, and what there
 * is to tell each peer exists only once there was something to tell.
 *
 * A deleted session leaves a tombstone, so that a late SA_Stor cannot bring
 * it back; tombstones go after BATON_TOMBSTONE_MS.
 *
 * The table decides nothing: src/core/ownership.h does. It does no I/O.
 */
#ifndef BATON_STORE_TABLE_H
#define BATON_STORE_TABLE_H

#include "wire/outline.h"
#include <baton/message.h>
#include <sys/queue.h>

#define BATON_PEERS_MAX 8
#define BATON_TOMBSTONE_MS UINT64_C(3600000)

struct baton_record;

/* What the table knows of one CHILD SA without decoding the session. */
struct baton_mark {
	struct baton_record *record;
	struct baton_mark *next_in, *next_out; /* hash chains */
	uint32_t spi_in, spi_out;
	struct baton_counters counters;
	uint64_t usable;  /* owner side: the part of out_lease that may be used: a quorum and every
			     store it counts on has acknowledged it, or no store knows the SA */
	uint64_t granted; /* claimant: the least of the out_leases that this claim was granted */
	/* owner side only: how fast the inbound number moves (src/core/watch.h) */
	uint32_t seen_ms; /* time of the last inbound report, or when it became ours; 0 = none */
	uint32_t out_ms;  /* of the last outbound one */
	uint32_t
		step; /* of the lease, as the rate asks for; below the configured one that counts */
	uint32_t rate_pps;	       /* packets per second, the highest of late */
	uint16_t at_life, at_counters; /* in the record's body, see its at_msgids */
	uint8_t protocol, flags;
	bool renewing : 1; /* its rekeying was asked for */
	bool taken : 1;	   /* taken over, and not rekeyed since */
	bool fresh : 1;	   /* not known before the last put: an SA just made */
	bool told : 1;	   /* another may know it: no number beyond usable may be sent */
	bool unproven : 1; /* claimed, but not proven: none of its numbers is ours */
	bool watched : 1;  /* thresholds are set in the kernel */
	bool guarded : 1;  /* the kernel is told that it is here (src/miss) */
	bool moving : 1;   /* in_limit is ahead of in_seq: settle when quiet */
	bool heard : 1;	   /* an inbound report has come since it is ours */
};

/* Has the peer sent of late, as its owner tells, or the one before told? */
static inline bool baton_mark_is_busy(const struct baton_mark *m)
{
	return m->counters.in_limit > m->counters.in_seq;
}

/* Replication state of one record towards one peer store (src/core/replica.h). */
struct baton_replica {
	TAILQ_ENTRY(baton_record) entry;
	uint8_t dirty; /* BATON_DIRTY_* waiting to be sent; != 0 means: on the peer's queue */
	bool flying;   /* a request about this record is under way */
	bool refused;  /* the store does not take it */
	uint64_t acked_version;
	uint32_t acked_lease;	 /* lease_serial of what it has; refused: the epoch then */
	uint64_t dirty_since_ms; /* of the oldest unacknowledged change, 0 = none */
};

struct baton_record {
	uint64_t spi_i, spi_r;
	struct baton_record *next[2]; /* hash chains by spi_i, by spi_r */
	TAILQ_ENTRY(baton_record) all;
	uint64_t serial;	      /* position for cursors: rises in order of insertion */
	const struct baton_id *owner; /* never NULL; baton_record_set_owner() changes it */
	uint64_t version;
	uint64_t claim_boot; /* boot ID of the node whose claim made it the owner, 0 = stored, not
				claimed */
	uint64_t put_boot;  /* boot ID of the owner that has put it, 0 = not known, or claimed since
			     */
	uint64_t stored_ms; /* when body was stored: lifetimes count from here */
	uint16_t claim_from;  /* store: of whom it was claimed (a hash) ... */
	uint16_t claim_at;    /* when it changed hands: 1/16 s, the low bits, odd; 0 = never */
	uint32_t claim_msgid; /* ... by which claim ... */
	uint8_t *body;	      /* encoded session; locked memory; NULL when deleted */
	struct baton_mark *marks;
	/* By peer; all read as 0 until baton_record_attach(), and before it only 0 may be written.
	 */
	struct baton_replica *peers;
	uint32_t epoch;
	uint32_t msgid_in, msgid_out;
	uint16_t body_len;
	uint16_t at_msgids, at_life;	 /* where in body the message IDs' COUNTERS and LIFETIME
					    are; 0 = it has to be decoded to be changed */
	struct baton_addr local, remote; /* endpoints, for SA identifiers */
	bool deleted : 1;
	bool claim_stale : 1;	/* ... and that the copy may have been out of date then */
	bool granted_stale : 1; /* what is said of this copy when it is told: it may be out of
				   date */
	bool claimed : 1;    /* store: claimed, and not put since: its version is not the owner's */
	bool unproven : 1;   /* claimed, and not put since by an owner that had proven it */
	bool current : 1;    /* claimant: a store that granted was current */
	bool stale : 1;	     /* claimant: not proven, only the IKE SA may be used */
	bool ike_only : 1;   /* gateway, as those that follow: its CHILD SAs are told to nobody */
	bool held : 1;	     /* the IKE daemon holds it */
	bool guarded : 1;    /* as of its SAs */
	bool installing : 1; /* an SA_INSTALL is under way */
	bool renewed : 1;    /* what is being installed has been overtaken: install again */
	uint32_t claim_round;  /* claimant: which claim of ours stores and ranks are of */
	uint32_t lease_serial; /* gateway: rises with each raise of an out_lease */
	uint8_t mark_count;
	uint8_t flags; /* BATON_IKE_* */
	/* By which stores the owner holds its epoch (struct baton_session); at the claimant it
	 * grows with the answers. */
	uint8_t stores, ranks;
};
TAILQ_HEAD(baton_record_list, baton_record);

struct baton_table {
	struct baton_record **by_ike[2]; /* by spi_i, by spi_r */
	struct baton_mark **by_in, **by_out;
	size_t buckets; /* power of two; of by_ike[0] and by_out, seldom searched, a quarter */
	struct baton_addresses *addresses; /* NULL until one is searched for */
	struct baton_owner *owners;	   /* every Server ID that owns something, once */
	unsigned peers; /* of this node: how many a record has something to tell; may be set after
			   baton_table_init() */
	uint64_t seed;
	unsigned max; /* live sessions */
	unsigned live, tombstones;
	uint64_t serial;
	size_t body_bytes;
	struct baton_record_list records; /* in order of serial */
	struct baton_record *place;	  /* where baton_table_after() was last, NULL = nowhere */
};

/* max_sessions bounds live sessions and, apart, tombstones. 0 or -BATON_E_SYSTEM. */
int baton_table_init(struct baton_table *t, unsigned max_sessions, uint64_t seed);
void baton_table_free(struct baton_table *t);

/* Live or tombstone; NULL when unknown. */
struct baton_record *baton_table_find(struct baton_table *t, uint64_t spi_i, uint64_t spi_r);
/* A live one by the SPI of either side of its IKE SA; of several the one that was first. */
struct baton_record *baton_table_find_ike(struct baton_table *t, uint64_t spi);
/* By inbound SPI (RFC 4301: the SPI alone indexes a unicast SA). */
struct baton_mark *baton_table_find_in(struct baton_table *t, uint32_t spi_in);
/* A live one whose peer has that address inside the tunnel (wire/clients.h), the last of several;
 * none that the peer has replaced. The first such search goes through all there is and makes an
 * index, which is kept from then on. */
struct baton_record *baton_table_find_address(struct baton_table *t, const struct baton_addr *a);
/* By outbound SPI, which only its receiver keeps unique: the remote address decides. */
struct baton_mark *baton_table_find_out(struct baton_table *t, uint32_t spi_out,
					const struct baton_addr *remote);
struct baton_mark *baton_record_mark(struct baton_record *r, uint32_t spi_in);

/* The first record with a greater serial, or NULL. Cheap for who goes on where it was. */
struct baton_record *baton_table_after(struct baton_table *t, uint64_t serial);

/* A new, empty record. NULL when the table is full or memory is out. */
struct baton_record *baton_table_add(struct baton_table *t, uint64_t spi_i, uint64_t spi_r);
/* Replaces what the record holds by s, encoded, and gives it a new serial. Counters of SAs known
 * before stay where they were (the caller merges); message IDs never fall. Inbound SPIs that named
 * another session of the table now name this one. 0, -BATON_E_SYSTEM or what baton_session_encode()
 * says. */
int baton_table_replace(struct baton_table *t, struct baton_record *r,
			const struct baton_session *s, uint64_t now_ms);
/* Gives the record a new serial: whoever follows gets it again. */
void baton_table_touch(struct baton_table *t, struct baton_record *r);
/* The same of a session that is encoded already, with its outline. 0 or -BATON_E_SYSTEM. */
int baton_table_store(struct baton_table *t, struct baton_record *r, const struct baton_outline *o,
		      const void *body, size_t len, uint64_t now_ms);
/* Fetches into the cache what will be looked at in a record: step by step from 0 to
 * BATON_EXPECT_STEPS - 1, each some time after the one before. */
#define BATON_EXPECT_STEPS 5u
void baton_table_expect(const struct baton_table *t, uint64_t spi_i, uint64_t spi_r, unsigned step);
/* 0 or -BATON_E_SYSTEM; then nothing has changed. */
int baton_record_set_owner(struct baton_table *t, struct baton_record *r,
			   const struct baton_id *owner);
/* Gives the record a state for each peer. 0 or -BATON_E_SYSTEM. */
int baton_record_attach(struct baton_table *t, struct baton_record *r);
bool baton_record_is_attached(const struct baton_record *r);
/* Turns a record into a tombstone. */
void baton_table_bury(struct baton_table *t, struct baton_record *r, uint64_t now_ms);
void baton_table_drop(struct baton_table *t, struct baton_record *r);
/* Drops tombstones past their time. */
void baton_table_sweep(struct baton_table *t, uint64_t now_ms);

/* Decodes the record into s with the counters, message IDs, owner, epoch, version and remaining
 * lifetimes of now. */
int baton_record_decode(const struct baton_record *r, uint64_t now_ms, struct baton_session *s);
/* The same, encoded into buf: length or -BATON_E_*. scratch is the caller's, wiped before return.
 */
int baton_record_render(const struct baton_record *r, uint64_t now_ms,
			struct baton_session *scratch, void *buf, size_t size);

/* The same for another node: without the CHILD SAs if they are told to nobody. */
int baton_record_tell(const struct baton_record *r, uint64_t now_ms, struct baton_session *scratch,
		      void *buf, size_t size);
/* How many bytes that takes, should owner be the owner then. */
size_t baton_record_size(const struct baton_record *r, const struct baton_id *owner);

bool baton_id_equal(const struct baton_id *a, const struct baton_id *b);
bool baton_addr_equal(const struct baton_addr *a, const struct baton_addr *b); /* without port */

#endif
