/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/watch.h"

static uint32_t step_of(const struct baton_watch *w, const struct baton_mark *m)
{
	return m->step > w->lease ? m->step : w->lease;
}

static void follow_rate(const struct baton_watch *w, struct baton_mark *m, uint64_t used,
			uint64_t passed_ms)
{
	uint64_t want = used * 1000 / (passed_ms ? passed_ms : 1) * BATON_LEASE_SECONDS;

	want += w->lease - 1;
	want -= want % w->lease;
	m->step = want > BATON_LEASE_MAX ? BATON_LEASE_MAX : (uint32_t)want;
}

/* Times of reports have 32 bits, 0 = none: after 49 days of silence a rate is overestimated once.
 */
static uint32_t since(uint32_t then, uint64_t now_ms)
{
	return (uint32_t)now_ms - then;
}

bool baton_watch_out(const struct baton_watch *w, struct baton_mark *m, uint64_t out_seq,
		     uint64_t now_ms)
{
	struct baton_counters *c = &m->counters;
	uint64_t lease;

	if (out_seq > c->out_seq) {
		if (m->out_ms)
			follow_rate(w, m, out_seq - c->out_seq, since(m->out_ms, now_ms));
		m->out_ms = (uint32_t)now_ms;
		c->out_seq = out_seq;
	}
	if (c->out_seq + step_of(w, m) / 2 <= c->out_lease)
		return false;
	lease = c->out_seq + step_of(w, m);
	if (!(m->flags & BATON_CHILD_ESN) && lease > BATON_SEQ_LAST)
		lease = BATON_SEQ_LAST;
	if (lease <= c->out_lease)
		return false;
	c->out_lease = lease;
	return true;
}

uint32_t baton_watch_threshold(const struct baton_watch *w, const struct baton_mark *m)
{
	return step_of(w, m) / 4;
}

bool baton_watch_is_worn(const struct baton_mark *m)
{
	return !(m->flags & BATON_CHILD_ESN) && m->counters.out_seq >= BATON_SEQ_WORN;
}

bool baton_watch_is_stuck(const struct baton_watch *w, const struct baton_mark *m)
{
	return m->told && m->counters.out_seq + step_of(w, m) / 3 > m->usable;
}

/* What the owner before has promised: two ages' worth, and one. */
static uint64_t promised_pps(const struct baton_watch *w, const struct baton_counters *c)
{
	uint64_t packets = c->in_limit - c->in_seq;

	return packets && packets <= UINT32_MAX ? (packets - 1) * 1000 / (2 * (uint64_t)w->age_ms)
						: 0;
}

bool baton_watch_in(const struct baton_watch *w, struct baton_mark *m, uint64_t in_seq,
		    uint64_t now_ms)
{
	struct baton_counters *c = &m->counters;
	uint64_t passed_ms = since(m->seen_ms, now_ms);
	uint64_t rate = m->heard ? 0 : promised_pps(w, c), ahead;

	if (in_seq <= c->in_seq)
		return false;
	/* The kernel reports once in that time at most: two that are read together lie as far
	 * apart. */
	if (passed_ms < w->age_ms)
		passed_ms = w->age_ms;
	/* A peer that was asked to raise its numbers (RFC 6311) has not sent so much. */
	if (m->heard && in_seq - c->in_seq < BATON_REPLAY_DELTA / 4)
		rate = (in_seq - c->in_seq) * 1000 / passed_ms;
	/* A rise is believed at once, a fall by a quarter each time. */
	if (rate < m->rate_pps - m->rate_pps / 4)
		rate = m->rate_pps - m->rate_pps / 4;
	m->rate_pps = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate;
	m->seen_ms = (uint32_t)now_ms;
	m->moving = m->heard = true;
	c->in_seq = in_seq;
	ahead = 1 + (uint64_t)m->rate_pps * 2 * w->age_ms / 1000;
	c->in_limit = ahead < UINT64_MAX - in_seq ? in_seq + ahead : UINT64_MAX;
	return true;
}

bool baton_watch_settle(const struct baton_watch *w, struct baton_mark *m, uint64_t now_ms)
{
	if (!m->moving || since(m->seen_ms, now_ms) <= 2 * (uint64_t)w->age_ms)
		return false;
	m->moving = false;
	m->counters.in_limit = m->counters.in_seq;
	return true;
}
