/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * CHILD_SAs that batond wants to be rekeyed.
 */
#ifndef BATON_REKEY_H_
#define BATON_REKEY_H_

#include "baton_link.h"

/**
 * Handle an SA_Rekey request; answered when the rekeyings have begun.
 *
 * @param link			link to batond, to answer
 * @param request		request
 */
void baton_rekey(baton_link_t *link, const struct baton_message *request);

#endif /** BATON_REKEY_H_ */
