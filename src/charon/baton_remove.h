/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Retreat: another gateway owns an IKE_SA now. It goes without a word to the peer.
 */
#ifndef BATON_REMOVE_H_
#define BATON_REMOVE_H_

#include "baton_teller.h"

/**
 * Handle an SA_Remove request; answered when done.
 */
void baton_remove(baton_link_t *link, baton_teller_t *teller,
				  const struct baton_message *request);

#endif /** BATON_REMOVE_H_ */
