/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/relocate.h"
#include "store/table.h"

#include <string.h>
#include <sys/socket.h>

static bool is_link_local(const struct baton_addr *a)
{
	return a->family == AF_INET6 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

/* The peer's first address of that family, but for the one it uses; NULL: it has told none. */
static struct baton_addr *find_extra(struct baton_session *s, uint8_t family)
{
	for (unsigned i = 0; i < s->extra_addr_count; i++)
		if (s->extra_addrs[i].family == family && !is_link_local(&s->extra_addrs[i]))
			return &s->extra_addrs[i];
	return NULL;
}

static bool has_transport(const struct baton_session *s)
{
	for (unsigned i = 0; i < s->child_count; i++)
		if (s->children[i].mode == BATON_MODE_TRANSPORT)
			return true;
	return false;
}

const struct baton_addr *baton_relocate_to(struct baton_session *s, const struct baton_addr *ours,
					   unsigned count)
{
	const struct baton_addr *same = NULL, *other = NULL;

	for (unsigned i = 0; i < count; i++) {
		if (baton_addr_equal(&ours[i], &s->local))
			return &ours[i];
		if (!same && ours[i].family == s->local.family)
			same = &ours[i];
		if (!other && ours[i].family != s->local.family)
			other = &ours[i];
	}
	if (same || !other || has_transport(s) || !find_extra(s, other->family))
		return same;
	return other;
}

/* The peer's ports are ours: both sides use 500, or 4500, and what a NAT made of them was made on
 * the other way. */
static void change_family(struct baton_session *s, uint8_t family)
{
	struct baton_addr *extra = find_extra(s, family), before = s->remote;

	if (!extra)
		return;
	s->remote = *extra;
	s->remote.port = s->local.port;
	before.port = 0;
	*extra = before;
	s->local.family = family;
}

static void move_selector(struct baton_ts *ts, const struct baton_addr *from,
			  const struct baton_addr *to)
{
	if (ts->family != from->family || memcmp(ts->ip_start, from->ip, sizeof(from->ip)) != 0 ||
	    memcmp(ts->ip_end, from->ip, sizeof(from->ip)) != 0)
		return;
	memcpy(ts->ip_start, to->ip, sizeof(to->ip));
	memcpy(ts->ip_end, to->ip, sizeof(to->ip));
}

void baton_session_relocate(struct baton_session *s, const struct baton_addr *to)
{
	const struct baton_addr from = s->local;

	if (to->family != from.family)
		change_family(s, to->family);
	memcpy(s->local.ip, to->ip, sizeof(to->ip));
	s->flags |= BATON_IKE_MOVED;
	for (unsigned i = 0; i < s->child_count; i++) {
		struct baton_child *c = &s->children[i];

		if (c->mode != BATON_MODE_TRANSPORT)
			continue;
		for (unsigned k = 0; k < c->local_ts_count; k++)
			move_selector(&c->local_ts[k], &from, to);
		for (unsigned k = 0; k < c->policy_count; k++)
			move_selector(&c->policies[k].local, &from, to);
	}
}
