/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/members.h"

#include "core/ownership.h"

static bool is_news(const struct baton_view *v, uint64_t now_ms)
{
	return v->at_ms && now_ms - v->at_ms < BATON_VIEW_MS;
}

static const struct baton_member *member_in(const struct baton_view *v, const struct baton_id *id)
{
	for (unsigned i = 0; i < v->count; i++)
		if (baton_id_equal(&v->member[i].id, id))
			return &v->member[i];
	return NULL;
}

/* The first store that has news of that member. */
static const struct baton_view *view_of(const struct baton_view *views, unsigned count,
					const struct baton_id *id, uint64_t now_ms)
{
	for (unsigned i = 0; i < count; i++)
		if (is_news(&views[i], now_ms) && member_in(&views[i], id))
			return &views[i];
	return NULL;
}

const struct baton_member *baton_members_find(const struct baton_view *views, unsigned count,
					      const struct baton_id *id, uint64_t now_ms)
{
	const struct baton_view *v = view_of(views, count, id, now_ms);

	return v ? member_in(v, id) : NULL;
}

bool baton_members_is_gone(const struct baton_view *views, unsigned count,
			   const struct baton_id *id, uint64_t now_ms)
{
	bool gone = false;

	for (unsigned i = 0; i < count; i++) {
		const struct baton_member *m = is_news(&views[i], now_ms) ? member_in(&views[i], id)
									  : NULL;

		if (m && m->state != BATON_MEMBER_GONE)
			return false;
		gone |= m != NULL;
	}
	return gone;
}

/* Those who divide the sessions between them. */
struct survivors {
	unsigned count, self; /* self: its place */
	const struct baton_id *id[BATON_MEMBERS_MAX + 1];
	uint64_t sessions[BATON_MEMBERS_MAX + 1];
};

/* In the order of their Server IDs. */
static void insert(struct survivors *s, const struct baton_id *id, uint32_t sessions)
{
	unsigned at = s->count++;

	while (at && baton_own_is_lower(id, s->id[at - 1])) {
		s->id[at] = s->id[at - 1];
		s->sessions[at] = s->sessions[at - 1];
		at--;
	}
	s->id[at] = id;
	s->sessions[at] = sessions;
}

static void find_survivors(struct survivors *s, const struct baton_view *v,
			   const struct baton_id *self, uint32_t sessions)
{
	const struct baton_member *me = member_in(v, self);

	s->count = 0;
	/* Whatever the store thinks of it, it is alive. As many as the store says, for the others
	 * reckon with that number. */
	insert(s, self, me ? me->sessions : sessions);
	for (unsigned i = 0; i < v->count; i++)
		if (v->member[i].state == BATON_MEMBER_CURRENT &&
		    !baton_id_equal(&v->member[i].id, self))
			insert(s, &v->member[i].id, v->member[i].sessions);
	for (s->self = 0; s->id[s->self] != self;)
		s->self++;
}

/* How many each would have, if those that have fewer were filled up with that many more. */
static uint64_t level_of(const struct survivors *s, uint64_t more)
{
	uint64_t level = 0;

	/* Whoever has more than the level of all the others gets nothing, and is left out of it. */
	for (unsigned n = 0; n < s->count; n++) {
		uint64_t sum = more, filled = 0, below = n ? level : UINT64_MAX;

		for (unsigned i = 0; i < s->count; i++)
			if (s->sessions[i] < below) {
				sum += s->sessions[i];
				filled++;
			}
		level = (sum + filled - 1) / filled;
	}
	return level;
}

bool baton_members_share(const struct baton_view *views, unsigned count,
			 const struct baton_id *gone, const struct baton_id *self,
			 uint32_t sessions, uint64_t now_ms, struct baton_share *share)
{
	const struct baton_view *v = view_of(views, count, gone, now_ms);
	uint64_t level, all = 0, before = 0, mine = 0;
	struct survivors s;

	if (!v || !member_in(v, gone)->sessions)
		return false;
	find_survivors(&s, v, self, sessions);
	level = level_of(&s, member_in(v, gone)->sessions);
	for (unsigned i = 0; i < s.count; i++) {
		uint64_t part = level > s.sessions[i] ? level - s.sessions[i] : 0;

		if (i < s.self)
			before += part;
		if (i == s.self)
			mine = part;
		all += part;
	}
	if (!all)
		return false; /* it cannot be: somebody is below the level */
	*share = (struct baton_share){
		.index = (uint16_t)(before * BATON_PARTS / all),
		.of = BATON_PARTS,
		.count = (uint16_t)((before + mine) * BATON_PARTS / all -
				    before * BATON_PARTS / all),
	};
	return share->count != 0;
}
