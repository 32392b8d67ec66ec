/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's part: an nftables table of our own that sends the packets of
 * unknown SAs to an NFQUEUE of ours, and lets all others pass.
 *
 * Theory of operation. Hash sets hold what is known: inbound SPIs of ESP, the
 * first halves of responders' IKE SPIs, and, for what comes from the protected
 * side, the addresses that clients have in their tunnels. Their chains come before
 * all others of their hooks (input, for clients prerouting; priority raw). What is not in them
 * waits in the queue for our verdict, and goes on from there: accepted once its SA is installed, it
 * is decrypted like any other. With nobody at the queue (batond is dead) everything passes, as
 * without us; the same when the queue is full.
 *
 * `flush ruleset` takes the table away; it is made again at the next look
 * (baton_guard_flush()), with everything that is known.
 */
#ifndef BATON_MISS_GUARD_H
#define BATON_MISS_GUARD_H

#include "miss/packet.h"
#include "store/table.h"

enum baton_guard_set {
	BATON_GUARD_ESP,
	BATON_GUARD_IKE,
	BATON_GUARD_TO4, /* addresses of clients */
	BATON_GUARD_TO6,
	BATON_GUARD_SETS
};
#define BATON_NETS_MAX 16u
struct baton_guard;

/* A packet in the queue; its beginning only, unless `whole` is set. indev: the interface it came
 * in by. */
typedef void baton_guard_fn(void *ctx, uint32_t id, const void *packet, size_t len, uint32_t indev);
/* AGAIN: it comes to the queue once more. */
enum baton_guard_verdict { BATON_GUARD_ACCEPT, BATON_GUARD_DROP, BATON_GUARD_AGAIN };

struct baton_guard_options {
	uint16_t queue;
	uint32_t length; /* packets in the queue */
	bool whole;	 /* all of a packet is wanted */
	/* Where the clients' addresses are: what is sent to others passes. */
	struct baton_net clients[BATON_NETS_MAX];
	unsigned client_count;
	/* What these send is never held: the other nodes of the cluster. */
	struct baton_addr friends[BATON_PEERS_MAX];
	unsigned friend_count;
};

/* Binds the queue. 0 or -BATON_E_*; *why says what failed, and what may be done about it. */
int baton_guard_open(struct baton_guard **g, const struct baton_guard_options *options,
		     const char **why);
/* Takes the table away and leaves the queue. */
void baton_guard_close(struct baton_guard *g);
int baton_guard_fd(const struct baton_guard *g);
/* Reads what is there, some of it if it is much. How many packets that were. */
unsigned baton_guard_read(struct baton_guard *g, baton_guard_fn *fn, void *ctx);
void baton_guard_verdict(struct baton_guard *g, uint32_t id, enum baton_guard_verdict verdict);
/* From the next flush on. */
void baton_guard_know(struct baton_guard *g, enum baton_guard_set set, uint32_t spi, bool known);
void baton_guard_know_address(struct baton_guard *g, const struct baton_addr *a, bool known);
/* The SA is the IKE daemon's, and none that we keep: its packets pass for two seconds, from the
 * next flush on. */
void baton_guard_pass(struct baton_guard *g, uint32_t spi);
/* Tells the kernel. look: is the table still there? It is made anew if not, and *remade set. 0 or
 * -BATON_E_SYSTEM (baton_guard_error() says more); what was to be told is tried again. */
int baton_guard_flush(struct baton_guard *g, bool look, bool *remade);
/* Is there anything to tell? */
bool baton_guard_changed(const struct baton_guard *g);
const char *baton_guard_error(const struct baton_guard *g);
/* How many of a set are known. */
unsigned baton_guard_known(const struct baton_guard *g, enum baton_guard_set set);

#endif
