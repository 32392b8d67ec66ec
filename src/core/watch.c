/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/watch.h"

bool baton_watch_out(const struct baton_watch *w, struct baton_mark *m, uint64_t out_seq)
{
	struct baton_counters *c = &m->counters;

	if (out_seq > c->out_seq)
		c->out_seq = out_seq;
	if (c->out_seq + w->lease / 2 <= c->out_lease)
		return false;
	c->out_lease = c->out_seq + w->lease;
	return true;
}

bool baton_watch_in(const struct baton_watch *w, struct baton_mark *m, uint64_t in_seq,
		    uint64_t now_ms)
{
	struct baton_counters *c = &m->counters;
	uint64_t passed_ms = now_ms > m->seen_ms ? now_ms - m->seen_ms : 1;
	uint64_t rate = 0;

	if (in_seq <= c->in_seq)
		return false;
	if (m->seen_ms)
		rate = (in_seq - c->in_seq) * 1000 / passed_ms;
	/* A rise is believed at once, a fall by a quarter each time. */
	if (rate < m->rate_pps - m->rate_pps / 4)
		rate = m->rate_pps - m->rate_pps / 4;
	m->rate_pps = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate;
	m->seen_ms = now_ms;
	m->moving = true;
	c->in_seq = in_seq;
	c->in_limit = in_seq + 1 + (uint64_t)m->rate_pps * 2 * w->age_ms / 1000;
	return true;
}

bool baton_watch_settle(const struct baton_watch *w, struct baton_mark *m, uint64_t now_ms)
{
	if (!m->moving || now_ms - m->seen_ms <= 2 * (uint64_t)w->age_ms)
		return false;
	m->moving = false;
	m->counters.in_limit = m->counters.in_seq;
	return true;
}
