/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * The last step of restoring an IKE_SA: it is one like any other from now on.
 */
#ifndef BATON_ESTABLISH_H_
#define BATON_ESTABLISH_H_

#include <sa/ike_sa.h>
#include <baton/session.h>

/**
 * Set the state of an IKE_SA that has its CHILD_SAs, go on with its lifetimes, and tell
 * other listeners. An IKE_SA that the peer has replaced waits to be deleted.
 */
void baton_establish(ike_sa_t *ike_sa, const struct baton_session *session);

#endif /** BATON_ESTABLISH_H_ */
