/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Retreat: another gateway owns an IKE_SA now. It goes without a word to the peer.
 */
#ifndef BATON_REMOVE_H_
#define BATON_REMOVE_H_

#include "baton_teller.h"

/**
 * Check out an IKE_SA, whichever side of it we are.
 *
 * @param spi_i, spi_r	its SPIs
 * @return				IKE_SA, NULL if it is not here
 */
ike_sa_t *baton_checkout(uint64_t spi_i, uint64_t spi_r);

/**
 * Remove an IKE_SA with its CHILD_SAs, if it is here.
 *
 * @param spi_i, spi_r	its SPIs, whichever side of it we are
 * @param why			said in the log
 * @return				FALSE if it is not here
 */
bool baton_remove_ike_sa(baton_teller_t *teller, uint64_t spi_i, uint64_t spi_r,
						 const char *why);

/**
 * Handle an SA_Remove request; answered when done.
 */
void baton_remove(baton_link_t *link, baton_teller_t *teller,
				  const struct baton_message *request);

#endif /** BATON_REMOVE_H_ */
