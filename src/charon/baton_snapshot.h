/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * An IKE_SA with its CHILD_SAs as a session.
 */
#ifndef BATON_SNAPSHOT_H_
#define BATON_SNAPSHOT_H_

#include "baton_vault.h"

#include <sa/ike_sa.h>

/**
 * Looks up the keys of a CHILD_SA.
 *
 * @param data			user data
 * @param child_sa		CHILD_SA
 * @return				keys, NULL if not known
 */
typedef baton_child_keys_t *(*baton_child_keys_cb_t)(void *data,
													 child_sa_t *child_sa);

/**
 * Fill a session. The IKE_SA must be checked out by the caller.
 *
 * Owner, epoch, version and the counters of CHILD_SAs are left 0.
 *
 * @param ike_sa		IKE_SA, IKEv2
 * @param find			to find keys of CHILD_SAs
 * @param data			user data for find
 * @param session		filled, to be wiped by the caller in any case
 * @return				NULL if successful, else what does not fit
 */
const char *baton_snapshot(ike_sa_t *ike_sa, baton_child_keys_cb_t find,
						   void *data, struct baton_session *session);

#endif /** BATON_SNAPSHOT_H_ */
