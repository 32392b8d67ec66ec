/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * The listener on charon's bus: notices what happens to IKE_SAs, and keeps keys.
 */
#ifndef BATON_CAPTURE_H_
#define BATON_CAPTURE_H_

#include "baton_teller.h"

#include <bus/listeners/listener.h>

typedef struct baton_capture_t baton_capture_t;

struct baton_capture_t {

	/**
	 * Implements listener_t.
	 */
	listener_t listener;

	/**
	 * Destroy it.
	 */
	void (*destroy)(baton_capture_t *this);
};

/**
 * Create an instance.
 *
 * @param teller		tells batond what is noticed
 */
baton_capture_t *baton_capture_create(baton_teller_t *teller);

#endif /** BATON_CAPTURE_H_ */
