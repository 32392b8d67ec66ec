/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * What is to be remembered of a request of the peer until its response is made, and of
 * the response: both are stored before the response is sent.
 */
#ifndef BATON_REQUEST_H_
#define BATON_REQUEST_H_

#include <encoding/message.h>
#include <sa/ike_sa.h>
#include <baton/session.h>

/**
 * A request that this thread is working on.
 */
typedef struct {
	/** whose, NULL if there is none */
	ike_sa_t *ike_sa;
	/** its message ID */
	uint32_t msgid;
	/** a liveness check: an empty INFORMATIONAL, or with payloads about NATs alone */
	bool check;
	/** there is a hash of it as it came, its first fragment if there were several */
	bool hashed;
	uint8_t hash[BATON_REQUEST_HASH_LEN];
} baton_request_t;

/**
 * A message has come in, nothing of it is verified yet.
 */
void baton_request_received(ike_sa_t *ike_sa, message_t *message);

/**
 * A request is complete, verified and decrypted; it is worked on next.
 */
void baton_request_begun(ike_sa_t *ike_sa, message_t *message);

/**
 * The request that this thread answers, NULL if it was not begun as such.
 */
const baton_request_t *baton_request_of(ike_sa_t *ike_sa, uint32_t msgid);

/**
 * Hash of a request as it is remembered.
 *
 * @return			FALSE if it can not be computed
 */
bool baton_request_hash(chunk_t packet, uint8_t hash[BATON_REQUEST_HASH_LEN]);

/**
 * The bytes of a response that is complete: one IKE message, or its fragments one after
 * the other.
 *
 * @return			allocated, empty if it is too long to be stored
 */
chunk_t baton_response_bytes(message_t *message);

#endif /** BATON_REQUEST_H_ */
