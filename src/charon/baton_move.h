/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * A restored IKE_SA whose own address is new: the peer is told, and follows
 * (docs/protocol.md, 5.4).
 */
#ifndef BATON_MOVE_H_
#define BATON_MOVE_H_

#include "baton_teller.h"

#include <sa/ike_sa.h>

/**
 * Tell the peer of a restored IKE_SA, checked out.
 *
 * @param epoch			of the session
 * @return				DESTROY_ME if the IKE_SA cannot go on
 */
status_t baton_move(ike_sa_t *ike_sa, uint32_t epoch);

/**
 * The peer has moved the IKE_SA to the address that this message came to.
 */
void baton_move_followed(ike_sa_t *ike_sa);

/**
 * A message of the peer names an update: if it is the response to ours, the peer uses our address already.
 */
void baton_move_confirmed(ike_sa_t *ike_sa, message_t *message);

/**
 * The IKE_SA is no more.
 */
void baton_move_forget(ike_sa_t *ike_sa);

/**
 * Has the peer not answered yet, or, if it makes sure first, not followed yet?
 */
bool baton_is_moving(ike_sa_t *ike_sa);

/**
 * The peer of a restored IKE_SA is going to be told, by baton_move(), when it is its turn.
 */
void baton_move_expect(ike_sa_t *ike_sa);

/**
 * Set up, clean up.
 *
 * @param teller		gets to know when a peer has answered
 */
void baton_move_init(baton_teller_t *teller);
void baton_move_deinit(void);

#endif /** BATON_MOVE_H_ */
