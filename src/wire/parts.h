/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bodies of single payloads. Each kind has its writer and its reader side by
 * side: those of RFC 7296 in parts.c, ours in parts_own.c. Writers open and close the payload,
 * readers get its body. Readers report through the cursor; what they leave unread is the caller's
 * to refuse (body_done()). Every picture is in docs/protocol.md 5.1.
 */
#ifndef BATON_WIRE_PARTS_H
#define BATON_WIRE_PARTS_H

#include "wire/chain.h"

#define PROTO_IKE 1u /* RFC 7296 3.3.1 */
#define COUNTERS_ENTRY_LEN 64u
#define DELETE_SPI_LEN 28u
#define LOCAL_STRONGSWAN 1u

/* ID, RFC 7296 3.5 */
void put_id(struct chain *c, uint8_t payload, const struct baton_id *id);
void get_id(struct baton_reader *b, struct baton_id *id);
/* The same without the payload around it, and of any type. */
void put_id_body(struct baton_writer *w, const struct baton_id *id);
void get_id_body(struct baton_reader *b, struct baton_id *id);
/* 0 or -BATON_E_*: a Server ID is an address or an FQDN (the draft, 4.1). */
int check_id(const struct baton_id *id);
int check_server_id(const struct baton_id *id);

/* N, RFC 7296 3.10, without SPI and data */
void put_notify(struct chain *c, uint16_t type);

/* SA, RFC 7296 3.3: one proposal; protocol 1 = IKE, 2 = AH, 3 = ESP */
void put_suite(struct chain *c, uint8_t protocol, const struct baton_suite *s);
void get_suite(struct baton_reader *b, uint8_t protocol, struct baton_suite *s);

/* TS payload, RFC 7296 3.13 */
void put_ts_list(struct chain *c, uint8_t payload, const struct baton_ts *ts, unsigned count);
void get_ts_list(struct baton_reader *b, struct baton_ts *ts, unsigned *count);
/* One selector, RFC 7296 3.13.1 */
void put_ts(struct baton_writer *w, const struct baton_ts *ts);
void get_ts(struct baton_reader *b, struct baton_ts *ts);
int check_ts(const struct baton_ts *ts);

/* POLICY: a SPD entry */
void put_policy(struct chain *c, const struct baton_policy *p);
void get_policy(struct baton_reader *b, struct baton_policy *p);
int check_policy(const struct baton_policy *p);

/* KEYMAT: the keys of a structure, by kind. Empty keys are left out. */
struct key_field {
	uint8_t kind;
	size_t offset; /* of a struct baton_secret */
};
void put_keymat(struct chain *c, const void *base, const struct key_field *f, unsigned count);
void get_keymat(struct baton_reader *b, void *base, const struct key_field *f, unsigned count);

/* CP, RFC 7296 3.15: CFG_REPLY with the addresses given to the peer, then the other attributes */
void put_cp(struct chain *c, const struct baton_session *s);
void get_cp(struct baton_reader *b, struct baton_session *s);
int check_cfg_attr(const struct baton_cfg_attr *a);

/* ENDPOINT */
enum endpoint_role { ENDPOINT_LOCAL = 1, ENDPOINT_REMOTE = 2, ENDPOINT_EXTRA = 3 };
void put_endpoint(struct chain *c, uint8_t role, const struct baton_addr *a);
uint8_t get_endpoint(struct baton_reader *b, struct baton_addr *a);
int check_addr(const struct baton_addr *a);

/* LIFETIME */
void put_lifetime(struct chain *c, const struct baton_lifetime *l);
void get_lifetime(struct baton_reader *b, struct baton_lifetime *l);

/* One entry of COUNTERS */
void put_report(struct baton_writer *w, const struct baton_report *r);
void get_report(struct baton_reader *b, struct baton_report *r);

/* LEASE */
void put_status(struct chain *c, const struct baton_status *s);
void get_status(struct baton_reader *b, struct baton_status *s);

/* MESSAGE: the last response. Nothing for an absent one. */
#define MESSAGE_RESPONSE 1u
void put_response(struct chain *c, const struct baton_response *m);
void get_response(struct baton_reader *b, struct baton_response *m);
/* Messages one after the other, each as long as its IKE header says? */
bool are_messages(const uint8_t *bytes, size_t len);
int check_response(const struct baton_response *m);

/* One entry of D, RFC 7296 3.11 */
void put_delete(struct baton_writer *w, const struct baton_delete *d);
void get_delete(struct baton_reader *b, struct baton_delete *d);

/* LOCAL: attributes of a structure; numbers of value 0 and empty texts are left out, and with them
 * an empty payload. */
struct local_field {
	uint16_t type;
	bool text; /* char[BATON_NAME_MAX], else uint32_t */
	size_t offset;
};
void put_local(struct chain *c, const void *base, const struct local_field *f, unsigned count);
void get_local(struct baton_reader *b, void *base, const struct local_field *f, unsigned count);

#endif
