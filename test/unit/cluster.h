/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes in memory: the real table, rules, service, exchange and replica of
 * each, joined by a network that loses, doubles and delays datagrams as a seed
 * says. Time is a number. What batond does around the core (src/daemon) is
 * done here in the few lines that matter.
 */
#ifndef BATON_TEST_CLUSTER_H
#define BATON_TEST_CLUSTER_H

#include "core/replica.h"
#include "core/service.h"
#include "sample.h"

#define CLUSTER_NODES 4u
#define CLUSTER_DATAGRAMS 8192u
#define CLUSTER_LEASE 1000u

struct cluster;

struct cluster_node {
	struct cluster *c;
	unsigned index;
	bool off; /* hears nothing, says nothing */
	struct baton_id id;
	uint64_t boot;
	struct baton_table table;
	struct baton_ownership own;
	struct baton_service *service;
	struct baton_peer *peers[CLUSTER_NODES]; /* NULL = not joined with that node */
	bool is_store[CLUSTER_NODES];		 /* of these, ours */
	uint64_t ranked_ms;
	/* what it was told, for the test to look at */
	unsigned lost, behind, losing, refused, unknown, states, hellos, synceds, requests;
	struct baton_status last;   /* of lost, refused or unknown */
	unsigned answers, silences; /* to baton_peer_ask() */
};

struct cluster_datagram {
	uint64_t at_ms;
	uint8_t from, to;
	uint32_t len;
	uint8_t *buf;
};

struct cluster {
	uint64_t now_ms;
	struct sample_random random;
	unsigned loss, dup; /* percent */
	unsigned delay_ms;  /* at most; more than 1 lets datagrams overtake each other */
	bool cut[CLUSTER_NODES][CLUSTER_NODES]; /* a path that is broken */
	unsigned table_max;
	uint64_t sent;
	struct cluster_node nodes[CLUSTER_NODES];
	struct cluster_datagram queue[CLUSTER_DATAGRAMS];
	unsigned queued;
	/* The test's own; may be NULL. lost and losing are called before the record changes. */
	void (*lost)(struct cluster_node *n, struct baton_record *r);
	void (*answer)(struct cluster_node *n, struct baton_peer *p, const struct baton_message *m);
	/* Leases of r may be used up to what is usable. */
	void (*granted)(struct cluster_node *n, struct baton_record *r);
	/* Instead of what the cluster does itself: it claims when it is behind, and takes what is
	 * claimed. p NULL: of its own table; m NULL: no answer came. */
	void (*behind)(struct cluster_node *n);
	void (*claimed)(struct cluster_node *n, struct baton_peer *p,
			const struct baton_message *m);
	struct baton_message msg; /* scratch */
	struct baton_session session;
	struct baton_status statuses[BATON_ITEMS_MAX];
	uint8_t buf[BATON_MESSAGE_MAX];
};

/* Nodes "gw-a", "gw-b", "gw-c", "gw-d"; join them yourself. Allocated once: cluster_reset() makes
 * it as new, with another seed. */
struct cluster *cluster_new(unsigned table_max);
void cluster_free(struct cluster *c);
void cluster_reset(struct cluster *c, uint64_t seed);
/* a keeps its sessions at b. */
void cluster_join(struct cluster *c, unsigned a, unsigned b);
/* Node n's stores are those of is_store. As new, it counts in all of them. */
void cluster_rank(struct cluster_node *n);
/* Uses what the stores have acknowledged of r's leases by now. */
void cluster_use(struct cluster_node *n, struct baton_record *r);
/* Forgets everything; a new boot ID. */
void cluster_restart(struct cluster_node *n);
/* Forgets what others stored too, or only (keep) its exchanges. */
void cluster_clear(struct cluster_node *n);
/* Lets ms pass. */
void cluster_run(struct cluster *c, uint64_t ms);
/* Lets time pass until nothing is dirty or under way at nodes that are on; false after limit_ms. */
bool cluster_settle(struct cluster *c, uint64_t limit_ms);

/* The session number i (from 1) with one CHILD SA, changed or new, becomes node's and is to be
 * told. A status of ownership.h. */
int cluster_put(struct cluster_node *n, unsigned i);
struct baton_record *cluster_record(struct cluster_node *n, unsigned i);
void cluster_dirty(struct cluster_node *n, struct baton_record *r, uint8_t what);
int cluster_delete(struct cluster_node *n, unsigned i);
bool cluster_owns(const struct cluster_node *n, const struct baton_record *r);
/* Has the store of node `at` acknowledged all there is to tell of r? */
bool cluster_clean(const struct cluster_node *n, const struct baton_record *r, unsigned at);
/* A claim of subject's sessions at node `at`, from the place that an answer has named. */
int cluster_ask_claim(struct cluster_node *n, unsigned at, const struct baton_id *subject);
int cluster_claim_on(struct cluster_node *n, unsigned at, const struct baton_id *subject,
		     uint64_t position);
/* Claims subject's sessions in the node's own table, as a takeover does. The sessions it returned.
 */
unsigned cluster_claim_here(struct cluster_node *n, const struct baton_id *subject);
/* Do two nodes have the same of this session (but for the lifetimes)? */
bool cluster_same(struct cluster_node *a, struct cluster_node *b, unsigned i);

#endif
