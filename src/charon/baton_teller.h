/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Knows which IKE_SAs batond is to know, and tells it: sessions, message IDs,
 * deletions. All messages of a sender of SA_Stor are built here. When something is
 * to be told is the listener's affair (baton_capture.h).
 */
#ifndef BATON_TELLER_H_
#define BATON_TELLER_H_

#include "baton_hold.h"
#include "baton_link.h"
#include "baton_vault.h"

#include <sa/ike_sa.h>

typedef struct baton_teller_t baton_teller_t;

/**
 * All methods that get an IKE_SA want it to be checked out by the caller, and do
 * nothing for one that batond is not to know.
 */
struct baton_teller_t {

	/**
	 * An IKE_SA is up: from now on batond is to know it.
	 */
	void (*add)(baton_teller_t *this, ike_sa_t *ike_sa);

	/**
	 * An IKE_SA has changed, in the middle of charon's work on it: tell it later.
	 */
	void (*changed)(baton_teller_t *this, ike_sa_t *ike_sa);

	/**
	 * A response has been received: its request is done.
	 */
	void (*answered)(baton_teller_t *this, ike_sa_t *ike_sa, uint32_t msgid);

	/**
	 * A response is about to be sent, complete: tell what its request did, and hold it
	 * until that is stored.
	 */
	void (*answering)(baton_teller_t *this, ike_sa_t *ike_sa, message_t *message);

	/**
	 * An IKE_SA replaces another, with its CHILD_SAs: tell both.
	 */
	void (*replaced)(baton_teller_t *this, ike_sa_t *old, ike_sa_t *new);

	/**
	 * An IKE_SA is gone, or as good as gone.
	 */
	void (*gone)(baton_teller_t *this, ike_sa_t *ike_sa);

	/**
	 * Keep the keys of a CHILD_SA, NULL to drop them. Takes ownership.
	 */
	void (*set_keys)(baton_teller_t *this, child_sa_t *child_sa,
					 baton_child_keys_t *keys);

	/**
	 * Know a restored IKE_SA, whose session batond has. Its CHILD_SAs are in the
	 * order of those of the session.
	 */
	void (*add_restored)(baton_teller_t *this, ike_sa_t *ike_sa,
						 const struct baton_session *session);

	/**
	 * Forget an IKE_SA that is about to be removed: nothing is told about it.
	 */
	void (*forget)(baton_teller_t *this, ike_sa_t *ike_sa);

	/**
	 * batond is there: greet it, tell it everything. For baton_link_cbs_t.
	 */
	void (*connected)(baton_teller_t *this);

	/**
	 * Handle batond's response to an SA_Stor.
	 */
	void (*stored)(baton_teller_t *this, const struct baton_message *response);

	/**
	 * Destroy it.
	 */
	void (*destroy)(baton_teller_t *this);
};

/**
 * Create an instance.
 *
 * @param link		pointer to where the link to batond will be
 * @param hold		holds responses back
 */
baton_teller_t *baton_teller_create(baton_link_t **link, baton_hold_t *hold);

#endif /** BATON_TELLER_H_ */
