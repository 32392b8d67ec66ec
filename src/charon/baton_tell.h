/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * The messages of SA_Stor that are not about a whole session: built and sent here.
 */
#ifndef BATON_TELL_H_
#define BATON_TELL_H_

#include "baton_hold.h"
#include "baton_link.h"

/**
 * Tell the message IDs of an IKE_SA: of the next request expected, of the next one sent.
 */
void baton_tell_msgids(baton_link_t *link, uint64_t spi_i, uint64_t spi_r,
					   uint32_t in, uint32_t out);

/**
 * Tell that an IKE_SA is gone. It is answered when the stores have heard it too.
 *
 * @param hold		holds responses of that IKE_SA until then
 * @return			message ID, by which the answer is known
 */
uint32_t baton_tell_delete(baton_link_t *link, baton_hold_t *hold, uint64_t spi_i,
						   uint64_t spi_r);

/**
 * Send a message that is only a notify.
 */
void baton_tell_notify(baton_link_t *link, uint16_t notify);

#endif /** BATON_TELL_H_ */
