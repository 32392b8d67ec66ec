/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cluster of several gateways that all serve clients: who is gone, and which
 * part of its sessions each of the others takes over (docs/protocol.md 5.3.12).
 *
 * Every survivor works its part out by itself, from what a store says. They need
 * not agree: a session that two claim goes to one of them (5.3.3), and what
 * nobody has claimed is still the gone one's when they look again.
 */
#ifndef BATON_CORE_MEMBERS_H
#define BATON_CORE_MEMBERS_H

#include <baton/message.h>

/* Sessions are divided by their SPI hash modulo this. */
#define BATON_PARTS 256u
/* What a store has said is news for so long. */
#define BATON_VIEW_MS 3000u

/* What one store said of the members, and when; at_ms 0 = nothing yet. */
struct baton_view {
	uint64_t at_ms;
	unsigned count;
	struct baton_member member[BATON_MEMBERS_MAX];
};

/* The member as the first of the stores that has news of it sees it; NULL: none has. */
const struct baton_member *baton_members_find(const struct baton_view *views, unsigned count,
					      const struct baton_id *id, uint64_t now_ms);
/* Do all stores that have news of it say that it is gone, and is there one that does? */
bool baton_members_is_gone(const struct baton_view *views, unsigned count,
			   const struct baton_id *id, uint64_t now_ms);
/* Self's part of the sessions of gone, so that the survivors have as many sessions each as can be
 * (sessions: how many self has, should the store not know it). False: it has none to take. */
bool baton_members_share(const struct baton_view *views, unsigned count,
			 const struct baton_id *gone, const struct baton_id *self,
			 uint32_t sessions, uint64_t now_ms, struct baton_share *share);

#endif
