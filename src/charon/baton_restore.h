/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Restores sessions as IKE_SAs of this charon, on request of batond.
 */
#ifndef BATON_RESTORE_H_
#define BATON_RESTORE_H_

#include "baton_teller.h"

typedef struct baton_restore_t baton_restore_t;

struct baton_restore_t {

	/**
	 * Handle an SA_Install request; answered when done.
	 */
	void (*install)(baton_restore_t *this, const struct baton_message *request);

	/**
	 * Handle the response to an SA_Arm: sequence numbers are set.
	 */
	void (*armed)(baton_restore_t *this, const struct baton_message *response);

	/**
	 * batond is gone: drop what is half installed.
	 */
	void (*disconnected)(baton_restore_t *this);

	/**
	 * Destroy it.
	 */
	void (*destroy)(baton_restore_t *this);
};

/**
 * Create an instance.
 *
 * @param link		pointer to where the link to batond will be
 * @param teller	gets to know what is restored
 */
baton_restore_t *baton_restore_create(baton_link_t **link,
									  baton_teller_t *teller);

#endif /** BATON_RESTORE_H_ */
