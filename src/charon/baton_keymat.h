/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * The keymat of every IKEv2 SA: strongSwan's own, which keeps the derived keys
 * for us; or, for a restored IKE_SA, one built from its stored keys.
 */
#ifndef BATON_KEYMAT_H_
#define BATON_KEYMAT_H_

#include "baton_vault.h"

#include <sa/ikev2/keymat_v2.h>

/**
 * Constructor, for keymat_register_constructor().
 */
keymat_t *baton_keymat_create(bool initiator);

/**
 * Get the keys of an IKE_SA. SK_d is the current one (a PPK changes it).
 *
 * @param keymat	keymat of an IKE_SA
 * @param keys		filled; caller wipes it
 * @return			FALSE if it has no keys (yet), or is not of ours
 */
bool baton_keymat_get_keys(keymat_t *keymat, baton_ike_keys_t *keys);

/**
 * To be called by the listener's ike_derived_keys() hook, which runs inside of
 * derive_ike_keys() of the keymat that gets the keys.
 */
void baton_keymat_derived(const chunk_t *sk_d, chunk_t ai, chunk_t ar, chunk_t ei,
						  chunk_t er, chunk_t pi, chunk_t pr);

#endif /** BATON_KEYMAT_H_ */
