/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * RFC 6311 at a client: its outbound sequence numbers are raised when the gateway asks for it,
 * so that the gateway can tell new packets from those that were accepted before it took over.
 */
#ifndef BATON_RAISE_H_
#define BATON_RAISE_H_

#include <encoding/message.h>
#include <sa/ike_sa.h>

/**
 * Do as a request asks: to be called with each that has IPSEC_REPLAY_COUNTER_SYNC, in plain.
 *
 * @param last			EXPECTED_SEND_REQ_MESSAGE_ID of the last that was done, 0 before
 * @return				the same now
 */
uint32_t baton_raise(ike_sa_t *ike_sa, message_t *message, uint32_t last);

#endif /** BATON_RAISE_H_ */
