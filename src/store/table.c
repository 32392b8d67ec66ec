/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/table.h"

#include "store/addresses.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BUCKETS 16384u

/* A Server ID, kept once. */
struct baton_owner {
	struct baton_owner *next;
	unsigned uses;
	struct baton_id id;
};

static const struct baton_id nobody;
/* What there is to tell the peers of a record nobody was told of. */
static struct baton_replica nothing[BATON_PEERS_MAX];

static size_t bucket(const struct baton_table *t, uint64_t a, uint64_t b)
{
	/* Peers choose some of the SPIs: the seed keeps them from choosing the chain. */
	uint64_t x = (a ^ t->seed) * 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 32) ^ b) * 0xd6e8feb86659fd93u;
	x = (x ^ (x >> 32) ^ t->seed) * 0xd6e8feb86659fd93u;
	return (size_t)(x ^ (x >> 32)) & (t->buckets - 1);
}

/* Of the chains that are seldom searched: fewer of them, for memory's sake. */
#define RARE 4u
static size_t rare_bucket(const struct baton_table *t, uint64_t a, uint64_t b)
{
	return bucket(t, a, b) / RARE;
}

bool baton_id_equal(const struct baton_id *a, const struct baton_id *b)
{
	return a == b ||
	       (a->type == b->type && a->len == b->len && memcmp(a->data, b->data, a->len) == 0);
}

bool baton_addr_equal(const struct baton_addr *a, const struct baton_addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, a->family == AF_INET6 ? 16 : 4) == 0;
}

int baton_table_init(struct baton_table *t, unsigned max_sessions, uint64_t seed)
{
	*t = (struct baton_table){
		.buckets = BUCKETS, .max = max_sessions, .seed = seed, .peers = BATON_PEERS_MAX};
	TAILQ_INIT(&t->records);
	while (t->buckets < max_sessions && t->buckets < ((size_t)1 << 24))
		t->buckets *= 2;
	t->by_ike[0] = calloc(t->buckets / RARE, sizeof(*t->by_ike[0]));
	t->by_ike[1] = calloc(t->buckets, sizeof(*t->by_ike[1]));
	t->by_in = calloc(t->buckets, sizeof(*t->by_in));
	t->by_out = calloc(t->buckets / RARE, sizeof(*t->by_out));
	if (t->by_ike[0] && t->by_ike[1] && t->by_in && t->by_out)
		return 0;
	baton_table_free(t);
	return -BATON_E_SYSTEM;
}

void baton_table_free(struct baton_table *t)
{
	struct baton_record *r;

	while ((r = TAILQ_FIRST(&t->records)))
		baton_table_drop(t, r);
	baton_addresses_free(t->addresses);
	t->addresses = NULL;
	free(t->by_ike[0]);
	free(t->by_ike[1]);
	free(t->by_in);
	free(t->by_out);
	t->by_ike[0] = t->by_ike[1] = NULL;
	t->by_in = t->by_out = NULL;
}

static struct baton_record **ike_chain(const struct baton_table *t, uint64_t spi, unsigned side)
{
	return &t->by_ike[side][side ? bucket(t, spi, 4) : rare_bucket(t, spi, 3)];
}

struct baton_record *baton_table_find(struct baton_table *t, uint64_t spi_i, uint64_t spi_r)
{
	struct baton_record *r = *ike_chain(t, spi_r, 1);

	while (r && (r->spi_i != spi_i || r->spi_r != spi_r))
		r = r->next[1];
	return r;
}

struct baton_record *baton_table_find_ike(struct baton_table *t, uint64_t spi)
{
	struct baton_record *found = NULL;

	for (unsigned side = 0; side < 2; side++)
		for (struct baton_record *r = *ike_chain(t, spi, side); r; r = r->next[side])
			if (!r->deleted && (side ? r->spi_r : r->spi_i) == spi &&
			    (!found || r->serial < found->serial))
				found = r;
	return found;
}

static void fetch(const void *p, size_t len)
{
	for (size_t at = 0; at < len; at += 64)
		__builtin_prefetch((const char *)p + at);
}

void baton_table_expect(const struct baton_table *t, uint64_t spi_i, uint64_t spi_r, unsigned step)
{
	struct baton_record *const *at = ike_chain(t, spi_r, 1);
	struct baton_mark *const *in;
	const struct baton_record *r;

	if (step == 0) {
		__builtin_prefetch(at);
		return;
	}
	r = *at; /* most chains are of one */
	if (!r)
		return;
	if (step == 1) {
		fetch(r, sizeof(*r));
		return;
	}
	for (; r->spi_i != spi_i || r->spi_r != spi_r; r = r->next[1])
		if (!r->next[1])
			return;
	if (!r->mark_count)
		return;
	if (step == 2) {
		fetch(r->marks, sizeof(*r->marks));
		return;
	}
	in = &t->by_in[bucket(t, r->marks->spi_in, 1)];
	if (step == 3)
		__builtin_prefetch(in);
	else if (*in)
		__builtin_prefetch(&(*in)->spi_in);
}

struct baton_mark *baton_table_find_in(struct baton_table *t, uint32_t spi_in)
{
	struct baton_mark *m = t->by_in[bucket(t, spi_in, 1)];

	while (m && m->spi_in != spi_in)
		m = m->next_in;
	return m;
}

struct baton_mark *baton_table_find_out(struct baton_table *t, uint32_t spi_out,
					const struct baton_addr *remote)
{
	struct baton_mark *m = t->by_out[rare_bucket(t, spi_out, 2)];

	while (m && (m->spi_out != spi_out || !baton_addr_equal(&m->record->remote, remote)))
		m = m->next_out;
	return m;
}

struct baton_mark *baton_record_mark(struct baton_record *r, uint32_t spi_in)
{
	for (unsigned i = 0; i < r->mark_count; i++)
		if (r->marks[i].spi_in == spi_in)
			return &r->marks[i];
	return NULL;
}

/* ---- who owns, who is told ----------------------------------------------------------------- */
/* NULL when memory is out. */
static struct baton_owner *take_owner(struct baton_table *t, const struct baton_id *id)
{
	struct baton_owner *o = t->owners;

	while (o && !baton_id_equal(&o->id, id))
		o = o->next;
	if (!o) {
		o = calloc(1, sizeof(*o));
		if (!o)
			return NULL;
		o->id.type = id->type;
		o->id.len = id->len;
		memcpy(o->id.data, id->data, id->len);
		o->next = t->owners;
		t->owners = o;
	}
	o->uses++;
	return o;
}

static void leave_owner(struct baton_table *t, const struct baton_id *id)
{
	struct baton_owner **p = &t->owners, *o;

	while (*p && &(*p)->id != id)
		p = &(*p)->next;
	o = *p;
	if (!o || --o->uses)
		return; /* nobody, or somebody's still */
	*p = o->next;
	free(o);
}

int baton_record_set_owner(struct baton_table *t, struct baton_record *r,
			   const struct baton_id *owner)
{
	const struct baton_id *before = r->owner;
	struct baton_owner *o;

	if (baton_id_equal(before, owner))
		return 0;
	o = take_owner(t, owner);
	if (!o)
		return -BATON_E_SYSTEM;
	r->owner = &o->id;
	leave_owner(t, before);
	return 0;
}

int baton_record_attach(struct baton_table *t, struct baton_record *r)
{
	struct baton_replica *peers;

	if (r->peers != nothing)
		return 0;
	peers = calloc(t->peers ? t->peers : 1, sizeof(*peers));
	if (!peers)
		return -BATON_E_SYSTEM;
	r->peers = peers;
	return 0;
}

bool baton_record_is_attached(const struct baton_record *r)
{
	return r->peers != nothing;
}

/* ---- records ------------------------------------------------------------------------------- */
struct baton_record *baton_table_add(struct baton_table *t, uint64_t spi_i, uint64_t spi_r)
{
	struct baton_record *r;

	if (t->live >= t->max)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->spi_i = spi_i;
	r->spi_r = spi_r;
	r->serial = ++t->serial;
	r->owner = &nobody;
	r->peers = nothing;
	for (unsigned side = 0; side < 2; side++) {
		struct baton_record **head = ike_chain(t, side ? spi_r : spi_i, side);

		r->next[side] = *head;
		*head = r;
	}
	TAILQ_INSERT_TAIL(&t->records, r, all);
	t->live++;
	return r;
}

static void unlink_mark(struct baton_table *t, const struct baton_mark *m)
{
	struct baton_mark **p;

	for (p = &t->by_in[bucket(t, m->spi_in, 1)]; *p; p = &(*p)->next_in)
		if (*p == m) {
			*p = m->next_in;
			break;
		}
	for (p = &t->by_out[rare_bucket(t, m->spi_out, 2)]; *p; p = &(*p)->next_out)
		if (*p == m) {
			*p = m->next_out;
			break;
		}
}

static void forget_body(struct baton_table *t, struct baton_record *r)
{
	for (unsigned i = 0; i < r->mark_count; i++)
		unlink_mark(t, &r->marks[i]);
	baton_addresses_remove(t->addresses, r);
	if (r->body) {
		t->body_bytes -= r->body_len;
		baton_wipe(r->body, r->body_len);
	}
	free(r->marks); /* and with them the body */
	r->marks = NULL;
	r->mark_count = 0;
	r->body = NULL;
	r->body_len = 0;
}

static void set_mark(struct baton_mark *m, const struct baton_outline_child *c)
{
	m->spi_in = c->spi_in;
	m->spi_out = c->spi_out;
	m->protocol = c->protocol;
	m->flags = c->flags;
	m->at_life = c->at_life;
	m->at_counters = c->at_counters;
}

/* Fills the marks of the children of o: those of SAs the record knew keep their counters and their
 * watch. */
static void fill_marks(struct baton_table *t, struct baton_record *r, struct baton_mark *marks,
		       const struct baton_outline *o)
{
	for (unsigned i = 0; i < o->child_count; i++) {
		const struct baton_outline_child *c = &o->children[i];
		const struct baton_mark *known = baton_record_mark(r, c->spi_in);

		if (!known)
			known = baton_table_find_in(t, c->spi_in); /* moved by an IKE rekey */
		if (known && known->spi_out == c->spi_out)
			marks[i] = *known;
		else
			marks[i] = (struct baton_mark){.counters = c->counters, .fresh = true};
		if (marks[i].record != r)
			marks[i].guarded = false; /* that was said of the other's */
		marks[i].record = r;
		marks[i].next_in = marks[i].next_out = NULL;
		set_mark(&marks[i], c);
	}
}

static void link_marks(struct baton_table *t, struct baton_record *r)
{
	for (unsigned i = 0; i < r->mark_count; i++) {
		struct baton_mark *m = &r->marks[i];
		struct baton_mark **in = &t->by_in[bucket(t, m->spi_in, 1)];
		struct baton_mark **out = &t->by_out[rare_bucket(t, m->spi_out, 2)];

		/* At the head: a mark of the IKE SA it has moved away from is found no more. */
		m->next_in = *in;
		*in = m;
		m->next_out = *out;
		*out = m;
	}
}

static void leave_place(struct baton_table *t, struct baton_record *r)
{
	if (t->place == r)
		t->place = TAILQ_PREV(r, baton_record_list, all);
}

struct baton_record *baton_table_after(struct baton_table *t, uint64_t serial)
{
	struct baton_record *r = t->place && t->place->serial <= serial ? t->place
									: TAILQ_FIRST(&t->records);

	while (r && r->serial <= serial) {
		t->place = r;
		r = TAILQ_NEXT(r, all);
	}
	return r;
}

void baton_table_touch(struct baton_table *t, struct baton_record *r)
{
	leave_place(t, r);
	r->serial = ++t->serial;
	TAILQ_REMOVE(&t->records, r, all);
	TAILQ_INSERT_TAIL(&t->records, r, all);
}

/* The same SAs in as many octets, and each is found here: they may be written over. */
static bool fits_in_place(struct baton_table *t, const struct baton_record *r,
			  const struct baton_outline *o, size_t len)
{
	if (!r->body || r->body_len != len || r->mark_count != o->child_count)
		return false;
	for (unsigned i = 0; i < r->mark_count; i++)
		if (r->marks[i].spi_in != o->children[i].spi_in ||
		    r->marks[i].spi_out != o->children[i].spi_out ||
		    baton_table_find_in(t, r->marks[i].spi_in) != &r->marks[i])
			return false;
	return true;
}

static int make_room(struct baton_table *t, struct baton_record *r, const struct baton_outline *o,
		     size_t len)
{
	struct baton_mark *marks;

	if (fits_in_place(t, r, o, len)) {
		for (unsigned i = 0; i < r->mark_count; i++)
			set_mark(&r->marks[i], &o->children[i]);
		return 0;
	}
	marks = malloc(o->child_count * sizeof(*marks) + len);
	if (!marks)
		return -BATON_E_SYSTEM;
	fill_marks(t, r, marks, o);
	forget_body(t, r);
	r->marks = marks;
	r->mark_count = (uint8_t)o->child_count;
	r->body = (uint8_t *)(marks + o->child_count);
	r->body_len = (uint16_t)len;
	t->body_bytes += len;
	link_marks(t, r);
	return 0;
}

/* Without memory for it there is no index: the next search makes it. */
static void index_addresses(struct baton_table *t, struct baton_record *r)
{
	if (!t->addresses || baton_addresses_add(t->addresses, r) == 0)
		return;
	baton_addresses_free(t->addresses);
	t->addresses = NULL;
}

struct baton_record *baton_table_find_address(struct baton_table *t, const struct baton_addr *a)
{
	struct baton_record *r;

	if (!t->addresses) {
		t->addresses = baton_addresses_new(t->seed);
		TAILQ_FOREACH(r, &t->records, all)
			index_addresses(t, r);
	}
	return baton_addresses_find(t->addresses, a);
}

int baton_table_store(struct baton_table *t, struct baton_record *r, const struct baton_outline *o,
		      const void *body, size_t len, uint64_t now_ms)
{
	struct baton_owner *owner = take_owner(t, &o->owner);

	baton_addresses_remove(t->addresses, r);
	if (!owner || make_room(t, r, o, len)) {
		if (owner)
			leave_owner(t, &owner->id);
		index_addresses(t, r);
		return -BATON_E_SYSTEM;
	}
	leave_owner(t, r->owner);
	r->owner = &owner->id;
	memcpy(r->body, body, len);
	index_addresses(t, r);
	r->at_msgids = o->at_msgids;
	r->at_life = o->at_life;
	r->epoch = o->epoch;
	r->version = o->version;
	r->stores = o->stores;
	r->ranks = o->ranks;
	r->flags = o->flags;
	r->local = o->local;
	r->remote = o->remote;
	r->stored_ms = now_ms;
	r->granted_stale = false;
	baton_table_touch(t, r);
	/* Like the counters: a report may have come before this put. */
	if (o->msgid_in > r->msgid_in)
		r->msgid_in = o->msgid_in;
	if (o->msgid_out > r->msgid_out)
		r->msgid_out = o->msgid_out;
	return 0;
}

int baton_table_replace(struct baton_table *t, struct baton_record *r,
			const struct baton_session *s, uint64_t now_ms)
{
	static uint8_t buf[BATON_MESSAGE_MAX]; /* single-threaded; wiped below */
	struct baton_outline o;
	int err, len = baton_session_encode(s, buf, sizeof(buf));

	if (len < 0)
		return len;
	if (!baton_outline_read(&o, buf, (size_t)len))
		baton_outline_of(&o, s);
	err = baton_table_store(t, r, &o, buf, (size_t)len, now_ms);
	baton_wipe(buf, (size_t)len);
	return err;
}

void baton_table_bury(struct baton_table *t, struct baton_record *r, uint64_t now_ms)
{
	if (r->deleted)
		return;
	forget_body(t, r);
	r->deleted = true;
	baton_table_touch(t, r);
	r->stored_ms = now_ms;
	t->live--;
	t->tombstones++;
}

void baton_table_drop(struct baton_table *t, struct baton_record *r)
{
	forget_body(t, r);
	leave_place(t, r);
	leave_owner(t, r->owner);
	for (unsigned side = 0; side < 2; side++) {
		struct baton_record **p = ike_chain(t, side ? r->spi_r : r->spi_i, side);

		while (*p && *p != r)
			p = &(*p)->next[side];
		if (*p)
			*p = r->next[side];
	}
	if (r->peers != nothing)
		free(r->peers);
	TAILQ_REMOVE(&t->records, r, all);
	if (r->deleted)
		t->tombstones--;
	else
		t->live--;
	free(r);
}

static bool waits_for_a_peer(const struct baton_table *t, const struct baton_record *r)
{
	for (unsigned i = 0; r->peers != nothing && i < t->peers; i++)
		if (r->peers[i].dirty || r->peers[i].flying)
			return true;
	return false;
}

void baton_table_sweep(struct baton_table *t, uint64_t now_ms)
{
	struct baton_record *r, *next;

	for (r = TAILQ_FIRST(&t->records); r; r = next) {
		next = TAILQ_NEXT(r, all);
		if (!r->deleted || waits_for_a_peer(t, r))
			continue;
		if (now_ms - r->stored_ms > BATON_TOMBSTONE_MS || t->tombstones > t->max)
			baton_table_drop(t, r);
	}
}

/* A lifetime that has run out is 1 s, never 0: 0 means "none is set". */
static uint32_t reduce(uint32_t left_s, uint64_t passed_s)
{
	if (left_s == 0)
		return 0;
	return passed_s >= left_s ? 1 : left_s - (uint32_t)passed_s;
}

static void reduce_life(struct baton_lifetime *l, uint64_t passed_s)
{
	l->rekey_s = reduce(l->rekey_s, passed_s);
	l->reauth_s = reduce(l->reauth_s, passed_s);
	l->expire_s = reduce(l->expire_s, passed_s);
}

int baton_record_decode(const struct baton_record *r, uint64_t now_ms, struct baton_session *s)
{
	uint64_t passed_s = (now_ms - r->stored_ms) / 1000;
	int err = baton_session_decode(s, r->body, r->body_len, NULL);

	if (err)
		return err;
	s->spi_i = r->spi_i;
	s->spi_r = r->spi_r;
	s->owner = *r->owner;
	s->epoch = r->epoch;
	s->version = r->version;
	s->stores = r->stores;
	s->ranks = r->ranks;
	s->stale = r->granted_stale;
	s->msgid_in = r->msgid_in;
	s->msgid_out = r->msgid_out;
	reduce_life(&s->life, passed_s);
	for (unsigned i = 0; i < s->child_count && i < r->mark_count; i++) {
		s->children[i].counters = r->marks[i].counters;
		reduce_life(&s->children[i].life, passed_s);
	}
	return 0;
}

/* ---- the octets of now --------------------------------------------------------------------- */
static void put16(uint8_t *at, size_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	v = htobe32(v);
	memcpy(at, &v, sizeof(v));
}

static void put64(uint8_t *at, uint64_t v)
{
	v = htobe64(v);
	memcpy(at, &v, sizeof(v));
}

static void patch_life(uint8_t *at, uint64_t passed_s)
{
	for (unsigned i = 0; i < 3; i++, at += 4) {
		uint32_t left_s;

		memcpy(&left_s, at, sizeof(left_s));
		put32(at, reduce(be32toh(left_s), passed_s));
	}
}

/* Length of the stored LEASE, with its header. */
static size_t lease_len(const struct baton_record *r)
{
	return (size_t)r->body[BATON_AT_LEASE + 2] << 8 | r->body[BATON_AT_LEASE + 3];
}

size_t baton_record_size(const struct baton_record *r, const struct baton_id *owner)
{
	if (!r->body)
		return 0;
	return r->body_len - lease_len(r) + (BATON_AT_OWNER + 4 - BATON_AT_LEASE) + owner->len;
}

static void patch(const struct baton_record *r, uint64_t passed_s, uint8_t *out, size_t shift)
{
	const struct baton_id *owner = r->owner;
	uint8_t *at = out + (r->at_msgids + shift);

	put16(out + BATON_AT_LEASE + 2, BATON_AT_OWNER + 4 - BATON_AT_LEASE + owner->len);
	put16(out + BATON_AT_STATUS, r->granted_stale ? BATON_E_STALE : BATON_OK);
	out[BATON_AT_STATUS + 2] = r->stores;
	out[BATON_AT_STATUS + 3] = r->ranks;
	put32(out + BATON_AT_EPOCH, r->epoch);
	put64(out + BATON_AT_VERSION, r->version);
	put32(out + BATON_AT_OWNER, (uint32_t)owner->type << 24);
	memcpy(out + BATON_AT_OWNER + 4, owner->data, owner->len);
	put32(at + 4, r->epoch);
	put32(at + 24, r->msgid_in);
	put32(at + 28, r->msgid_out);
	patch_life(out + (r->at_life + shift), passed_s);
	for (unsigned i = 0; i < r->mark_count; i++) {
		const struct baton_mark *m = &r->marks[i];

		patch_life(out + (m->at_life + shift), passed_s);
		at = out + (m->at_counters + shift);
		put32(at + 4, r->epoch);
		put64(at + 32, m->counters.out_seq);
		put64(at + 40, m->counters.out_lease);
		put64(at + 48, m->counters.in_seq);
		put64(at + 56, m->counters.in_limit);
	}
}

int baton_record_render(const struct baton_record *r, uint64_t now_ms,
			struct baton_session *scratch, void *buf, size_t size)
{
	size_t len, before, rest;
	uint8_t *out = buf;
	int err;

	if (!r->body || !r->at_msgids) {
		err = baton_record_decode(r, now_ms, scratch);
		if (!err)
			err = baton_session_encode(scratch, buf, size);
		baton_session_wipe(scratch);
		return err;
	}
	len = baton_record_size(r, r->owner);
	before = BATON_AT_LEASE + lease_len(r);
	rest = r->body_len - before; /* what follows LEASE moves with the length of the owner */
	if (len > size)
		return -BATON_E_NOSPACE;
	memcpy(out, r->body, BATON_AT_OWNER);
	memcpy(out + len - rest, r->body + before, rest);
	patch(r, (now_ms - r->stored_ms) / 1000, out, len - r->body_len);
	return (int)len;
}

int baton_record_tell(const struct baton_record *r, uint64_t now_ms, struct baton_session *scratch,
		      void *buf, size_t size)
{
	int err;

	if (!r->ike_only)
		return baton_record_render(r, now_ms, scratch, buf, size);
	err = baton_record_decode(r, now_ms, scratch);
	if (!err && scratch->child_count) {
		baton_wipe(scratch->children, sizeof(scratch->children));
		scratch->child_count = 0;
		scratch->flags |= BATON_IKE_ONLY;
	}
	if (!err)
		err = baton_session_encode(scratch, buf, size);
	baton_session_wipe(scratch);
	return err;
}
