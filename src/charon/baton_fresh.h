/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * IKE_SAs whose CHILD_SAs must not be used, N(FRESH) in docs/protocol.md.
 */
#ifndef BATON_FRESH_H_
#define BATON_FRESH_H_

#include <baton/session.h>

#include <collections/linked_list.h>
#include <sa/ike_sa.h>

/**
 * Take the CHILD_SAs out of a session.
 *
 * @param session		session, has no CHILD_SAs afterwards
 * @param names			gets the names of their configurations, to be freed
 */
void baton_fresh_take(struct baton_session *session, linked_list_t *names);

/**
 * Make CHILD_SAs anew. The first request also tells whether the peer still has the
 * IKE_SA.
 *
 * @param ike_sa		established IKE_SA, checked out
 * @param names			names of configurations, empty afterwards
 * @param all			make one of each that the connection has
 * @return				DESTROY_ME if the IKE_SA cannot go on
 */
status_t baton_fresh_create(ike_sa_t *ike_sa, linked_list_t *names, bool all);

#endif /** BATON_FRESH_H_ */
