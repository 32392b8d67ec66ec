/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Before the first request of its own over an IKE_SA that it has taken over, a gateway finds out
 * which message ID the peer expects, where RFC 6311 is not to be had (docs/protocol.md, 5.3.9).
 */
#ifndef BATON_SETTLE_H_
#define BATON_SETTLE_H_

#include <encoding/message.h>
#include <sa/ike_sa.h>

/**
 * Have it found out with the first request of our own.
 *
 * @param ike_sa		restored IKE_SA, established
 */
void baton_settle_queue(ike_sa_t *ike_sa);

/**
 * Take a response while it is being found out.
 *
 * @param status		set if it was taken: as of ike_sa_t.process_message()
 * @return				FALSE if it is not being found out
 */
bool baton_settle_answered(ike_sa_t *ike_sa, message_t *message, status_t *status);

#endif /** BATON_SETTLE_H_ */
