/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first requests of our own over a restored IKE_SA.
 */
#ifndef BATON_BEGIN_H_
#define BATON_BEGIN_H_

#include <sa/ike_sa.h>

#include "wire/session.h"

typedef struct baton_begin_t baton_begin_t;

/**
 * What there is to ask, while the IKE_SA is still the caller's alone.
 *
 * @param fresh		names of CHILD_SAs to be made anew, adopted
 */
baton_begin_t *baton_begin_create(ike_sa_t *ike_sa, const struct baton_session *session,
								  linked_list_t *fresh);

/**
 * Ask it, now or when it is its turn; charon has the IKE_SA now.
 *
 * @param this		adopted
 */
void baton_begin(baton_begin_t *this);

#endif /** BATON_BEGIN_H_ */
