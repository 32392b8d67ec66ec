/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * CHILD_SAs of a session, in two steps: SAs without policies, through which
 * nothing can be sent, and after batond has set their sequence numbers the policies.
 */
#ifndef BATON_CHILD_H_
#define BATON_CHILD_H_

#include "baton_restoring.h"

#include <sa/ike_sa.h>

/**
 * Install the SAs of all CHILD_SAs of the session that this thread restores.
 *
 * @param ike_sa		IKE_SA, its configuration, hosts and conditions set
 * @param children		gets child_sa_t, in the order of the session
 * @return				0 or BATON_E_*, a reason has been logged then
 */
int baton_children_install(ike_sa_t *ike_sa, linked_list_t *children);

/**
 * Install policies, and give the CHILD_SAs to the IKE_SA.
 *
 * @param ike_sa		IKE_SA
 * @param session		the session
 * @param children		CHILD_SAs, empty afterwards if successful
 * @return				0 or BATON_E_*
 */
int baton_children_activate(ike_sa_t *ike_sa,
							const struct baton_session *session,
							linked_list_t *children);

#endif /** BATON_CHILD_H_ */
