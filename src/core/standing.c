/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/standing.h"

bool baton_is_quorum(uint8_t stores, uint8_t ranks)
{
	unsigned granted = 0;

	if (stores == 0 || stores > BATON_STORES_MAX)
		return false;
	for (unsigned i = 0; i < stores; i++)
		granted += ranks >> i & 1;
	return 2 * granted > stores || (2 * granted == stores && ranks & 1);
}

const struct baton_standing *baton_standing_find(const struct baton_standings *s,
						 const struct baton_id *owner)
{
	for (unsigned i = 0; i < s->count; i++)
		if (baton_id_equal(&s->of[i].owner, owner))
			return &s->of[i];
	return NULL;
}

/* Peers are configured, and no more than there are places for. */
static struct baton_standing *find_or_add(struct baton_standings *s, const struct baton_id *owner)
{
	for (unsigned i = 0; i < s->count; i++)
		if (baton_id_equal(&s->of[i].owner, owner))
			return &s->of[i];
	if (s->count == sizeof(s->of) / sizeof(*s->of))
		return NULL;
	s->of[s->count] = (struct baton_standing){.owner = *owner};
	return &s->of[s->count++];
}

void baton_standing_contact(struct baton_standings *s, const struct baton_id *owner, uint64_t boot,
			    const struct baton_contact *c, uint64_t now_ms)
{
	struct baton_standing *st = find_or_add(s, owner);
	uint64_t until_ms = c->tick + c->hold_ms - c->hold_ms / 8, member_ms;

	/* A tick from the future is none of ours; of two the later one counts. */
	if (!st || c->tick > now_ms)
		return;
	/* One that was restarted counts nobody in yet, and is not gone for that. */
	if (c->hold_ms)
		st->hold_ms = c->hold_ms;
	member_ms = c->tick + st->hold_ms / 2;
	if (member_ms > st->member_ms)
		st->member_ms = member_ms;
	if (boot != st->boot) {
		if (c->tick < st->tick)
			return; /* of the incarnation before */
		st->boot = boot;
		st->until_ms = 0;
	}
	if (until_ms > st->until_ms)
		st->until_ms = until_ms;
	if (c->tick < st->tick)
		return;
	st->tick = c->tick;
	st->stores = c->stores;
	st->rank = c->rank;
	st->drained = c->drained;
}

bool baton_standing_is_current(const struct baton_standing *s, uint64_t now_ms)
{
	return s && now_ms < s->until_ms;
}

bool baton_standing_is_member(const struct baton_standing *s, uint64_t now_ms)
{
	return s && now_ms < s->member_ms;
}

static bool is_over(const struct baton_standing *st, uint64_t boot, uint64_t now_ms)
{
	for (unsigned i = 0; i < BATON_BOOTS_BEFORE; i++)
		if (st->before[i].boot == boot && now_ms - st->before[i].ended_ms < BATON_LATE_MS)
			return true;
	return false;
}

bool baton_standing_claim(struct baton_standings *s, const struct baton_id *claimant, uint64_t boot,
			  uint32_t msgid, uint64_t now_ms)
{
	struct baton_standing *st = find_or_add(s, claimant);

	if (!st)
		return false;
	if (boot != st->claim_boot) {
		unsigned turn = st->before_turn;

		if (is_over(st, boot, now_ms))
			return false;
		st->before[turn].boot = st->claim_boot;
		st->before[turn].ended_ms = now_ms;
		st->before_turn = (turn + 1) % BATON_BOOTS_BEFORE;
		st->claim_boot = boot;
		st->claim_top = msgid;
		st->claim_seen = 1;
		return true;
	}
	if (msgid > st->claim_top) {
		uint32_t by = msgid - st->claim_top;

		st->claim_seen = by < 64 ? st->claim_seen << by | 1 : 1;
		st->claim_top = msgid;
		return true;
	}
	if (st->claim_top - msgid >= 64 || st->claim_seen >> (st->claim_top - msgid) & 1)
		return false;
	st->claim_seen |= UINT64_C(1) << (st->claim_top - msgid);
	return true;
}
