/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records by the addresses that their peers have inside the tunnels.
 *
 * An entry is a hash and a record: the address itself is read from the record's
 * octets when it is compared. All functions take NULL: no index, nothing to do.
 */
#ifndef BATON_STORE_ADDRESSES_H
#define BATON_STORE_ADDRESSES_H

#include "store/table.h"

struct baton_addresses;

struct baton_addresses *baton_addresses_new(uint64_t seed);
void baton_addresses_free(struct baton_addresses *x);
/* 0 or -BATON_E_SYSTEM (out of memory: nothing of r is in it). */
int baton_addresses_add(struct baton_addresses *x, struct baton_record *r);
/* r has still the octets with which it was added. */
void baton_addresses_remove(struct baton_addresses *x, const struct baton_record *r);
struct baton_record *baton_addresses_find(const struct baton_addresses *x,
					  const struct baton_addr *a);

#endif
