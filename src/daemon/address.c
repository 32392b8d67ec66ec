/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A gateway that takes a session over may have another address than its owner
 * had (the draft, 4.2). From then on the session is at ours: before it goes to
 * the IKE daemon its Local is changed, and it is marked as MOVED, which has the
 * plugin tell the peer (docs/protocol.md 5.4). The plugin takes the mark back
 * when the peer has answered.
 */
#include "daemon/node.h"

#include "core/relocate.h"
#include <inttypes.h>

const struct baton_addr *baton_address_for(const struct baton_config *c,
					   const struct baton_addr *local)
{
	const struct baton_addr *first = NULL;

	for (unsigned i = 0; i < c->address_count; i++) {
		if (baton_addr_equal(&c->addresses[i], local))
			return local; /* it may stay where it is */
		if (!first && c->addresses[i].family == local->family)
			first = &c->addresses[i];
	}
	return first;
}

int baton_address_move(struct baton_node *n, struct baton_record *r)
{
	const struct baton_addr *to;
	struct baton_session *s = &n->session;
	char from[80], into[80];
	int err;

	if (!n->config.address_count || baton_address_for(&n->config, &r->local) == &r->local)
		return 0;
	err = baton_record_decode(r, baton_now_ms(), s);
	to = err ? NULL : baton_relocate_to(s, n->config.addresses, n->config.address_count);
	if (!to) {
		baton_session_wipe(s);
		return err;
	}
	baton_addr_print(&s->local, from, sizeof(from));
	baton_session_relocate(s, to);
	baton_addr_print(&s->local, into, sizeof(into));
	/* In the same version: a store that has a newer copy than the one that was claimed says so
	 * yet, and the copies that were claimed are replaced by what is put in any version. */
	err = baton_table_replace(&n->table, r, s, baton_now_ms());
	baton_session_wipe(s);
	if (err)
		return err;
	baton_node_dirty(n, r, BATON_DIRTY_PUT);
	baton_log(BATON_LOG_DEBUG, "session_moved",
		  "spi_i=%016" PRIx64 " spi_r=%016" PRIx64 " from=%s to=%s", r->spi_i, r->spi_r,
		  from, into);
	return 0;
}
