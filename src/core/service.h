/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store role: one request in, one response out (docs/protocol.md 5.2,
 * 5.3). Pure over the session table; the same code serves a peer's datagrams
 * and this node's own takeover.
 */
#ifndef BATON_CORE_SERVICE_H
#define BATON_CORE_SERVICE_H

#include "core/ownership.h"
#include "core/standing.h"

struct baton_service {
	struct baton_ownership *own;
	uint64_t boot;	    /* this node's boot ID */
	uint8_t own_stores; /* how many stores this node's own sessions have */
	bool stores; /* else only what this node has anyway is changed: its own sessions, when
			another claims them */
	/* A session changed by a peer's request. May be NULL. */
	void (*changed)(void *ctx, struct baton_record *r);
	/* The same, when it has another owner here, is in another epoch, or is new. May be NULL. */
	void (*owned)(void *ctx, const struct baton_record *r);
	/* May peer choose that inbound SPI, or, of an IKE SA, one that begins so? NULL: any. */
	bool (*may_choose)(void *ctx, const struct baton_id *peer, bool ike, uint32_t spi);
	/* A peer asks this node to claim a session of its own: for what it offers a node without
	 * the gateway role (NULL) has no use. */
	void (*offered)(void *ctx, const struct baton_id *peer, const struct baton_spis *spis);
	/* A packet that came to a peer is for a session of this node; NULL: it is dropped. */
	void (*forwarded)(void *ctx, const void *packet, size_t len);
	void *ctx;
	struct baton_standings standings;
	bool repeated;		      /* of the claim being answered: it was executed before */
	struct baton_message msg;     /* scratch */
	struct baton_session session; /* scratch, wiped after use */
	struct baton_outline outline; /* scratch */
	bool decoded;		      /* session has been used */
	uint64_t counted_ms;	      /* when sessions were counted */
	uint32_t sessions[BATON_PEERS_MAX + 1]; /* of each of standings */
	/* statistics */
	uint64_t stored, retrieved, claimed, refused[32];
};

/* The gateways that count this store in, or did. Returns how many. */
unsigned baton_service_members(struct baton_service *s, uint64_t now_ms,
			       struct baton_member members[BATON_MEMBERS_MAX]);

#define BATON_PAGE_BYTES 16384u /* of a bulk response, when the requester does not say */

/* Answers request (whole) with at most size bytes in out. Returns the length, or -BATON_E_* when
 * the request is not to be answered at all (malformed, or not from the peer its sender field
 * names). peer is the Server ID that is configured for the address the request came from. */
int baton_service_answer(struct baton_service *s, const struct baton_id *peer, const void *request,
			 size_t len, uint64_t now_ms, void *out, size_t size);

#endif
