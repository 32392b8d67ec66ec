/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session: one IKE SA with its CHILD SAs and their SPD entries. The unit of
 * storing, retrieving and claiming (docs/protocol.md, "SESSION").
 *
 * All integers are in host byte order; addresses are raw network bytes.
 * "local" is the gateway that owns the session, "remote" its peer.
 * Lifetimes are remaining seconds at the moment of encoding, never absolute.
 * A struct baton_session holds keys: wipe it with baton_session_wipe().
 */
#ifndef BATON_SESSION_H
#define BATON_SESSION_H

#include <baton/cursor.h>
#include <baton/error.h>
#include <baton/secret.h>
#include <stdbool.h>
#include <stdint.h>

#define BATON_ID_MAX 256	/* bytes of an identity */
#define BATON_NAME_MAX 64	/* bytes of a configuration name, with its NUL */
#define BATON_CHILDREN_MAX 8	/* CHILD SAs of one IKE SA */
#define BATON_TS_MAX 8		/* traffic selectors per side of a CHILD SA */
#define BATON_POLICIES_MAX 24	/* SPD entries of a CHILD SA */
#define BATON_VIPS_MAX 4	/* virtual addresses of a client */
#define BATON_CFG_MAX 8		/* other configuration attributes (DNS, ...) */
#define BATON_TRANSFORMS_MAX 12 /* transforms of a suite */
#define BATON_EXTRA_ADDRS_MAX 8 /* the peer's additional MOBIKE addresses */
#define BATON_STORES_MAX 8	/* stores of a gateway */
#define BATON_NOTIFIES_MAX 8	/* RFC-defined flags of an IKE SA */

/* An address with a UDP port (0 = none). family is AF_INET or AF_INET6, 0 = absent. */
struct baton_addr {
	uint8_t family;
	uint16_t port;
	uint8_t ip[16]; /* 4 or 16 bytes used */
};

/* RFC 7296 3.5. type 0 = absent. */
struct baton_id {
	uint8_t type;
	uint16_t len;
	uint8_t data[BATON_ID_MAX];
};
#define BATON_ID_IPV4 1
#define BATON_ID_FQDN 2
#define BATON_ID_IPV6 5
#define BATON_ID_EAP 249 /* private use: an EAP identity (RFC 3748), carried in an IDi payload */

/* RFC 7296 3.13.1: addresses are inclusive ranges. */
struct baton_ts {
	uint8_t family;	  /* AF_INET or AF_INET6 */
	uint8_t protocol; /* 0 = any */
	uint16_t port_start, port_end;
	uint8_t ip_start[16], ip_end[16];
};

/* RFC 7296 3.3.2. key_bits 0 = no Key Length attribute. */
struct baton_transform {
	uint8_t type;
	uint16_t id;
	uint16_t key_bits;
};
struct baton_suite {
	unsigned count;
	struct baton_transform transforms[BATON_TRANSFORMS_MAX];
};

/* Remaining lifetimes in seconds; 0 = none is set (not: expired; an expired one is 1). */
struct baton_lifetime {
	uint32_t rekey_s;  /* until this side starts a rekey */
	uint32_t reauth_s; /* IKE SA only */
	uint32_t expire_s; /* until the SA may no longer be used */
};

enum baton_mode { BATON_MODE_TRANSPORT = 1, BATON_MODE_TUNNEL = 2, BATON_MODE_BEET = 3 };
enum baton_protocol { BATON_PROTO_AH = 2, BATON_PROTO_ESP = 3 }; /* RFC 7296 3.3.1 */

/* CHILD SA flags */
#define BATON_CHILD_INITIATOR                                                                      \
	0x01u /* this gateway initiated the exchange that made it: keys of "i" are ours to send    \
		 with */
#define BATON_CHILD_ESN 0x02u
#define BATON_CHILD_ENCAP 0x04u	    /* UDP encapsulation */
#define BATON_CHILD_NO_REPLAY 0x08u /* peer or configuration without anti-replay */
#define BATON_CHILD_REKEYED 0x10u   /* replaced by a newer one; kept for packets under way */
#define BATON_CHILD_PENDING                                                                        \
	0x20u /* made at the peer's request, which has not deleted the one it replaces: that one   \
		 is still used to send */

/* How far the SA has counted. out_lease and in_limit are bounds, not positions (docs/protocol.md,
 * "COUNTERS"). */
struct baton_counters {
	uint64_t out_seq;   /* last outbound sequence number known to be used */
	uint64_t out_lease; /* the owner may use up to and including this number */
	uint64_t in_seq;    /* highest inbound sequence number accepted */
	uint64_t
		in_limit; /* the owner may have accepted up to this number before its next report */
};

/* SPD entry. Directions as a set: one entry may stand for in+fwd. */
#define BATON_DIR_IN 1u
#define BATON_DIR_OUT 2u
#define BATON_DIR_FWD 4u
enum baton_action { BATON_ACTION_PROTECT = 1, BATON_ACTION_BYPASS = 2, BATON_ACTION_DISCARD = 3 };
struct baton_policy {
	uint8_t directions;
	uint8_t action;
	uint32_t priority; /* lower wins; 0 = the implementation's own rule */
	struct baton_ts local, remote;
};

struct baton_child {
	uint32_t spi_in, spi_out;
	uint8_t protocol, mode, flags;
	uint32_t replay_window; /* packets */
	struct baton_suite suite;
	struct baton_secret encr_i, encr_r, integ_i, integ_r;
	unsigned local_ts_count, remote_ts_count, policy_count;
	struct baton_ts local_ts[BATON_TS_MAX], remote_ts[BATON_TS_MAX];
	struct baton_policy policies[BATON_POLICIES_MAX];
	struct baton_lifetime life;
	struct baton_counters counters;
	/* LOCAL: meaningful to the same implementation only */
	char name[BATON_NAME_MAX]; /* configuration of the CHILD SA */
	uint32_t reqid, mark_in, mark_out, if_id_in, if_id_out;
};

/* IKE SA flags */
#define BATON_IKE_INITIATOR 0x01u  /* the gateway was the original initiator */
#define BATON_IKE_NAT_LOCAL 0x02u  /* NAT seen before the gateway */
#define BATON_IKE_NAT_REMOTE 0x04u /* NAT seen before the peer */
#define BATON_IKE_ENCAP_FORCED 0x08u
#define BATON_IKE_REKEYED 0x10u /* replaced by another one; kept until the peer deletes it */
#define BATON_IKE_ONLY 0x20u	/* it has CHILD SAs, which are not stored */
#define BATON_IKE_MOVED 0x40u	/* local is new, and the peer has not answered there yet */

/* Liveness checks are not stored one by one: the next request of the peer has the message ID
 * msgid_in, or one that is higher by less than this (docs/protocol.md 5.3.9). */
#define BATON_MSGID_WINDOW 256u

/* By how much a peer that knows RFC 6311's IPSEC_REPLAY_COUNTER_SYNC is asked to raise its numbers
 * (docs/protocol.md 5.3.10): more than a former owner can have accepted and not reported. */
#define BATON_REPLAY_DELTA (UINT64_C(1) << 28)
#define BATON_REPLAY_COUNTER_SYNC_SUPPORTED 16421u /* among a session's notifies */

struct baton_cfg_attr {
	uint16_t type; /* RFC 7296 3.15.1 */
	uint16_t len;
	uint8_t data[32];
};

/*
 * What the peer was last answered, as it was sent: IKE messages one after the other (several when
 * the response was fragmented, RFC 7383), each with its header, without non-ESP markers. A
 * retransmission of the request is answered with these bytes (RFC 7296, 2.1). len 0 = none, or not
 * kept: then the last request was an empty INFORMATIONAL, which may be answered anew.
 */
#define BATON_RESPONSE_MAX 8192
#define BATON_REQUEST_HASH_LEN 32
struct baton_response {
	uint16_t len;
	uint32_t msgid;				 /* of request and response */
	uint8_t request[BATON_REQUEST_HASH_LEN]; /* SHA-256 of the request as it came, its first
						    fragment if there were several */
	uint8_t bytes[BATON_RESPONSE_MAX];
};

struct baton_session {
	uint64_t spi_i, spi_r; /* IKE SPIs of initiator and responder */
	/* LEASE */
	struct baton_id owner; /* Server ID; type BATON_ID_FQDN, _IPV4 or _IPV6 */
	uint32_t epoch;
	uint64_t version; /* rises with every change the owner makes */
	/* By which stores the owner holds the epoch: of how many, a bit for each rank that granted
	 * it. 0, 0 in epoch 1. */
	uint8_t stores, ranks;
	bool stale; /* in an answer: the copy may be out of date, only the IKE SA may be used */
	/* IKE SA */
	uint8_t flags;
	struct baton_addr local, remote;
	unsigned extra_addr_count;
	struct baton_addr extra_addrs[BATON_EXTRA_ADDRS_MAX];
	struct baton_id local_id, remote_id, remote_eap_id;
	struct baton_suite suite;
	struct baton_secret sk_d, sk_ai, sk_ar, sk_ei, sk_er, sk_pi, sk_pr;
	uint32_t msgid_in;  /* next request we expect from the peer */
	uint32_t msgid_out; /* next request we will send */
	struct baton_response response;
	struct baton_lifetime life;
	unsigned notify_count;
	uint16_t notifies[BATON_NOTIFIES_MAX]; /* RFC-defined status types: MOBIKE_SUPPORTED, ... */
	unsigned vip_count, cfg_count;
	struct baton_addr vips[BATON_VIPS_MAX]; /* addresses given to the peer; port unused */
	struct baton_cfg_attr cfg[BATON_CFG_MAX];
	/* LOCAL */
	char name[BATON_NAME_MAX];	 /* configuration of the IKE SA */
	uint32_t extensions, conditions; /* the implementation's own bit sets */
	unsigned child_count;
	struct baton_child children[BATON_CHILDREN_MAX];
};

void baton_session_wipe(struct baton_session *s);

/* Is there a CHILD SA whose IVs are its sequence numbers (RFC 8750)? A number used twice is a nonce
 * used twice there: only for a gateway whose kernel enforces the lease (docs/protocol.md 5.3.6). */
bool baton_session_needs_fence(const struct baton_session *s);

/* Encodes s as the body of a SESSION payload (without generic header): returns the length written
 * or -BATON_E_NOSPACE, or, when s is not a session that could be decoded again, -BATON_E_MISSING
 * (endpoints, identities, suite, SK_d, SK_e*; of a CHILD SA suite, keys, selectors),
 * -BATON_E_LIMIT, -BATON_E_VALUE or -BATON_E_DUPLICATE. */
int baton_session_encode(const struct baton_session *s, void *buf, size_t size);
/* Decodes the same. s is filled whole or wiped. where may be NULL; its offset counts from buf.
 * Returns 0 or -BATON_E_*. */
int baton_session_decode(struct baton_session *s, const void *buf, size_t len,
			 struct baton_where *where);

#endif
