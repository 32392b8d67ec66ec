/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Virtual IP addresses of restored IKE_SAs.
 */
#ifndef BATON_VIPS_H_
#define BATON_VIPS_H_

#include <sa/ike_sa.h>

/**
 * Put the overrides into charon->attributes, or take them out again.
 */
void baton_vips_init(void);
void baton_vips_deinit(void);

/**
 * Reserve an address for a peer, until it is released as any other is.
 *
 * @param pools			names of pools of the peer's configuration, char*
 * @param ike_sa		IKE_SA of the peer, with its identities and hosts set
 * @param vip			address it holds
 * @return				FALSE if somebody else holds it
 */
bool baton_vips_reserve(linked_list_t *pools, ike_sa_t *ike_sa, host_t *vip);

#endif /** BATON_VIPS_H_ */
