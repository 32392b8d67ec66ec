/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests and responses with one peer: message IDs, a window, retransmission
 * with backoff, fragmentation. Pure: datagrams and time go in, datagrams and
 * whole messages come out through callbacks.
 *
 * Theory of operation. The requester gives every request the next message ID,
 * keeps the encoded message in a slot of its window and sends it again (100
 * ms, doubling, 2 s at most) until a response with the same ID and our boot ID
 * comes, or until the deadline passes. The responder keeps nothing: every
 * request may be executed again without harm (docs/protocol.md 5.3), so a
 * repeated one is simply answered again. The SPIs of the header are boot IDs:
 * a node draws a new one at every start, and so its peers see a restart.
 */
#ifndef BATON_CORE_EXCHANGE_H
#define BATON_CORE_EXCHANGE_H

#include <baton/message.h>

#define BATON_WINDOW 64
#define BATON_REASSEMBLIES 8
#define BATON_RETRANSMIT_FIRST_MS 100u
#define BATON_RETRANSMIT_MAX_MS 2000u

struct baton_exchange;
struct baton_exchange_ops {
	/* Send one datagram to the peer. Loss is allowed. */
	void (*send)(void *ctx, const void *buf, size_t len);
	/* A whole request has arrived: answer with baton_exchange_respond(). */
	void (*request)(void *ctx, const void *buf, size_t len);
	/* The response to a request, or buf NULL when its deadline passed. tag is what the request
	 * was started with. */
	void (*response)(void *ctx, void *tag, const void *buf, size_t len);
};

struct baton_slot {
	bool used;
	uint32_t msgid;
	uint8_t *msg; /* locked memory: it may hold keys */
	size_t len;
	void *tag;
	uint64_t next_ms, deadline_ms;
	uint32_t backoff_ms;
};

struct baton_exchange {
	const struct baton_exchange_ops *ops;
	void *ctx;
	uint64_t boot, peer_boot; /* ours, and the last the peer has shown; 0 = not yet */
	size_t mtu;		  /* bytes of a datagram's payload */
	uint32_t next_msgid;
	unsigned in_flight;
	uint64_t last_heard_ms; /* 0 = never */
	struct baton_slot slots[BATON_WINDOW];
	struct baton_reassembly *parts[BATON_REASSEMBLIES];
	unsigned part_turn;
	/* statistics */
	uint64_t sent, received, retransmitted, timeouts;
	uint64_t refused[32]; /* datagrams and messages refused, by enum baton_error */
};

int baton_exchange_init(struct baton_exchange *x, const struct baton_exchange_ops *ops, void *ctx,
			uint64_t boot, size_t mtu);
void baton_exchange_free(struct baton_exchange *x);
/* Room for another request? */
bool baton_exchange_ready(const struct baton_exchange *x);
/* The header for the next request; build the message with it and hand it to baton_exchange_start().
 */
struct baton_header baton_exchange_header(const struct baton_exchange *x, uint8_t exchange);
/* Copies msg, sends it. 0, -BATON_E_BUSY (window full) or -BATON_E_SYSTEM. */
int baton_exchange_start(struct baton_exchange *x, const void *msg, size_t len, void *tag,
			 uint64_t now_ms, uint64_t deadline_ms);
/* Sends a request, built with baton_exchange_header(), that is not answered. Nothing is kept of it.
 */
void baton_exchange_once(struct baton_exchange *x, const void *msg, size_t len);
/* Sends a response (built with the request's message ID and the response flag). */
void baton_exchange_respond(struct baton_exchange *x, const void *msg, size_t len);
/* A datagram from the peer. */
void baton_exchange_input(struct baton_exchange *x, const void *buf, size_t len, uint64_t now_ms);
/* Retransmits and gives up what is due; returns the time of the next such event, or UINT64_MAX. */
uint64_t baton_exchange_tick(struct baton_exchange *x, uint64_t now_ms);
/* Ends every request under way as if its deadline had passed. */
void baton_exchange_abort(struct baton_exchange *x);

#endif
