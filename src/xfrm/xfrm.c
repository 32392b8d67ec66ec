/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's SAD. Theory of operation:
 *
 * - Setting numbers (XFRM_MSG_NEWAE) takes the whole replay state in the form
 *   the SA has it (short, or a bitmap of its own length), so every change
 *   begins with reading: a batch of GETSA, then a batch of NEWAE. GETAE would
 *   not show keys, but does not tell ESN, and without that a number beyond 32
 *   bits would be cut, that is: repeated. The keys in the answers are wiped
 *   unread. Between the two a live SA goes on: what is written MUST be above
 *   all that it may use meanwhile, or the number it has used is used again. So
 *   nothing is written that is not raised, and who raises the number of an SA
 *   with policies raises it to the end of its lease, beyond which the fence
 *   (src/fence) lets nothing pass.
 * - Thresholds are never 0 in the kernel: a packet threshold of 0 has meant
 *   "always" and "never" in different versions, and with an age of 0 an SA
 *   whose timer has once fired idle reports every packet.
 * - An age needs a first report to start its timer: see arming.h.
 */
#include "xfrm/xfrm.h"

#include "xfrm/arming.h"
#include "xfrm/netlink.h"
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/xfrm.h>
#include <string.h>
#include <time.h>

#define EVENTS_PER_CALL 1024u /* messages; then the event loop gets its turn */

struct baton_xfrm {
	struct baton_nl nl;
	struct mnl_socket *events;
	uint64_t tick_ns;
	struct baton_arming_table arming;
	struct baton_arming due[BATON_XFRM_BATCH]; /* reported; their threshold is to be set */
	unsigned due_count;
	struct baton_xfrm_sa sas[BATON_XFRM_BATCH];	/* scratch of set_counters */
	_Alignas(8) uint8_t event[BATON_XFRM_READ_MAX]; /* may hold keys: wiped after each read */
};

/* ---- open and close ---------------------------------------------------------------------- */
int baton_xfrm_open(struct baton_xfrm **out)
{
	static const int groups[] = {XFRMNLGRP_AEVENTS, XFRMNLGRP_SA, XFRMNLGRP_EXPIRE, 0};
	static const int none[] = {0};
	struct timespec tick;
	struct baton_xfrm *x;
	int saved;

	*out = NULL;
	/* The coarse clock advances once per tick of the kernel's timer wheel. */
	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || (!tick.tv_sec && !tick.tv_nsec))
		return -BATON_E_SYSTEM;
	x = baton_locked_alloc(sizeof(*x));
	if (!x)
		return -BATON_E_SYSTEM;
	x->tick_ns = (uint64_t)tick.tv_sec * 1000000000u + (uint64_t)tick.tv_nsec;
	x->nl.next_seq = 1;
	x->nl.sock = baton_nl_open(none, true);
	if (x->nl.sock)
		x->events = baton_nl_open(groups, false);
	if (!x->events) {
		saved = errno;
		baton_xfrm_close(x);
		errno = saved;
		return -BATON_E_SYSTEM;
	}
	x->nl.portid = mnl_socket_get_portid(x->nl.sock);
	*out = x;
	return 0;
}

void baton_xfrm_close(struct baton_xfrm *x)
{
	if (!x)
		return;
	baton_nl_close(&x->nl);
	if (x->events)
		mnl_socket_close(x->events);
	baton_arming_free(&x->arming);
	baton_locked_free(x, sizeof(*x));
}

int baton_xfrm_fd(const struct baton_xfrm *x)
{
	return mnl_socket_get_fd(x->events);
}

/* ---- results ----------------------------------------------------------------------------- */
static int from_errno(int e)
{
	if (e == 0)
		return 0;
	if (e == ESRCH)
		return -BATON_E_NOT_FOUND;
	errno = e;
	return -BATON_E_SYSTEM;
}

static int result_of(const struct nlmsghdr *h)
{
	int e = EBADMSG;

	if (h->nlmsg_type != NLMSG_ERROR || baton_xfrm_parse_error(h, &e))
		e = EBADMSG;
	return from_errno(e);
}

static void take_result(void *ctx, unsigned index, const struct nlmsghdr *h)
{
	int *results = ctx;

	results[index] = result_of(h);
}

/* Every answer that does not come leaves this behind. */
static void expect(int *results, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		results[i] = -BATON_E_SYSTEM;
}

static int first_failure(const int *results, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (results[i])
			return results[i];
	return 0;
}

static unsigned batch_of(unsigned left)
{
	return left < BATON_XFRM_BATCH ? left : BATON_XFRM_BATCH;
}

/* ---- reading ----------------------------------------------------------------------------- */
struct reading {
	struct baton_xfrm_sa *sas;
	int *results;
};

static void take_sa(void *ctx, unsigned index, const struct nlmsghdr *h)
{
	struct reading *r = ctx;

	if (h->nlmsg_type == NLMSG_ERROR)
		r->results[index] = result_of(h);
	else if (h->nlmsg_type == XFRM_MSG_NEWSA && !baton_xfrm_parse_sa(h, &r->sas[index]))
		r->results[index] = 0;
	else
		r->results[index] = from_errno(EBADMSG);
}

static void add_get(struct baton_xfrm *x, const struct baton_sa_id *id)
{
	uint32_t seq;
	void *slot = baton_nl_slot(&x->nl, &seq);

	baton_nl_added(&x->nl, baton_xfrm_put_get(slot, seq, id));
}

int baton_xfrm_get(struct baton_xfrm *x, const struct baton_sa_id *id, struct baton_sa_state *state)
{
	int result = -BATON_E_SYSTEM;
	struct reading r = {x->sas, &result};

	add_get(x, id);
	if (baton_nl_run(&x->nl, take_sa, &r))
		return -BATON_E_SYSTEM;
	if (!result)
		*state = x->sas[0].state;
	return result;
}

struct dumping {
	void (*fn)(void *ctx, const struct baton_sa_state *s);
	void *ctx;
	struct baton_xfrm_sa *sa;
};

static int take_dumped(void *ctx, const struct nlmsghdr *h)
{
	struct dumping *d = ctx;
	int err = -BATON_E_EXCHANGE;

	if (h->nlmsg_type == XFRM_MSG_NEWSA)
		err = baton_xfrm_parse_sa(h, d->sa);
	if (!err)
		d->fn(d->ctx, &d->sa->state);
	else if (err != -BATON_E_VALUE)
		return from_errno(EBADMSG);
	return 0;
}

int baton_xfrm_dump(struct baton_xfrm *x, void (*fn)(void *ctx, const struct baton_sa_state *s),
		    void *ctx)
{
	struct dumping d = {fn, ctx, x->sas};

	return baton_nl_dump(&x->nl, take_dumped, &d);
}

/* ---- setting ----------------------------------------------------------------------------- */
static void set_counters(struct baton_xfrm *x, const struct baton_sa_set *sets, unsigned count,
			 int *results)
{
	struct reading r = {x->sas, results};
	int acks[BATON_XFRM_BATCH];
	unsigned of[BATON_XFRM_BATCH], sent = 0;

	for (unsigned i = 0; i < count; i++)
		add_get(x, &sets[i].id);
	if (baton_nl_run(&x->nl, take_sa, &r))
		return;
	for (unsigned i = 0; i < count; i++) {
		uint32_t seq;
		void *slot;

		if (results[i])
			continue;
		if (!baton_xfrm_raise(&x->sas[i].replay, x->sas[i].state.esn, &sets[i]))
			continue;	      /* and it is not written: see above */
		results[i] = -BATON_E_SYSTEM; /* until it is acknowledged */
		slot = baton_nl_slot(&x->nl, &seq);
		baton_nl_added(&x->nl,
			       baton_xfrm_put_counters(slot, seq, &sets[i].id, &x->sas[i].replay));
		of[sent++] = i;
	}
	expect(acks, sent);
	(void)baton_nl_run(&x->nl, take_result, acks);
	for (unsigned i = 0; i < sent; i++)
		results[of[i]] = acks[i];
}

int baton_xfrm_set_counters(struct baton_xfrm *x, const struct baton_sa_set *sets, unsigned count,
			    int *results)
{
	expect(results, count);
	for (unsigned i = 0, n; i < count; i += n) {
		n = batch_of(count - i);
		set_counters(x, sets + i, n, results + i);
	}
	return first_failure(results, count);
}

static void add_thresholds(struct baton_xfrm *x, const struct baton_sa_id *id, uint32_t packets,
			   uint32_t jiffies)
{
	uint32_t seq;
	void *slot = baton_nl_slot(&x->nl, &seq);

	baton_nl_added(&x->nl, baton_xfrm_put_thresholds(slot, seq, id, packets, jiffies));
}

static void set_thresholds(struct baton_xfrm *x, const struct baton_sa_thresholds *t,
			   unsigned count, int *results)
{
	int acks[BATON_XFRM_BATCH];
	unsigned of[BATON_XFRM_BATCH], sent = 0;

	for (unsigned i = 0; i < count; i++) {
		struct baton_arming a = {
			.id = t[i].id,
			.packets = t[i].packets ? t[i].packets : BATON_XFRM_PACKETS_NEVER,
			.jiffies = t[i].age_ms ? baton_xfrm_ticks(t[i].age_ms, x->tick_ns)
					       : BATON_XFRM_JIFFIES_NEVER,
		};

		baton_arming_take(&x->arming, &a.id, NULL);
		if (t[i].age_ms && baton_arming_put(&x->arming, &a)) {
			results[i] = -BATON_E_FULL;
			continue;
		}
		add_thresholds(x, &a.id, t[i].age_ms ? 1 : a.packets, a.jiffies);
		of[sent++] = i;
	}
	expect(acks, sent);
	(void)baton_nl_run(&x->nl, take_result, acks);
	for (unsigned i = 0; i < sent; i++) {
		results[of[i]] = acks[i];
		if (acks[i])
			baton_arming_take(&x->arming, &t[of[i]].id, NULL);
	}
}

int baton_xfrm_set_thresholds(struct baton_xfrm *x, const struct baton_sa_thresholds *t,
			      unsigned count, int *results)
{
	expect(results, count);
	for (unsigned i = 0, n; i < count; i += n) {
		n = batch_of(count - i);
		set_thresholds(x, t + i, n, results + i);
	}
	return first_failure(results, count);
}

int baton_xfrm_delete(struct baton_xfrm *x, const struct baton_sa_id *ids, unsigned count)
{
	int results[BATON_XFRM_BATCH], err = 0;

	for (unsigned i = 0, n; i < count; i += n) {
		n = batch_of(count - i);
		for (unsigned k = 0; k < n; k++) {
			uint32_t seq;
			void *slot = baton_nl_slot(&x->nl, &seq);

			baton_nl_added(&x->nl, baton_xfrm_put_delete(slot, seq, &ids[i + k]));
		}
		expect(results, n);
		(void)baton_nl_run(&x->nl, take_result, results);
		for (unsigned k = 0; k < n; k++)
			if (results[k] == -BATON_E_SYSTEM)
				err = -BATON_E_SYSTEM;
	}
	return err;
}

/* ---- events ------------------------------------------------------------------------------ */
/* The first reports have come, the timers run: now the thresholds that were asked for. One that
 * fails is tried again at the next report, which its threshold of 1 will bring. */
static void settle_due(struct baton_xfrm *x)
{
	int acks[BATON_XFRM_BATCH];
	unsigned count = x->due_count;

	x->due_count = 0;
	for (unsigned i = 0; i < count; i++)
		add_thresholds(x, &x->due[i].id, x->due[i].packets, x->due[i].jiffies);
	expect(acks, count);
	(void)baton_nl_run(&x->nl, take_result, acks);
	for (unsigned i = 0; i < count; i++)
		if (acks[i] == -BATON_E_SYSTEM)
			(void)baton_arming_put(&x->arming, &x->due[i]);
}

static void take_event(struct baton_xfrm *x, const struct nlmsghdr *h,
		       void (*fn)(void *ctx, const struct baton_xfrm_event *e), void *ctx)
{
	struct baton_xfrm_event e;
	enum baton_xfrm_cause cause;

	if (baton_xfrm_parse_event(h, &e, &cause))
		return;
	if (e.kind == BATON_XFRM_REPLAY) {
		/* Only then has the kernel written our port there. */
		if (cause == BATON_XFRM_BY_OTHER && h->nlmsg_pid == x->nl.portid)
			return;
		if (cause == BATON_XFRM_BY_PACKETS &&
		    baton_arming_take(&x->arming, &e.state.id, &x->due[x->due_count]))
			x->due_count++;
	} else if (e.kind == BATON_XFRM_DELSA || e.kind == BATON_XFRM_EXPIRE) {
		baton_arming_take(&x->arming, &e.state.id, NULL);
	}
	if (x->due_count == BATON_XFRM_BATCH)
		settle_due(x);
	fn(ctx, &e);
}

int baton_xfrm_events(struct baton_xfrm *x, void (*fn)(void *ctx, const struct baton_xfrm_event *e),
		      void *ctx)
{
	static const struct baton_xfrm_event lost = {.kind = BATON_XFRM_OVERRUN};
	int err = 0;

	for (unsigned budget = EVENTS_PER_CALL; budget; budget--) {
		long got = baton_nl_read(x->events, x->event, sizeof(x->event));
		int left = (int)got;

		if (got == 0)
			break;
		if (got < 0 && (errno == ENOBUFS || errno == EMSGSIZE)) {
			fn(ctx, &lost);
			continue;
		}
		if (got < 0) {
			err = -BATON_E_SYSTEM;
			break;
		}
		for (const struct nlmsghdr *h = (const struct nlmsghdr *)x->event;
		     baton_xfrm_message_ok(h, left); h = mnl_nlmsg_next(h, &left))
			take_event(x, h, fn, ctx);
		baton_wipe(x->event, (size_t)got);
	}
	if (x->due_count)
		settle_due(x);
	return err;
}
