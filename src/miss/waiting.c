/* SPDX-License-Identifier: BSD-2-Clause */
#include "miss/waiting.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ENTRIES 8192u
#define CHAINS 16384u /* power of two */
#define SOURCES 1024u /* power of two */
#define NONE UINT32_MAX
#define AWAY_MS 3000u

struct held {
	uint32_t id, next;
};

struct entry {
	uint32_t next;		   /* of its chain, or of those that are free */
	TAILQ_ENTRY(entry) by_age; /* quiet ones, the oldest first */
	struct baton_packet sa;	   /* from is of no meaning */
	bool used, quiet, away;	   /* away is quiet, too: nobody is asked */
	bool paused;		   /* it was away */
	unsigned peer;
	uint64_t until_ms;
	uint32_t first, last; /* held packets */
	unsigned count;
};

struct bucket {
	uint64_t millis; /* thousandths of a question */
	uint64_t at_ms;
};

struct baton_waiting {
	struct baton_miss_limits limits;
	struct baton_miss_stats stats;
	uint64_t seed;
	uint32_t chains[CHAINS], free_entries, free_held;
	uint32_t untouched; /* entries from here on have never been used */
	unsigned held_count, held_size;
	struct entry entries[ENTRIES];
	TAILQ_HEAD(, entry) quiet;
	struct bucket all, sources[SOURCES];
	struct held *held;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static uint64_t mix_ip(uint64_t h, const struct baton_addr *a)
{
	uint64_t part[2] = {0};

	memcpy(part, a->ip, a->family == AF_INET6 ? 16 : 4);
	return mix(mix(h, part[0]), part[1]);
}

static uint32_t chain_of(const struct baton_waiting *w, const struct baton_packet *p)
{
	uint64_t h = mix_ip(w->seed, &p->to);

	h = p->kind == BATON_PACKET_IKE ? mix(mix(h, p->ike.spi_i), p->ike.spi_r) : mix(h, p->spi);
	return (uint32_t)(h >> 40) & (CHAINS - 1);
}

static bool is_same(const struct baton_packet *a, const struct baton_packet *b)
{
	if (a->kind != b->kind || a->to.family != b->to.family ||
	    memcmp(a->to.ip, b->to.ip, sizeof(a->to.ip)) != 0)
		return false;
	return a->kind == BATON_PACKET_IKE
		       ? a->ike.spi_i == b->ike.spi_i && a->ike.spi_r == b->ike.spi_r
		       : a->spi == b->spi;
}

static struct entry *find(struct baton_waiting *w, const struct baton_packet *p)
{
	uint32_t i = w->chains[chain_of(w, p)];

	while (i != NONE && !is_same(&w->entries[i].sa, p))
		i = w->entries[i].next;
	return i == NONE ? NULL : &w->entries[i];
}

static void drop_entry(struct baton_waiting *w, struct entry *e)
{
	uint32_t index = (uint32_t)(e - w->entries), *at = &w->chains[chain_of(w, &e->sa)];

	while (*at != index)
		at = &w->entries[*at].next;
	*at = e->next;
	if (e->quiet)
		TAILQ_REMOVE(&w->quiet, e, by_age);
	e->used = e->quiet = e->away = e->paused = false;
	e->next = w->free_entries;
	w->free_entries = index;
}

/* NULL: all are of SAs that are being asked for. */
static struct entry *add_entry(struct baton_waiting *w, const struct baton_packet *p)
{
	struct entry *e;
	uint32_t *at;

	if (w->free_entries == NONE && w->untouched < ENTRIES) {
		w->entries[w->untouched].next = NONE;
		w->free_entries = w->untouched++;
	}
	if (w->free_entries == NONE && !TAILQ_EMPTY(&w->quiet))
		drop_entry(w, TAILQ_FIRST(&w->quiet));
	if (w->free_entries == NONE)
		return NULL;
	e = &w->entries[w->free_entries];
	w->free_entries = e->next;
	at = &w->chains[chain_of(w, p)];
	*e = (struct entry){.next = *at, .sa = *p, .used = true, .first = NONE, .last = NONE};
	*at = (uint32_t)(e - w->entries);
	return e;
}

static void make_quiet(struct baton_waiting *w, struct entry *e, uint64_t until_ms)
{
	if (e->quiet)
		TAILQ_REMOVE(&w->quiet, e, by_age);
	e->quiet = true;
	e->away = false;
	e->until_ms = until_ms;
	TAILQ_INSERT_TAIL(&w->quiet, e, by_age);
}

struct baton_waiting *baton_waiting_new(const struct baton_miss_limits *l, uint64_t seed)
{
	struct baton_waiting *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->held = calloc(l->held_max ? l->held_max : 1, sizeof(*w->held));
	if (!w->held) {
		free(w);
		return NULL;
	}
	w->limits = *l;
	w->held_size = l->held_max;
	w->seed = seed;
	TAILQ_INIT(&w->quiet);
	memset(w->chains, 0xff, sizeof(w->chains));
	w->free_entries = NONE;
	for (uint32_t i = 0; i < w->held_size; i++)
		w->held[i].next = i + 1 < w->held_size ? i + 1 : NONE;
	w->free_held = w->held_size ? 0 : NONE;
	return w;
}

void baton_waiting_free(struct baton_waiting *w)
{
	if (!w)
		return;
	free(w->held);
	free(w);
}

void baton_waiting_limit(struct baton_waiting *w, const struct baton_miss_limits *l)
{
	unsigned held_max = w->held_size < l->held_max ? w->held_size : l->held_max;

	w->limits = *l;
	w->limits.held_max = held_max;
}

/* Takes a question out of a bucket that fills by per_s, and holds as many. */
static bool may_ask(struct bucket *b, unsigned per_s, uint64_t now_ms)
{
	uint64_t most = per_s * UINT64_C(1000);
	uint64_t since_ms = now_ms - b->at_ms;

	b->millis = since_ms >= 1000 ? most : b->millis + since_ms * per_s;
	if (b->millis > most)
		b->millis = most;
	b->at_ms = now_ms;
	if (b->millis < 1000)
		return false;
	b->millis -= 1000;
	return true;
}

bool baton_partitions_have(const struct baton_partitions *p, uint32_t spi)
{
	for (unsigned i = 0; i < p->count; i++)
		if (spi >= p->ranges[i].first && spi <= p->ranges[i].last)
			return true;
	return false;
}

static bool is_outside(const struct baton_waiting *w, const struct baton_packet *p)
{
	/* A packet to a client says nothing of SPIs. */
	uint32_t spi = p->kind == BATON_PACKET_IKE ? (uint32_t)(p->ike.spi_r >> 32) : p->spi;

	if (p->kind == BATON_PACKET_TO)
		return false;
	return w->limits.partitions.count && !baton_partitions_have(&w->limits.partitions, spi);
}

static bool hold(struct baton_waiting *w, struct entry *e, uint32_t id)
{
	uint32_t i = w->free_held;

	if (i == NONE || w->held_count >= w->limits.held_max || e->count >= w->limits.held_per_sa)
		return false;
	w->free_held = w->held[i].next;
	w->held[i] = (struct held){id, NONE};
	if (e->last == NONE)
		e->first = i;
	else
		w->held[e->last].next = i;
	e->last = i;
	e->count++;
	w->held_count++;
	w->stats.held++;
	return true;
}

static enum baton_miss_verdict refuse(uint64_t *counter)
{
	++*counter;
	return BATON_MISS_PASS;
}

enum baton_miss_verdict baton_waiting_take(struct baton_waiting *w, const struct baton_packet *p,
					   uint32_t id, uint64_t now_ms, unsigned *peer)
{
	struct entry *e;

	if (is_outside(w, p))
		return refuse(&w->stats.outside);
	e = find(w, p);
	if (e && e->away && now_ms < e->until_ms) {
		*peer = e->peer;
		return BATON_MISS_AWAY;
	}
	if (e && e->quiet && now_ms < e->until_ms)
		return refuse(&w->stats.quiet);
	if (e && e->quiet) {
		drop_entry(w, e);
		e = NULL;
	}
	if (e)
		return hold(w, e, id) ? BATON_MISS_HOLD : refuse(&w->stats.full);
	/* The source first: it is not to use up what others may ask. */
	if (!may_ask(&w->sources[mix_ip(w->seed, &p->from) >> 40 & (SOURCES - 1)],
		     w->limits.queries_per_source, now_ms))
		return refuse(&w->stats.source_limited);
	if (!may_ask(&w->all, w->limits.queries_per_s, now_ms))
		return refuse(&w->stats.limited);
	e = add_entry(w, p);
	if (!e)
		return refuse(&w->stats.full);
	if (!hold(w, e, id)) {
		drop_entry(w, e);
		return refuse(&w->stats.full);
	}
	w->stats.asked++;
	return BATON_MISS_ASK;
}

/* Its packets leave, in their order. */
static void let_out(struct baton_waiting *w, struct entry *e, void (*each)(void *ctx, uint32_t id),
		    void *ctx)
{
	for (uint32_t i = e->first, next; i != NONE; i = next) {
		next = w->held[i].next;
		each(ctx, w->held[i].id);
		w->held[i].next = w->free_held;
		w->free_held = i;
		w->held_count--;
	}
	e->first = e->last = NONE;
}

void baton_waiting_end(struct baton_waiting *w, const struct baton_packet *p, bool found,
		       uint64_t now_ms, void (*each)(void *ctx, uint32_t id), void *ctx)
{
	struct entry *e = find(w, p);

	if (!e || e->quiet)
		return;
	let_out(w, e, each, ctx);
	*(found ? &w->stats.released : &w->stats.discarded) += e->count;
	e->count = 0;
	if (found)
		drop_entry(w, e);
	else
		make_quiet(w, e, now_ms + w->limits.quiet_ms);
}

/* Its entry, made quiet. NULL: it is being asked for, and the answer will tell; or there is no
 * room. */
static struct entry *quieten(struct baton_waiting *w, const struct baton_packet *p,
			     uint64_t until_ms)
{
	struct entry *e = find(w, p);

	if (e && !e->quiet)
		return NULL;
	if (!e)
		e = add_entry(w, p);
	if (e)
		make_quiet(w, e, until_ms);
	return e;
}

void baton_waiting_quiet(struct baton_waiting *w, const struct baton_packet *p, uint64_t until_ms)
{
	const struct entry *e = find(w, p);

	if (e && e->quiet && !e->away && e->until_ms > until_ms)
		until_ms = e->until_ms;
	(void)quieten(w, p, until_ms);
}

void baton_waiting_wake(struct baton_waiting *w, const struct baton_packet *p)
{
	struct entry *e = find(w, p);

	if (e && e->quiet)
		drop_entry(w, e);
}

void baton_waiting_away(struct baton_waiting *w, const struct baton_packet *p, unsigned peer,
			uint64_t now_ms)
{
	struct entry *e = quieten(w, p, now_ms + AWAY_MS);

	if (!e)
		return;
	e->away = true;
	e->peer = peer;
}

void baton_waiting_pause(struct baton_waiting *w, unsigned peer)
{
	for (struct entry *e = TAILQ_FIRST(&w->quiet), *next; e; e = next) {
		next = TAILQ_NEXT(e, by_age);
		if (!e->away || e->peer != peer)
			continue;
		TAILQ_REMOVE(&w->quiet, e, by_age);
		e->quiet = e->away = false;
		e->paused = true;
	}
}

void baton_waiting_resume(struct baton_waiting *w, unsigned peer,
			  void (*each)(void *ctx, uint32_t id), void *ctx)
{
	for (struct entry *e = w->entries; e < w->entries + w->untouched; e++) {
		if (!e->used || !e->paused || e->peer != peer)
			continue;
		let_out(w, e, each, ctx);
		w->stats.released += e->count;
		drop_entry(w, e);
	}
}

void baton_waiting_forget_peer(struct baton_waiting *w, unsigned peer)
{
	for (struct entry *e = TAILQ_FIRST(&w->quiet), *next; e; e = next) {
		next = TAILQ_NEXT(e, by_age);
		if (e->away && e->peer == peer)
			drop_entry(w, e);
	}
}

const struct baton_miss_stats *baton_waiting_stats(const struct baton_waiting *w)
{
	return &w->stats;
}
