/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a store has given to a claim of ours: into our own table and, when
 * nobody else can have it, to the IKE daemon. Shared by who claims a server's
 * sessions (takeover.c) and who claims one (fetch.c).
 */
#include "daemon/node.h"

#include <inttypes.h>

/* Into our table, with the store's grant. */
static int take(struct baton_node *n, const struct baton_session_ref *ref, bool regain)
{
	struct baton_session *s = &n->session;
	const struct baton_record *r;
	int status = -baton_session_decode(s, ref->body, ref->len, NULL);

	if (!status)
		status = baton_own_take(&n->own, s, n->boot, regain, baton_now_ms());
	r = status == BATON_E_STALE_OWNER ? baton_table_find(&n->table, ref->spi_i, ref->spi_r)
					  : NULL;
	if (r && !baton_node_owns(n, r) &&
	    baton_own_claims_again(&n->own, r, r->owner, s->epoch, baton_now_ms()))
		n->recover_due = true;
	baton_session_wipe(s);
	return status;
}

struct baton_record *baton_claim_take(struct baton_node *n, uint32_t round,
				      const struct baton_session_ref *ref, bool recover)
{
	struct baton_record *r = baton_table_find(&n->table, ref->spi_i, ref->spi_r);
	uint64_t version = r ? r->version : 0;
	int status;

	n->own.claim_round = round;
	status = take(n, ref, recover && r && r->held);
	r = baton_table_find(&n->table, ref->spi_i, ref->spi_r);
	if (status && status != BATON_E_STALE_VERSION)
		baton_log(BATON_LOG_WARNING, "claim_refused",
			  "spi_i=%016" PRIx64 " spi_r=%016" PRIx64 " reason=\"%s\"", ref->spi_i,
			  ref->spi_r, baton_strerror(status));
	if (!r || r->deleted || !baton_node_owns(n, r))
		return NULL;
	baton_node_dirty(n, r, BATON_DIRTY_PUT);
	if (r->version != version && !recover) {
		/* newer than our copy; recovering, the IKE daemon's own state is the newest */
		r->renewed = r->installing;
		r->held = false;
	}
	return r;
}

bool baton_claim_use(struct baton_node *n, struct baton_record *r, bool recover, bool by_takeover)
{
	if (r->held && !r->stale)
		baton_install_raise(n, r);
	if (r->held || r->installing)
		return false;
	if ((n->config.replay_mode == BATON_REPLAY_STRICT && !recover) || r->flags & BATON_IKE_ONLY)
		r->stale = true; /* its CHILD SAs are made anew, trusted or not stored */
	baton_install_queue(n, r, recover, by_takeover);
	return true;
}
