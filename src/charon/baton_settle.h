/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * The first request of our own in a restored IKE_SA (docs/protocol.md, 5.3.9).
 */
#ifndef BATON_SETTLE_H_
#define BATON_SETTLE_H_

#include <encoding/message.h>
#include <sa/ike_sa.h>

/**
 * What is to be asked of the peer; queues tasks and initiates. DESTROY_ME: the IKE_SA is to be
 * destroyed.
 */
typedef status_t (*baton_settled_t)(ike_sa_t *ike_sa, void *data);

void baton_settle_init(void);
void baton_settle_deinit(void);

/**
 * The IKE_SA has been restored: what the peer knows of our next message ID is not certain.
 */
void baton_settle_restored(ike_sa_t *ike_sa);

/**
 * Before a request of ours that is not empty: that one is sent first, if none has been answered yet.
 *
 * @param then			what to do when it is, or at once
 * @param data			for that, freed with free()
 * @return				of that, where it is done at once
 */
status_t baton_settle(ike_sa_t *ike_sa, baton_settled_t then, void *data);

/**
 * Our next message ID: the first that can be, as long as that is not certain.
 */
uint32_t baton_settle_message_id(ike_sa_t *ike_sa);

/**
 * An authentic response has come.
 */
void baton_settle_response(ike_sa_t *ike_sa, message_t *message);

/**
 * The IKE_SA is no more.
 */
void baton_settle_forget(ike_sa_t *ike_sa);

#endif /** BATON_SETTLE_H_ */
