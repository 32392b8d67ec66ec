/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One batond: what its parts share. The parts:
 *   node.c      sockets, the turn of the loop
 *   peers.c     their datagrams; peers that come and go
 *   gateway.c   sessions of the local IKE daemon and their SAs in the kernel
 *   install.c   giving sessions to the IKE daemon
 *   confirm.c   telling it when the stores have what it told
 *   retreat.c   taking them away again when another node owns them
 *   lease.c     which sequence numbers may be used
 *   refresh.c   rekeying what was taken over
 *   claim.c     what a claim of ours was given
 *   fetch.c     claiming one session that a packet, or its owner, asks for
 *   drain.c     giving sessions to another gateway
 *   miss.c      packets of SAs that are not here
 *   takeover.c  claiming another server's sessions
 *   members.c   taking over the part of a member that is gone
 *   address.c   sessions that come from another address
 *   follow.c    a copy of a peer's sessions at a node that is none of its stores
 *   ctl.c, ctl_show.c  batonctl
 */
#ifndef BATON_DAEMON_NODE_H
#define BATON_DAEMON_NODE_H

#include "core/members.h"
#include "core/pages.h"
#include "core/replica.h"
#include "core/service.h"
#include "core/watch.h"
#include "daemon/charon_link.h"
#include "daemon/config.h"
#include "daemon/loop.h"
#include "fence/fence.h"
#include "miss/guard.h"
#include "miss/inject.h"
#include "xfrm/xfrm.h"

#define BATON_INSTALL_WINDOW 32u /* SA_INSTALL requests under way */

struct baton_node;

/* A session on its way to the IKE daemon. */
struct baton_install {
	STAILQ_ENTRY(baton_install) entry;
	uint64_t spi_i, spi_r;
	bool adopt;	  /* its SAs are still in this kernel */
	bool by_takeover; /* it counts there */
	uint8_t tries;
	uint32_t msgid;
};

/* One takeover at a time; a second one for another server waits for its turn at the caller. */
struct baton_takeover {
	uint32_t round;	      /* of the claim (struct baton_ownership) */
	bool active, recover; /* recover: our own sessions, after a restart */
	struct baton_id subject;
	struct baton_share share; /* of 0: all of the subject's sessions */
	char name[BATON_NAME_MAX];
	uint64_t start_us, claimed_us, retrieved_us, installed_us;
	uint64_t deadline_ms, progress_ms;
	uint64_t told_ms; /* when the waiter last heard how far it is */
	unsigned sessions, installed, failed;
	unsigned asked, answered, silent; /* peers */
	struct {
		struct baton_pages pages;
		uint64_t position, asked_ms; /* of the page that is under way */
		unsigned tries;
	} retrieving[BATON_PEERS_MAX];
	unsigned unproven; /* sessions given with their IKE SA alone */
	bool settled;	   /* what is not proven by now will not be */
	bool reported;
	void *waiter; /* batonctl's connection, NULL = none */
};

/* A copy of a peer's sessions. */
struct baton_follow {
	uint64_t boot;	   /* the peer's incarnation that position is of */
	uint64_t position; /* what comes after it is new */
	struct baton_pages pages;
	bool asking;
	uint64_t asked_ms, due_ms;
	uint64_t complete_ms; /* the copy had everything the peer had then; 0 = never yet */
	uint64_t sessions;    /* that have come */
};

/* One session, named by one of its SAs, or by an address of its peer inside the tunnel. */
struct baton_wanted {
	uint8_t protocol;	  /* BATON_PROTO_ESP, BATON_PROTO_AH, or 1 = IKE; 0: by address */
	uint32_t spi;		  /* inbound; not of IKE */
	struct baton_spis ike;	  /* IKE */
	struct baton_addr local;  /* where it was sent to; family 0 = does not matter */
	struct baton_addr behind; /* by address */
};

/* Giving sessions to another gateway, or to all others. */
struct baton_drain {
	bool active, asking;
	bool spread;   /* to all others, by load */
	unsigned peer; /* whom they are offered to */
	/* of each peer: it has not claimed what it was offered; the sessions it had, once a store
	 * has told, and those it has got */
	bool useless[BATON_PEERS_MAX], had_known[BATON_PEERS_MAX];
	unsigned had[BATON_PEERS_MAX], gone[BATON_PEERS_MAX];
	struct baton_spis one; /* only that one; 0: all */
	unsigned total, left,
		left_offered; /* sessions; left_offered: when they were offered last */
	unsigned batch;	      /* how many were offered last */
	uint64_t start_us, next_ms, progress_ms, told_ms;
	void *waiter; /* batonctl's connection, NULL = none */
};

/* A session that the IKE daemon here cannot serve, on its way back. */
#define BATON_GIVEBACKS_MAX 64u
struct baton_giveback {
	struct baton_spis spis;
	unsigned peer;
	uint64_t next_ms, until_ms; /* until 0: no entry */
};

/* The plugin asks whether an address is in use at another gateway. */
#define BATON_INQUIRIES_MAX 64u
struct baton_inquiry {
	struct baton_header header; /* of its question */
	unsigned asked, ended;	    /* peers; asked 0: no entry */
	bool answered;
};

/* The members of the cluster, as the stores see them. */
struct baton_absence {
	uint64_t since_ms;	    /* gone since then, 0 = it is not */
	uint64_t next_ms, again_ms; /* when its sessions are looked for again, how long after the
				       last time */
};
struct baton_members {
	struct baton_view views[BATON_PEERS_MAX + 1]; /* of each peer; then of our own store */
	bool asking[BATON_PEERS_MAX];
	struct baton_absence absences[BATON_PEERS_MAX];
	uint64_t due_ms;
};

/* SPIs that were asked to be rekeyed lately; one after the other is overwritten. */
#define BATON_REPLACED_MAX 64u
struct baton_replaced {
	uint32_t spi;
	uint64_t until_ms;
};

struct baton_fetch;
TAILQ_HEAD(baton_fetch_list, baton_fetch);
struct baton_ctl;
struct baton_confirm;
TAILQ_HEAD(baton_confirm_list, baton_confirm);

struct baton_node {
	struct baton_config config;
	const char *config_path;
	struct baton_loop loop;
	uint64_t boot;
	uint64_t started_ms;
	struct baton_table table;
	struct baton_ownership own;
	struct baton_service *service;
	struct baton_watch watch;
	struct baton_source udp;
	struct baton_datagrams *datagrams;
	unsigned peer_count;
	struct baton_peer *peers; /* BATON_PEERS_MAX, locked memory; peer_count are or were used */
	struct baton_peer *peer_list[BATON_PEERS_MAX]; /* NULL: an empty place */
	uint64_t ranked_ms;			       /* when the ranks of the stores changed */
	struct baton_follow follows[BATON_PEERS_MAX];
	struct baton_members members;
	struct baton_fetch_list fetches;
	unsigned fetching;
	uint64_t fetched, fetch_failed; /* statistics */
	struct baton_guard *guard;	/* NULL: packets of unknown SAs are left to the kernel */
	struct baton_waiting *room;
	struct baton_clients *clients; /* NULL: what is sent to clients is left to the kernel */
	struct baton_source guard_source;
	struct baton_inject inject;
	struct {
		uint64_t sent, taken, dropped; /* packets: to others; from others, and of no use */
	} forward;
	uint64_t guard_look_ms; /* when next */
	struct baton_replaced replaced[BATON_REPLACED_MAX];
	unsigned replaced_count;     /* so far */
	bool alive[BATON_PEERS_MAX]; /* members: heard of within their lease */
	struct baton_xfrm *xfrm;
	struct baton_source xfrm_source;
	uint64_t xfrm_read_ms;	   /* when its events were read last */
	uint64_t xfrm_gulp_ms;	   /* when its events are listened to again; 0 = they are */
	struct baton_fence *fence; /* NULL: the kernel does not enforce leases */
	bool fence_adopted;	   /* it still has what an earlier incarnation granted */
	struct baton_charon_link link;
	STAILQ_HEAD(install_queue, baton_install) waiting_busy, waiting, flying;
	unsigned flying_count;
	struct baton_confirm_list confirms; /* responses that wait for the stores */
	bool confirm_lost;		    /* that one could not was said */
	struct baton_drain drain;
	struct baton_inquiry inquiries[BATON_INQUIRIES_MAX];
	struct baton_giveback givebacks[BATON_GIVEBACKS_MAX];
	struct baton_takeover takeover, last_takeover;
	bool greeting;	  /* charon is telling what it has */
	bool recover_due; /* ask the peers for our own sessions: charon has told its own, and ... */
	bool recovered;	  /* ... no peer has answered yet, in this incarnation */
	struct baton_ctl *ctl;
	bool released;
	uint64_t settle_ms, sweep_ms, protect_ms; /* when next */
	uint64_t watchdog_ms,
		alive_ms;	  /* how often systemd is to hear of us (0 = never), when next */
	unsigned alone_count;	  /* sessions of ours that no store has */
	uint64_t alone_since_ms;  /* since when there are any; 0 = protected */
	bool missed_charon;	  /* said once */
	struct baton_message msg; /* scratch */
	struct baton_session session; /* scratch, wiped after use */
	struct baton_status statuses[BATON_ITEMS_MAX];
	uint8_t buf[BATON_MESSAGE_MAX];	 /* scratch, wiped after use */
	uint8_t body[BATON_MESSAGE_MAX]; /* scratch, wiped after use */
	/* statistics */
	uint64_t strangers;		      /* datagrams from addresses that are no peer's */
	uint64_t fence_refused;		      /* packets that the kernel has stopped at a lease */
	uint64_t refresh_ms, refresh_look_ms; /* when next; 0 = nothing is to be rekeyed */
	uint32_t refresh_credit;	      /* thousandths of a rekeying that may be begun */
	unsigned refreshed;
	uint64_t unconfirmed;	  /* responses sent, or held, without the stores' acknowledgement */
	uint64_t charon_messages; /* of the plugin */
	uint64_t xfrm_events, xfrm_overruns, charon_refused, spi_collisions;
};

/* node.c */
int baton_node_start(struct baton_node *n, const char **why);
void baton_node_stop(struct baton_node *n);
int baton_node_reload(struct baton_node *n);
/* Marks a change of one of our sessions for every peer. */
void baton_node_dirty(struct baton_node *n, struct baton_record *r, uint8_t what);
bool baton_node_owns(const struct baton_node *n, const struct baton_record *r);

/* peers.c */
int baton_peers_start(struct baton_node *n);
void baton_peers_stop(struct baton_node *n);
/* Datagram number i of those that have been received. */
void baton_peers_take(struct baton_node *n, unsigned i);
/* Puts the peers of next where they are, new ones into empty places. NULL, or what needs a restart;
 * then next is of no use. */
const char *baton_peers_arrange(const struct baton_node *n, struct baton_config *next);
/* The configuration was before, and is changed: peers that are not in it any more leave, new ones
 * are there. */
void baton_peers_change(struct baton_node *n, const struct baton_config *before);

/* gateway.c */
void baton_gateway_message(void *ctx, const void *buf, size_t len);
void baton_gateway_opened(void *ctx);
void baton_gateway_closed(void *ctx);
void baton_gateway_xfrm_event(void *ctx, const struct baton_xfrm_event *e);
/* Where do all SAs stand? */
void baton_gateway_look(struct baton_node *n);
void baton_gateway_settle(struct baton_node *n, uint64_t now_ms);
/* Kernel identifiers of an SA. */
struct baton_sa_id baton_gateway_sa(const struct baton_mark *m, bool outbound);
/* Asks the kernel to report the SA's numbers. */
void baton_gateway_watch(struct baton_node *n, struct baton_mark *m);
/* The same, and reads where they stand. */
void baton_gateway_arm(struct baton_node *n, struct baton_mark *m);
/* The same for every SA we own, when what is asked of them has changed. */
void baton_gateway_rearm(struct baton_node *n);

/* install.c */
void baton_install_init(struct baton_node *n);
void baton_install_queue(struct baton_node *n, struct baton_record *r, bool adopt,
			 bool by_takeover);
void baton_install_pump(struct baton_node *n);
/* The plugin's answer to SA_INSTALL msgid. */
void baton_install_answer(struct baton_node *n, uint32_t msgid, const struct baton_status *s);
/* The plugin has the SAs in the kernel and waits: sets their counters. Writes the response into
 * n->buf, returns its length. */
int baton_install_arm(struct baton_node *n, const struct baton_message *m);
void baton_install_abort(struct baton_node *n);
/* Raises the kernel's numbers of a session that the IKE daemon holds to what a claim has granted.
 */
void baton_install_raise(struct baton_node *n, struct baton_record *r);

/* confirm.c */
/* What m has put or deleted by now is to be confirmed: later, or, if false, at once. */
bool baton_confirm_wait(struct baton_node *n, const struct baton_message *m);
/* Answers what can be answered; when to look again at the latest. */
uint64_t baton_confirm_look(struct baton_node *n, uint64_t now_ms);
/* The IKE daemon is gone. */
void baton_confirm_drop(struct baton_node *n);

/* lease.c */
/* Uses what the stores have acknowledged of r's leases by now. */
void baton_lease_use(struct baton_node *n, struct baton_record *r);
/* The same for every session of ours: a store is counted on no more. */
void baton_lease_use_all(struct baton_node *n);
/* The kernel lets the SAs of r pass up to what may be used, from the next flush on. */
void baton_lease_grant(struct baton_node *n, struct baton_record *r);
/* The outbound SAs ids of r have left the kernel; those that another session of ours has now (an
 * IKE rekey) have not. */
void baton_lease_release(struct baton_node *n, const struct baton_record *r,
			 const struct baton_sa_id *ids, unsigned count);
/* Tells the kernel what has been granted since. To be called before SAs get policies, before a
 * session is put, and in every turn. */
void baton_lease_flush(struct baton_node *n);
/* What an earlier incarnation has left goes, when everything is granted anew. */
void baton_lease_tidy(struct baton_node *n);
int baton_lease_open(struct baton_node *n, const char **why);
/* Has the SA come to the end of its numbers, or of a lease that no store extends? */
void baton_lease_look(struct baton_node *n, struct baton_mark *m);
void baton_lease_settled(void *ctx, struct baton_peer *p, struct baton_record *r);

/* Asks the IKE daemon to rekey an SA. */
void baton_lease_ask_rekey(struct baton_node *n, const struct baton_mark *m);
/* The same of an SA that is not in our table. */
void baton_lease_ask_rekey_of(struct baton_node *n, const struct baton_spis *ike, uint32_t epoch,
			      uint8_t protocol, uint32_t spi_in);

/* partition.c */
/* The store role checks from now on what is configured. */
void baton_partition_apply(struct baton_node *n);
/* An SPI of what our IKE daemon has made is in our own table as another gateway's. */
void baton_partition_collided_here(struct baton_node *n, const struct baton_session *s);
/* A store knows an SPI of that session of ours as another SA's: its SAs get new ones. */
void baton_partition_collided(struct baton_node *n, uint64_t spi_i, uint64_t spi_r);

/* refresh.c */
/* The SAs of r were taken over: to be rekeyed by and by. */
void baton_refresh_begin(struct baton_node *n, struct baton_record *r);
/* When to be called again. */
uint64_t baton_refresh_tick(struct baton_node *n, uint64_t now_ms);

/* retreat.c */
void baton_retreat_losing(void *ctx, struct baton_record *r);
void baton_retreat_lost(void *ctx, struct baton_record *r, const struct baton_status *s);

/* claim.c */
/* A session that a store has given to our claim of that round. Its record if it is ours now, NULL
 * if not. recover: of what may have been ours all the time. */
struct baton_record *baton_claim_take(struct baton_node *n, uint32_t round,
				      const struct baton_session_ref *ref, bool recover);
/* It is proven to be ours, or only its IKE SA is used (r->stale): to the IKE daemon. False: that
 * has it. */
bool baton_claim_use(struct baton_node *n, struct baton_record *r, bool recover, bool by_takeover);

/* fetch.c */
/* Claims one session and installs it; then baton_miss_ended() is told. look: it stays with its
 * owner if that is heard of, and baton_miss_away() is told. offerer: who offers it, or NULL. 0, or
 * -BATON_E_BUSY or -BATON_E_SYSTEM: not now. */
int baton_fetch_start(struct baton_node *n, const struct baton_wanted *w, bool look,
		      const struct baton_peer *offerer);
void baton_fetch_answer(struct baton_node *n, struct baton_fetch *f, const struct baton_peer *p,
			const void *buf, size_t len);
/* status: BATON_OK, or why it could not be installed. */
void baton_fetch_installed(struct baton_node *n, uint64_t spi_i, uint64_t spi_r, int status);
/* The session's record, if it is in our table. */
struct baton_record *baton_fetch_find(struct baton_node *n, const struct baton_wanted *w);
/* Gives up what the IKE daemon does not install. */
void baton_fetch_tick(struct baton_node *n, uint64_t now_ms);

/* miss.c: all do nothing where packets of unknown SAs are left to the kernel */
/* Begins, when the IKE daemon has told what it has. */
void baton_miss_open(struct baton_node *n);
void baton_miss_close(struct baton_node *n);
/* There are other peers now, whose packets are none of ours to hold. */
void baton_miss_reopen(struct baton_node *n);
/* Are the SAs of r here? They are known to the kernel from the next flush on, or no more. */
void baton_miss_look(struct baton_node *n, struct baton_record *r);
/* They are not, whatever r says. left: and nobody is to be asked for them for a while. */
void baton_miss_forget(struct baton_node *n, struct baton_record *r, bool left);
/* Tells the kernel at once what is not here any more, so that from now on its packets are queued.
 * True: it knows. The queue is not looked at. */
bool baton_miss_shut_out(struct baton_node *n);
/* Nobody is to be asked for them for so long. */
void baton_miss_shun(struct baton_node *n, const struct baton_record *r, uint32_t for_ms);
void baton_miss_flush(struct baton_node *n, uint64_t now_ms);
/* Is that an address of a client, by our configuration? */
bool baton_miss_is_client(const struct baton_node *n, const struct baton_addr *a);
/* That peer offers sessions: what would be sent on to it waits until it has answered. */
void baton_miss_pause(struct baton_node *n, unsigned peer);
void baton_miss_resume(struct baton_node *n, unsigned peer);
/* That peer is not heard of any more. */
void baton_miss_peer_down(struct baton_node *n, unsigned peer);
/* That peer has what was looked for. */
void baton_miss_away(struct baton_node *n, const struct baton_wanted *w, unsigned peer);
/* A fetch has ended. */
void baton_miss_ended(struct baton_node *n, const struct baton_wanted *w, bool ok);

/* takeover.c */
/* share NULL: all of subject's sessions. 0, -BATON_E_VALUE, -BATON_E_NOT_PEER or -BATON_E_BUSY. */
int baton_takeover_start(struct baton_node *n, const char *subject, const struct baton_share *share,
			 void *waiter);
void baton_takeover_recover(struct baton_node *n);
void baton_takeover_answer(void *ctx, struct baton_peer *p, void *tag, const void *buf, size_t len);
void baton_takeover_installed(struct baton_node *n, bool ok);
void baton_takeover_tick(struct baton_node *n, uint64_t now_ms);

/* inquiry.c */
/* m: from the plugin, by address. */
void baton_inquiry_start(struct baton_node *n, const struct baton_message *m);
/* Is that what a peer was asked for in an inquiry? */
bool baton_inquiry_is(const struct baton_node *n, const void *tag);
void baton_inquiry_answer(struct baton_node *n, void *tag, const void *buf, size_t len);

/* giveback.c */
void baton_giveback_begin(struct baton_node *n, const struct baton_record *r,
			  const struct baton_id *to);
/* When to call again. */
uint64_t baton_giveback_tick(struct baton_node *n, uint64_t now_ms);

/* drain.c */
/* to NULL: to all other gateways. one NULL: all of ours. 0, -BATON_E_NOT_PEER,
 * -BATON_E_UNREACHABLE, -BATON_E_NOT_FOUND (one is not ours) or -BATON_E_BUSY. */
int baton_drain_start(struct baton_node *n, const struct baton_id *to, const struct baton_spis *one,
		      void *waiter);
/* Whom it is to, in words. */
const char *baton_drain_name(const struct baton_node *n);
void baton_drain_answer(struct baton_node *n, const void *buf, size_t len);
/* When to call again. */
uint64_t baton_drain_tick(struct baton_node *n, uint64_t now_ms);

/* follow.c */
void baton_follow_answer(struct baton_node *n, struct baton_peer *p, const void *buf, size_t len);
/* Asks where it is time to. Returns when to call again at the latest. */
uint64_t baton_follow_turn(struct baton_node *n, uint64_t now_ms);

/* members.c */
void baton_members_answer(struct baton_node *n, struct baton_peer *p, const void *buf, size_t len);
/* Asks the stores, takes over what is ours to take. Returns when to call again. */
uint64_t baton_members_turn(struct baton_node *n, uint64_t now_ms);

/* address.c */
/* A session that was claimed is about to be installed: it is at an address of ours from now on. 0
 * or -BATON_E_*. */
int baton_address_move(struct baton_node *n, struct baton_record *r);
/* Which address of ours a session at that one gets; NULL: none of that family is configured. */
const struct baton_addr *baton_address_for(const struct baton_config *c,
					   const struct baton_addr *local);

/* forward.c: with [miss] forward */
void baton_forward_open(struct baton_node *n);
void baton_forward_close(struct baton_node *n);
/* A whole packet, to the owner of its session. */
void baton_forward_send(struct baton_node *n, unsigned peer, const void *packet, size_t len);

/* ctl.c */
int baton_ctl_open(struct baton_node *n);
void baton_ctl_close(struct baton_node *n);
void baton_ctl_takeover_progress(const struct baton_takeover *t);
void baton_ctl_takeover_done(struct baton_node *n, const struct baton_takeover *t);
void baton_ctl_drain_progress(const struct baton_drain *d);
/* error NULL: all have gone. */
void baton_ctl_drain_done(struct baton_node *n, const char *error);
int baton_ctl_write_release(struct baton_node *n, bool released);
/* What an earlier incarnation was told: a restart does not take the addresses back. */
bool baton_ctl_read_release(const struct baton_node *n);

#endif
