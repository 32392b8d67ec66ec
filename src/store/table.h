/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The session table: the memory backend.
 *
 * A record keeps a session as it was encoded at the last SA_Stor, and beside
 * it, decoded, only what changes often (counters, message IDs) or is searched
 * for (IKE SPIs, inbound SPIs, owner). baton_record_render() puts the two
 * together again, with lifetimes reduced by the time that has passed.
 *
 * A deleted session leaves a tombstone, so that a late SA_Stor cannot bring
 * it back; tombstones go after BATON_TOMBSTONE_MS.
 *
 * The table decides nothing: src/core/ownership.h does. It does no I/O.
 */
#ifndef BATON_STORE_TABLE_H
#define BATON_STORE_TABLE_H

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
	uint8_t protocol, flags;
	struct baton_counters counters;
	uint64_t usable;  /* owner side: the part of out_lease that may be used: a quorum and every
			     store it counts on has acknowledged it, or no store knows the SA */
	uint64_t granted; /* claimant: the least of the out_leases that this claim was granted */
	/* owner side only: how fast the inbound number moves (src/core/watch.h) */
	uint64_t seen_ms; /* time of the last inbound report, 0 = none */
	uint64_t out_ms;  /* of the last outbound one */
	uint32_t
		step; /* of the lease, as the rate asks for; below the configured one that counts */
	uint32_t rate_pps; /* packets per second, the highest of late */
	bool renewing;	   /* its rekeying was asked for */
	bool taken;	   /* taken over, and not rekeyed since */
	bool fresh;	   /* not known before the last put: an SA just made */
	bool told;	   /* another may know it: no number beyond usable may be sent */
	bool unproven;	   /* claimed, but not proven: none of its numbers is ours */
	bool watched;	   /* thresholds are set in the kernel */
	bool moving;	   /* in_limit is ahead of in_seq: settle when quiet */
};

/* Replication state of one record towards one peer store (src/core/replica.h). */
struct baton_replica {
	TAILQ_ENTRY(baton_record) entry;
	uint8_t dirty; /* BATON_DIRTY_* waiting to be sent; != 0 means: on the peer's queue */
	bool flying;   /* a request about this record is under way */
	bool refused;  /* the store does not take it */
	uint64_t acked_version;
	uint32_t acked_lease;	 /* lease_serial of what it has */
	uint64_t dirty_since_ms; /* of the oldest unacknowledged change, 0 = none */
};

struct baton_record {
	uint64_t spi_i, spi_r;
	struct baton_record *next; /* hash chain by SPIs */
	TAILQ_ENTRY(baton_record) all;
	uint64_t serial; /* position for cursors: rises in order of insertion */
	struct baton_id owner;
	uint32_t epoch;
	uint64_t version;
	uint64_t claim_boot; /* boot ID of the node whose claim made it the owner, 0 = stored, not
				claimed */
	uint64_t put_boot; /* boot ID of the owner that has put it, 0 = not known, or claimed since
			    */
	bool deleted;
	uint64_t stored_ms; /* when body was stored: lifetimes count from here */
	uint32_t msgid_in, msgid_out;
	uint8_t flags;			 /* BATON_IKE_* */
	struct baton_addr local, remote; /* endpoints, for SA identifiers */
	uint8_t *body;			 /* encoded session; locked memory; NULL when deleted */
	size_t body_len;
	unsigned mark_count;
	struct baton_mark *marks;
	/* By which stores the owner holds its epoch (struct baton_session); at the claimant it
	 * grows with the answers. */
	uint8_t stores, ranks;
	bool granted_stale; /* what is said of this copy when it is told: it may be out of date */
	bool claimed;	    /* store: claimed, and not put since: its version is not the owner's */
	bool unproven;	    /* claimed, and not put since by an owner that had proven it */
	uint32_t claim_msgid; /* store: the claim that made it the owner's ... */
	uint64_t claim_from;  /* ... of whom (a hash) ... */
	bool claim_stale;     /* ... and that the copy may have been out of date then */
	uint32_t claim_round; /* claimant: which claim of ours stores and ranks are of */
	bool current;	      /* claimant: a store that granted was current */
	bool stale;	      /* claimant: not proven, only the IKE SA may be used */
	/* gateway role */
	uint32_t lease_serial; /* rises with each raise of an out_lease */
	bool ike_only;	       /* its CHILD SAs are told to nobody */
	bool held;	       /* the IKE daemon holds it */
	bool installing;       /* an SA_INSTALL is under way */
	bool renewed;	       /* what is being installed has been overtaken: install again */
	struct baton_replica peers[BATON_PEERS_MAX];
};
TAILQ_HEAD(baton_record_list, baton_record);

struct baton_table {
	struct baton_record **by_spis;
	struct baton_mark **by_in, **by_out;
	size_t buckets; /* power of two */
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
/* By inbound SPI (RFC 4301: the SPI alone indexes a unicast SA). */
struct baton_mark *baton_table_find_in(struct baton_table *t, uint32_t spi_in);
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

bool baton_id_equal(const struct baton_id *a, const struct baton_id *b);
bool baton_addr_equal(const struct baton_addr *a, const struct baton_addr *b); /* without port */

#endif
