/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CHILD SAs that were taken over are made anew by rekeying, so that what is left of
 * a replay exposure ends (docs/protocol.md 5.3.10). Not all at once: `rekey_pace` a
 * second, and those with traffic first. Where that is shows when they have been used for
 * a moment: so the first are due a second after they were given to the IKE daemon, and
 * the kernel is asked once a second which have counted.
 */
#include "daemon/node.h"

#define FIRST_MS 1000u
#define STEP_MS 100u
#define LOOK_MS 1000u

void baton_refresh_begin(struct baton_node *n, struct baton_record *r)
{
	uint64_t now_ms = baton_now_ms();

	if (!n->config.rekey_pace)
		return;
	for (unsigned i = 0; i < r->mark_count; i++)
		r->marks[i].taken = true;
	if (!n->refresh_ms) {
		n->refresh_ms = now_ms + FIRST_MS;
		n->refresh_look_ms = n->refresh_ms;
		n->refresh_credit = 0;
	}
}

static bool is_due(const struct baton_node *n, const struct baton_record *r,
		   const struct baton_mark *m)
{
	return m->taken && r->held && !r->installing && baton_node_owns(n, r) &&
	       !(m->flags & (BATON_CHILD_REKEYED | BATON_CHILD_PENDING));
}

/* Asks for as many as may be; how many are left, of this kind. */
static unsigned refresh(struct baton_node *n, bool busy)
{
	struct baton_record *r;
	unsigned left = 0;

	TAILQ_FOREACH(r, &n->table.records, all) {
		for (unsigned i = 0; !r->deleted && i < r->mark_count; i++) {
			struct baton_mark *m = &r->marks[i];

			if (!is_due(n, r, m) || busy != (m->heard || m->out_ms))
				continue;
			if (n->refresh_credit < 1000) {
				left++;
				continue;
			}
			n->refresh_credit -= 1000;
			m->taken = false;
			if (!m->renewing)
				baton_lease_ask_rekey(n, m);
			n->refreshed++;
		}
	}
	return left;
}

uint64_t baton_refresh_tick(struct baton_node *n, uint64_t now_ms)
{
	if (!n->refresh_ms)
		return UINT64_MAX;
	if (now_ms < n->refresh_ms)
		return n->refresh_ms;
	if (now_ms >= n->refresh_look_ms && n->xfrm) {
		baton_gateway_look(n);
		n->refresh_look_ms = now_ms + LOOK_MS;
	}
	n->refresh_credit += n->config.rekey_pace * STEP_MS;
	if (refresh(n, true) + refresh(n, false)) {
		n->refresh_ms = now_ms + STEP_MS;
		return n->refresh_ms;
	}
	baton_log(BATON_LOG_INFO, "rekeying_asked", "children=%u", n->refreshed);
	n->refresh_ms = 0;
	n->refreshed = 0;
	return UINT64_MAX;
}
