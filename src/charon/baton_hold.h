/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Holds back responses until batond says that what they tell the peer is stored.
 */
#ifndef BATON_HOLD_H_
#define BATON_HOLD_H_

#include <library.h>

typedef struct baton_hold_t baton_hold_t;

struct baton_hold_t {

	/**
	 * A message to batond is about to be sent that it will confirm, and that a response
	 * of this IKE_SA has to wait for.
	 *
	 * @param spi_i		SPIs of the IKE_SA, in host order
	 * @param msgid		message ID of the message to batond
	 */
	void (*owe)(baton_hold_t *this, uint64_t spi_i, uint64_t spi_r, uint32_t msgid);

	/**
	 * The response of this IKE_SA that is sent next waits for all that is owed; if
	 * nothing is, it does not.
	 *
	 * @param mid		message ID of the response
	 */
	void (*hold)(baton_hold_t *this, uint64_t spi_i, uint64_t spi_r, uint32_t mid);

	/**
	 * batond has answered a message, or will never get it.
	 *
	 * @param lost		another node has the IKE_SA now: nothing may be said to the peer
	 */
	void (*settled)(baton_hold_t *this, uint32_t msgid, bool lost);

	/**
	 * batond is gone: nothing is held any more.
	 */
	void (*release)(baton_hold_t *this);

	/**
	 * Nothing is held from now on; while charon still has its sender.
	 */
	void (*stop)(baton_hold_t *this);

	/**
	 * Destroy it, once it was stopped.
	 */
	void (*destroy)(baton_hold_t *this);
};

/**
 * Create the instance; there is one at a time. charon has its sender by now.
 */
baton_hold_t *baton_hold_create(void);

#endif /** BATON_HOLD_H_ */
