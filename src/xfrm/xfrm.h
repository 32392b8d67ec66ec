/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's SAD as batond needs it: sequence state in and out, thresholds,
 * events. SAs themselves are made by the IKE daemon; this module never adds
 * one and never reads a key.
 *
 * Two netlink sockets: one for requests (blocking, batched, one ACK per SA
 * checked), one for events (non-blocking, for the event loop). An overrun of
 * the event socket is reported as BATON_XFRM_OVERRUN: the caller then dumps.
 *
 * Both belong to the network namespace of baton_xfrm_open(). A struct
 * baton_xfrm is for one thread; no function may be called from a callback of
 * baton_xfrm_dump(). All but -BATON_E_SYSTEM leave errno alone.
 */
#ifndef BATON_XFRM_H
#define BATON_XFRM_H

#include <baton/session.h>

struct baton_xfrm;

/* RFC 4301: a unicast SA is indexed by SPI; Linux wants destination and protocol too. */
struct baton_sa_id {
	struct baton_addr dst; /* port unused */
	uint32_t spi;	       /* host order */
	uint8_t protocol;      /* BATON_PROTO_ESP or _AH */
	uint32_t mark;	       /* of an SA that has one (charon's mark_in, mark_out), else 0 */
};

/* Sequence state as the kernel tells it. 64-bit with ESN, else 32 bits used. */
struct baton_sa_state {
	struct baton_sa_id id;
	uint64_t out_seq; /* last number used outbound */
	uint64_t in_seq;  /* highest number accepted inbound */
	uint64_t packets, bytes;
	uint32_t reqid;
	uint32_t replay_window; /* 0 = none: then in_seq stays 0, and inbound numbers are not
				   reported */
	bool esn; /* not told by BATON_XFRM_REPLAY (false there); in_seq and out_seq are right all
		     the same */
};

enum baton_xfrm_event_kind {
	BATON_XFRM_REPLAY, /* state holds the counters: a threshold or the timer fired, or another
			      program set them */
	BATON_XFRM_NEWSA,  /* an SA appeared or was updated: thresholds may have to be set again */
	BATON_XFRM_DELSA,
	BATON_XFRM_EXPIRE,  /* hard expiry: the SA is gone */
	BATON_XFRM_OVERRUN, /* events were lost, or the SAD was flushed; id is empty */
};
struct baton_xfrm_event {
	enum baton_xfrm_event_kind kind;
	struct baton_sa_state state; /* only id is valid except for _REPLAY and _NEWSA */
};

/* Opens both sockets and joins the event groups. 0 or -BATON_E_SYSTEM (errno). */
int baton_xfrm_open(struct baton_xfrm **x);
void baton_xfrm_close(struct baton_xfrm *x);

/* For the event loop: readable means baton_xfrm_events() has work. */
int baton_xfrm_fd(const struct baton_xfrm *x);
/* Reads what is there, in a long storm a part of it; calls fn for each event. fn may use x (but not
 * baton_xfrm_events). Changes made through x come back as _NEWSA and _DELSA, not as _REPLAY. 0 or
 * -BATON_E_SYSTEM. */
int baton_xfrm_events(struct baton_xfrm *x, void (*fn)(void *ctx, const struct baton_xfrm_event *e),
		      void *ctx);

/* One SA. 0, -BATON_E_NOT_FOUND or -BATON_E_SYSTEM. */
int baton_xfrm_get(struct baton_xfrm *x, const struct baton_sa_id *id,
		   struct baton_sa_state *state);
/* Every ESP and AH SA. */
int baton_xfrm_dump(struct baton_xfrm *x, void (*fn)(void *ctx, const struct baton_sa_state *s),
		    void *ctx);

/* Sets the sequence state of SAs that exist, batched. out_seq: the next packet uses out_seq + 1.
 * in_seq: every number up to and including in_seq counts as seen (the bitmap is filled). A value of
 * BATON_SEQ_KEEP leaves that direction as it is. A number the kernel has passed already is never
 * lowered: its own is kept. Beyond 32 bits, an SA without ESN is used up and passes nothing more.
 * results[i] is 0, -BATON_E_NOT_FOUND or -BATON_E_SYSTEM. Returns 0 when all are 0, else the first
 * that is not. */
#define BATON_SEQ_KEEP UINT64_MAX
#define BATON_SEQ_CLOSED (UINT64_MAX - 1) /* in_seq: nothing more is accepted */
struct baton_sa_set {
	struct baton_sa_id id;
	uint64_t out_seq, in_seq;
};
int baton_xfrm_set_counters(struct baton_xfrm *x, const struct baton_sa_set *sets, unsigned count,
			    int *results);

/* Arms events: after `packets` numbers (0 = never), or when `age_ms` has passed since the last
 * report and packets flowed (0 = never). With an age, the first packet after this call, and the
 * first after a silence of age_ms, is reported at once. results as above, or -BATON_E_FULL when
 * BATON_XFRM_ARMING_MAX SAs with an age wait for their first packet. */
#define BATON_XFRM_ARMING_MAX (1u << 20)
struct baton_sa_thresholds {
	struct baton_sa_id id;
	uint32_t packets;
	uint32_t age_ms;
};
int baton_xfrm_set_thresholds(struct baton_xfrm *x, const struct baton_sa_thresholds *t,
			      unsigned count, int *results);

/* Deletes SAs, batched (a former owner's retreat). NOT_FOUND counts as success. Tries all; 0 or
 * -BATON_E_SYSTEM. */
int baton_xfrm_delete(struct baton_xfrm *x, const struct baton_sa_id *ids, unsigned count);

#endif
