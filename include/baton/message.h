/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages: the IKEv2 header (RFC 7296 3.1), a chain of payloads, and the
 * bodies of SA_Stor and SA_Retr. No I/O, no allocation. The same encoding is
 * spoken over UDP between nodes and over the unix socket between batond and
 * the charon plugin. docs/protocol.md has the pictures.
 */
#ifndef BATON_MESSAGE_H
#define BATON_MESSAGE_H

#include <baton/session.h>

#define BATON_PORT 4520
#define BATON_IKE_HEADER_LEN 28
#define BATON_MESSAGE_MAX 65000 /* bytes of a whole message before fragmentation */

/* Exchange types (private use range 240-255) */
enum baton_exchange_type {
	BATON_SA_STOR = 240,
	BATON_SA_RETR = 241,
	BATON_SA_INSTALL = 242, /* unix socket only: batond -> IKE daemon */
	BATON_SA_REMOVE = 243,	/* unix socket only: batond -> IKE daemon */
	BATON_SA_ARM = 244,	/* unix socket only: IKE daemon -> batond */
	BATON_SA_REKEY = 245,	/* unix socket only: batond -> IKE daemon */
};
#define BATON_FLAG_INITIATOR 0x08u
#define BATON_FLAG_RESPONSE 0x20u

/* Payload types: RFC 7296 3.2 and private use (128-255) */
enum baton_payload {
	BATON_PL_NONE = 0,
	BATON_PL_SA = 33,
	BATON_PL_IDI = 35,
	BATON_PL_IDR = 36,
	BATON_PL_NOTIFY = 41,
	BATON_PL_DELETE = 42,
	BATON_PL_TSI = 44,
	BATON_PL_TSR = 45,
	BATON_PL_CP = 47,
	BATON_PL_SESSION = 128,
	BATON_PL_CHILD = 129,
	BATON_PL_KEYMAT = 130,
	BATON_PL_COUNTERS = 131,
	BATON_PL_ENDPOINT = 132,
	BATON_PL_LIFETIME = 133,
	BATON_PL_POLICY = 134,
	BATON_PL_MESSAGE = 135,
	BATON_PL_LEASE = 136,
	BATON_PL_CURSOR = 137,
	BATON_PL_LOCAL = 138,
	BATON_PL_FRAGMENT = 139,
	BATON_PL_DIGEST = 140,
	BATON_PL_MEMBER = 141,
};

/* Notify types, private use (status 40960-65535) */
enum baton_notify {
	BATON_N_HELLO = 40960,	 /* start of a full set: the sender (re)started; SA_Stor */
	BATON_N_SYNCED = 40961,	 /* end of a full set */
	BATON_N_CLAIM = 40962,	 /* SA_Retr: make the requester the owner of what is returned */
	BATON_N_BY_SPI = 40963,	 /* SA_Retr: an inbound ESP or AH SPI, or an IKE SPI */
	BATON_N_ERROR = 40964,	 /* response: a status of error.h for the whole request */
	BATON_N_PING = 40965,	 /* SA_Retr: liveness only */
	BATON_N_ADOPT = 40966,	 /* SA_INSTALL: the kernel may hold the SAs: keep their counters */
	BATON_N_CONFIRM = 40967, /* SA_Stor, unix socket: answer when the stores have it */
	BATON_N_FRESH = 40968,	 /* SA_INSTALL: the IKE SA only; make its CHILD SAs anew */
	BATON_N_CONTACT = 40969, /* SA_Retr: the owner counts this store in, for a time */
	BATON_N_TICK = 40970,	 /* response: the store's time, for the next CONTACT */
	BATON_N_SHARE = 40971,	 /* SA_Retr by Server ID: share i of n only */
	BATON_N_FOLLOW = 40972,	 /* SA_Retr by Server ID: changes, and where to go on at the end */
	BATON_N_DIGEST = 40973,	 /* SA_Retr by Server ID: digests instead of sessions */
	BATON_N_AT = 40976,	 /* SA_Retr by SPI: the SA's address on the gateway's side */
	BATON_N_BY_ADDRESS = 40977, /* SA_Retr: an address of the peer, inside the tunnel */
	BATON_N_OFFER = 40975,	    /* SA_Stor: sessions that the receiver is asked to claim */
	BATON_N_LIST = 40974,	    /* SA_Retr by Server ID: LEASEs of one bucket */
	BATON_N_MEMBERS = 40978, /* SA_Retr: which gateways the store knows, and which are gone */
	BATON_N_FORWARD =
		40979, /* SA_Stor: a packet for a session of the receiver's; not answered */
};

struct baton_header {
	uint64_t spi_i, spi_r;
	uint8_t next_payload;
	uint8_t exchange; /* enum baton_exchange_type */
	uint8_t flags;
	uint32_t msgid;
	uint32_t length; /* filled by the encoder */
};

/* ---- writing: begin, payloads, end --------------------------------------------------------- */
struct baton_builder {
	struct baton_writer w;
	size_t next_pos;    /* where the type of the next payload goes */
	size_t payload_pos; /* start of the open payload */
};
void baton_build_begin(struct baton_builder *b, void *buf, size_t size,
		       const struct baton_header *h);
/* Opens a payload; write its body through b->w, then close. Not nested (containers nest through
 * their own builder calls). */
void baton_build_open(struct baton_builder *b, uint8_t type);
void baton_build_close(struct baton_builder *b);
/* Patches the lengths. Returns the message length or -BATON_E_NOSPACE. */
int baton_build_end(struct baton_builder *b);

/* ---- reading ------------------------------------------------------------------------------- */
struct baton_payload_view {
	uint8_t type;
	bool critical;
	struct baton_reader body;
};
/* Checks version, length field against len, exchange type. r is left at the first payload. */
int baton_header_decode(struct baton_header *h, struct baton_reader *r);
/* The next payload of a chain whose first type is *next (updated). 1 = one more, 0 = end, <0 =
 * error (in r->err). */
int baton_payload_next(struct baton_reader *r, uint8_t *next, struct baton_payload_view *p);

/* ---- SA_Stor ------------------------------------------------------------------------------- */
/* One counters report: of a CHILD SA (by inbound SPI) or of an IKE SA's message IDs (by IKE SPIs).
 * Fixed size on the wire. */
enum baton_report_kind { BATON_REPORT_CHILD = 1, BATON_REPORT_MSGID = 2 };
struct baton_report {
	uint8_t kind;
	uint8_t protocol;		/* CHILD */
	uint32_t spi_in;		/* CHILD */
	uint64_t spi_i, spi_r;		/* the session, always */
	uint32_t epoch;			/* of the sender */
	struct baton_counters counters; /* CHILD */
	uint32_t msgid_in, msgid_out;	/* MSGID */
};
struct baton_delete {
	uint64_t spi_i, spi_r;
	uint32_t epoch;
	uint64_t version; /* nothing with this version or an older one may come back */
};

#define BATON_ITEMS_MAX                                                                            \
	512 /* reports, deletes and sessions in one message, together; statuses in its response */

/* A decoded request or response. Pointers are into the message and valid as long as it is. */
struct baton_session_ref {
	uint64_t spi_i, spi_r;
	const uint8_t *body; /* for baton_session_decode() */
	size_t len;
};
/* The answer for one item of an SA_Stor, or the heading of a claim (LEASE payload). */
struct baton_status {
	uint16_t status; /* enum baton_error */
	uint64_t spi_i, spi_r;
	uint32_t epoch;	       /* the store's */
	uint64_t version;      /* the store's */
	struct baton_id owner; /* the store's; type 0 = none */
	uint8_t stores, ranks; /* of a SESSION: see struct baton_session */
};
struct baton_cursor {
	uint64_t position;  /* opaque to the requester; 0 = from the beginning, in a response 0 = at
			       the end */
	uint32_t max_bytes; /* the response should not be larger; 0 = the store's choice */
};
/* N(CONTACT), docs/protocol.md 5.3.8. */
struct baton_contact {
	uint32_t hold_ms; /* the sender counts the receiver in for so long */
	uint8_t stores;	  /* how many stores the sender has */
	uint8_t rank;	  /* of the receiver among them, from 1 */
	uint64_t tick;	  /* the receiver's, from its last response */
	bool drained;	  /* the sender takes no share of another that is gone */
};
/* N(SHARE): sessions whose baton_spi_hash() modulo of is one of count from index on. of 0 = all. */
struct baton_share {
	uint16_t index, of, count;
};
/* MEMBER: a gateway that a store knows. */
enum baton_member_state {
	BATON_MEMBER_CURRENT = 1,
	BATON_MEMBER_GONE = 2,
	BATON_MEMBER_DRAINED = 3
};
struct baton_member {
	struct baton_id id;
	uint8_t state;	   /* enum baton_member_state */
	uint32_t sessions; /* that it owns, as far as the store knows */
};
#define BATON_MEMBERS_MAX 16
/* Both SPIs of an IKE SA. */
struct baton_spis {
	uint64_t spi_i, spi_r;
};
#define BATON_OFFERS_MAX 64
#define BATON_FORWARD_MIN 20 /* octets of a packet: an IPv4 header */
#define BATON_BUCKETS 256    /* of a digest */
struct baton_message {
	struct baton_header header;
	struct baton_id sender;	 /* IDi: Server ID of the sender; type 0 = absent */
	struct baton_id subject; /* IDr: Server ID asked for; type 0 = absent */
	bool hello, synced, claim, ping, adopt, confirm, fresh, follow, digest, members;
	uint32_t least_epoch; /* N(CLAIM): of what is returned; 0 = any */
	bool has_contact, has_tick, has_list, has_digests;
	struct baton_contact contact;
	uint64_t tick;
	struct baton_share share;
	uint8_t bucket;			 /* N(LIST) */
	uint64_t digests[BATON_BUCKETS]; /* DIGEST */
	uint16_t error;			 /* N(ERROR), 0 = none */
	bool has_cursor;
	struct baton_cursor cursor;
	uint8_t by_spi_protocol; /* N(BY_SPI): 0 = absent, else BATON_PROTO_ESP/AH, or 1 = IKE */
	uint64_t by_spi;
	struct baton_spis by_spis;    /* the same by both SPIs of an IKE SA: by_spi is 0 */
	struct baton_addr at;	      /* N(AT): family 0 = absent; no port */
	struct baton_addr by_address; /* N(BY_ADDRESS): the same */
	unsigned offer_count;
	struct baton_spis offers[BATON_OFFERS_MAX];
	const uint8_t *packet; /* N(FORWARD): from its IP header on; NULL = absent */
	size_t packet_len;
	unsigned member_count;
	struct baton_member member[BATON_MEMBERS_MAX];
	unsigned session_count, report_count, delete_count, status_count;
	struct baton_session_ref sessions[BATON_ITEMS_MAX];
	struct baton_report reports[BATON_ITEMS_MAX];
	struct baton_delete deletes[BATON_ITEMS_MAX];
	struct baton_status *statuses; /* caller's array of status_max; status_count are filled */
	unsigned status_max;
};
/* Decodes any whole (reassembled) message of the exchanges above. m->statuses and m->status_max are
 * set by the caller before the call (NULL, 0: statuses are checked and dropped); everything else is
 * overwritten, and empty after a failure. Sessions are only delimited (their SPIs read), not
 * decoded. Returns 0 or -BATON_E_*; where may be NULL. */
int baton_message_decode(struct baton_message *m, const void *buf, size_t len,
			 struct baton_where *where);

/* Body writers; each opens and closes its own payload(s). */
void baton_build_id(struct baton_builder *b, uint8_t payload,
		    const struct baton_id *id); /* nothing for an absent id */
void baton_build_notify(struct baton_builder *b, uint16_t type);
void baton_build_error(struct baton_builder *b, uint16_t status);
void baton_build_by_spi(struct baton_builder *b, uint8_t protocol, uint64_t spi);
void baton_build_by_spis(struct baton_builder *b, const struct baton_spis *ike);
void baton_build_at(struct baton_builder *b, const struct baton_addr *a);
void baton_build_by_address(struct baton_builder *b, const struct baton_addr *a);
void baton_build_offer(struct baton_builder *b, const struct baton_spis *offers, unsigned count);
void baton_build_forward(struct baton_builder *b, const void *packet, size_t len);
void baton_build_cursor(struct baton_builder *b, const struct baton_cursor *c);
void baton_build_contact(struct baton_builder *b, const struct baton_contact *c);
void baton_build_claim(struct baton_builder *b, uint32_t least_epoch); /* 0: any */
void baton_build_tick(struct baton_builder *b, uint64_t tick);
void baton_build_share(struct baton_builder *b, const struct baton_share *s);
void baton_build_member(struct baton_builder *b, const struct baton_member *m);
void baton_build_list(struct baton_builder *b, uint8_t bucket);
void baton_build_digests(struct baton_builder *b, const uint64_t digests[BATON_BUCKETS]);
void baton_build_session(struct baton_builder *b, const void *body,
			 size_t len); /* body from baton_session_encode() */
void baton_build_reports(struct baton_builder *b, const struct baton_report *r,
			 unsigned count); /* one COUNTERS payload; nothing for 0 */
void baton_build_delete(struct baton_builder *b, const struct baton_delete *d);
void baton_build_status(struct baton_builder *b, const struct baton_status *s);

/* FNV-1a over both IKE SPIs, in network order: says the share (modulo) and the bucket (modulo
 * BATON_BUCKETS) of a session. */
uint64_t baton_spi_hash(uint64_t spi_i, uint64_t spi_r);
/* FNV-1a over IKE SPIs, epoch and version, in network order: a bucket's digest is the exclusive or
 * of its sessions'. */
uint64_t baton_state_hash(uint64_t spi_i, uint64_t spi_r, uint32_t epoch, uint64_t version);

/* ---- fragmentation (in the spirit of RFC 7383) ---------------------------------------------- */
/* A message longer than mtu leaves as datagrams of at most mtu bytes that each hold the header and
 * one FRAGMENT payload. Writes datagram number index (from 0) of the message into out; returns its
 * length, 0 when index is past the last, or -BATON_E_*. A message that fits mtu is copied as it is.
 */
int baton_fragment(const void *msg, size_t len, size_t mtu, unsigned index, void *out,
		   size_t out_size);

/* The same, for who sends all of a message: its tag, worked out once, is the caller's. */
uint32_t baton_fragment_tag(const void *msg, size_t len);
int baton_fragment_tagged(const void *msg, size_t len, size_t mtu, uint32_t tag, unsigned index,
			  void *out, size_t out_size);

#define BATON_FRAGMENTS_MAX 192 /* enough for BATON_MESSAGE_MAX in datagrams of 400 bytes */
struct baton_reassembly {
	struct baton_header header;
	uint16_t total, have;			 /* total 0 = nothing is being collected */
	uint32_t chunk;				 /* bytes in every fragment but the last */
	uint32_t tag;				 /* tells messages of the same header apart */
	uint64_t seen[BATON_FRAGMENTS_MAX / 64]; /* bit per fragment */
	size_t len;				 /* of the whole message */
	uint8_t buf[BATON_MESSAGE_MAX];
};
/* 1 when the datagram is a fragment (then feed it), 0 when it is a whole message, <0 malformed. */
int baton_is_fragment(const void *buf, size_t len);
/* Feeds one fragment of the message (same SPIs, exchange, message ID, flags, tag) that r collects;
 * a fragment of another message resets r, and so does one that comes after completion. r starts
 * zeroed. 1 = complete: r->buf holds r->len bytes of the whole message; 0 = more to come; <0 =
 * refused, r unchanged. */
int baton_reassemble(struct baton_reassembly *r, const void *buf, size_t len);
/* Forgets what is being collected and wipes it. */
void baton_reassembly_reset(struct baton_reassembly *r);

#endif
