/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Locked memory for the keys of many SAs: a whole page for each would be
 * wasted, so slots are carved out of blocks that are neither swapped nor dumped.
 */
#ifndef BATON_VAULT_H_
#define BATON_VAULT_H_

#include <library.h>
#include <baton/session.h>

/**
 * Keys of an IKE_SA, final ones as used by the AEADs.
 */
typedef struct {
	struct baton_secret d, ai, ar, ei, er, pi, pr;
} baton_ike_keys_t;

/**
 * Keys of a CHILD_SA.
 */
typedef struct {
	/** TRUE if we initiated the exchange that made the CHILD_SA */
	bool initiator;
	struct baton_secret encr_i, encr_r, integ_i, integ_r;
} baton_child_keys_t;

/**
 * Create/destroy the vault.
 */
void baton_vault_init(void);
void baton_vault_deinit(void);

/**
 * Get a zeroed slot.
 *
 * @param size		bytes needed, a constant not larger than a slot
 * @return			slot, NULL if out of memory
 */
void *baton_vault_alloc(size_t size);

/**
 * Wipe a slot and give it back.
 *
 * @param slot		slot to wipe, may be NULL
 */
void baton_vault_free(void *slot);

#endif /** BATON_VAULT_H_ */
