/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * RFC 6311 at a gateway: before the first request of its own over an IKE_SA that it has taken
 * over, it agrees with the peer on message IDs (docs/protocol.md, 5.3.9).
 */
#ifndef BATON_SYNC_H_
#define BATON_SYNC_H_

#include <baton/session.h>
#include <encoding/message.h>
#include <sa/ike_sa.h>

/** What an ike_sa_t remembers: the peer raises its outbound numbers when asked */
#define BATON_EXT_REPLAY_SYNC ((ike_extension_t)(1 << 29))

/** RFC 6311, 5: a nonce (4), EXPECTED_SEND_REQ_MESSAGE_ID (4), EXPECTED_RECV_REQ_MESSAGE_ID (4) */
typedef struct {
	uint32_t nonce;
	uint32_t send;
	uint32_t recv;
} baton_mid_sync_t;

/**
 * Negotiate both extensions: to be called with every message in plain.
 *
 * @param client		is this the side that connects?
 */
void baton_sync_negotiate(ike_sa_t *ike_sa, message_t *message, bool incoming,
						  bool client);

/**
 * What a message says in IKEV2_MESSAGE_ID_SYNC.
 *
 * @return				FALSE if there is none, or it is malformed
 */
bool baton_sync_parse(message_t *message, baton_mid_sync_t *sync);

/**
 * Have an IKE_SA that was restored synchronized with the first request of our own.
 *
 * @param ike_sa		restored IKE_SA, established
 * @param session		as what it was restored
 * @return				FALSE if it cannot be
 */
bool baton_sync_queue(ike_sa_t *ike_sa, const struct baton_session *session);

/**
 * Take a response, if a synchronization is under way.
 *
 * @param status		set if it was taken: as of ike_sa_t.process_message()
 * @return				FALSE if none is under way
 */
bool baton_sync_answered(ike_sa_t *ike_sa, message_t *message, status_t *status);

#endif /** BATON_SYNC_H_ */
