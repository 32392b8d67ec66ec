/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole messages: what stands between the IKE header and the sessions.
 * docs/protocol.md 5.2. Sessions are only delimited here: a store that is
 * sent one bad session refuses that one, and takes the others.
 */
#include "wire/parts.h"

#include <sys/socket.h>

#define ERROR_TYPES_BELOW 16384u /* RFC 7296 3.10.1 */
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

/* Bits of the payloads and notifies that may occur once. */
enum {
	SEEN_SENDER,
	SEEN_SUBJECT,
	SEEN_CURSOR,
	SEEN_BY_SPI,
	SEEN_DIGESTS,
	SEEN_FLAGS, /* first of the notifies without data */
};

static void get_server_id(struct baton_reader *b, struct baton_id *id)
{
	get_id_body(b, id);
	if (!b->err && check_server_id(id))
		baton_reader_fail(b, -BATON_E_VALUE, "Server ID");
}

static void get_by_spi(struct baton_reader *b, struct baton_message *m, uint8_t protocol,
		       uint8_t spi_size)
{
	if (protocol < PROTO_IKE || protocol > BATON_PROTO_ESP) {
		baton_reader_fail(b, -BATON_E_VALUE, "protocol");
		return;
	}
	if (protocol == PROTO_IKE ? spi_size != 8 && spi_size != 16 : spi_size != 4) {
		baton_reader_fail(b, -BATON_E_LENGTH, "SPI size");
		return;
	}
	m->by_spi_protocol = protocol;
	if (spi_size == 16) {
		m->by_spis.spi_i = baton_get_u64(b, "initiator SPI");
		m->by_spis.spi_r = baton_get_u64(b, "responder SPI");
		if (!b->err && (!m->by_spis.spi_i || !m->by_spis.spi_r))
			baton_reader_fail(b, -BATON_E_VALUE, "SPI");
		return;
	}
	m->by_spi = protocol == PROTO_IKE ? baton_get_u64(b, "SPI") : baton_get_u32(b, "SPI");
	if (!b->err && !m->by_spi)
		baton_reader_fail(b, -BATON_E_VALUE, "SPI");
}

/* The flag a notify without SPI and data sets, or NULL. */
static bool *flag_of(struct baton_message *m, uint16_t type)
{
	switch (type) {
	case BATON_N_HELLO:
		return &m->hello;
	case BATON_N_SYNCED:
		return &m->synced;
	case BATON_N_CLAIM:
		return &m->claim;
	case BATON_N_PING:
		return &m->ping;
	case BATON_N_ADOPT:
		return &m->adopt;
	case BATON_N_CONFIRM:
		return &m->confirm;
	case BATON_N_FRESH:
		return &m->fresh;
	case BATON_N_FOLLOW:
		return &m->follow;
	case BATON_N_DIGEST:
		return &m->digest;
	case BATON_N_MEMBERS:
		return &m->members;
	default:
		return NULL;
	}
}

#define CONTACT_DRAINED 0x0001u

static void get_contact(struct baton_reader *b, struct baton_message *m)
{
	m->contact.hold_ms = baton_get_u32(b, "hold");
	m->contact.stores = baton_get_u8(b, "stores");
	m->contact.rank = baton_get_u8(b, "rank");
	m->contact.drained = baton_get_u16(b, "flags") & CONTACT_DRAINED;
	m->contact.tick = baton_get_u64(b, "tick");
	if (!b->err && (m->contact.rank == 0 || m->contact.rank > m->contact.stores ||
			m->contact.stores > BATON_STORES_MAX))
		baton_reader_fail(b, -BATON_E_VALUE, "rank");
	m->has_contact = true;
}

static void get_offer(struct baton_reader *b, struct baton_message *m)
{
	if (!baton_reader_left(b) || baton_reader_left(b) % 16)
		baton_reader_fail(b, -BATON_E_LENGTH, "offered sessions");
	while (!b->err && baton_reader_left(b)) {
		struct baton_spis spis = {baton_get_u64(b, "initiator SPI"), 0};

		spis.spi_r = baton_get_u64(b, "responder SPI");
		if (!b->err && (!spis.spi_i || !spis.spi_r))
			baton_reader_fail(b, -BATON_E_VALUE, "IKE SPIs");
		else if (!b->err && m->offer_count == BATON_OFFERS_MAX)
			baton_reader_fail(b, -BATON_E_LIMIT, "offered sessions");
		if (!b->err)
			m->offers[m->offer_count++] = spis;
	}
}

static void get_forward(struct baton_reader *b, struct baton_message *m)
{
	m->packet_len = baton_reader_left(b);
	if (m->packet_len < BATON_FORWARD_MIN)
		baton_reader_fail(b, -BATON_E_LENGTH, "packet");
	m->packet = baton_get_bytes(b, m->packet_len, "packet");
}

static void get_address(struct baton_reader *b, struct baton_addr *a)
{
	size_t len = baton_reader_left(b);

	if (len != 4 && len != 16)
		baton_reader_fail(b, -BATON_E_LENGTH, "address");
	a->family = len == 4 ? AF_INET : AF_INET6;
	if (!b->err)
		baton_get_copy(b, a->ip, len, "address");
}

static void get_share(struct baton_reader *b, struct baton_message *m)
{
	m->share.index = baton_get_u16(b, "share");
	m->share.of = baton_get_u16(b, "of");
	m->share.count = baton_get_u16(b, "count");
	if (!b->err && (!m->share.count || m->share.index + m->share.count > m->share.of))
		baton_reader_fail(b, -BATON_E_VALUE, "share");
}

/* Reads the data of a notify that has some. False: not one of those. */
static bool get_notify_data(struct baton_reader *b, struct baton_message *m, uint16_t type)
{
	switch (type) {
	case BATON_N_ERROR:
		m->error = baton_get_u16(b, "status");
		if (!b->err && m->error == BATON_OK)
			baton_reader_fail(b, -BATON_E_VALUE, "status");
		return true;
	case BATON_N_CONTACT:
		get_contact(b, m);
		return true;
	case BATON_N_TICK:
		m->has_tick = true;
		m->tick = baton_get_u64(b, "tick");
		return true;
	case BATON_N_SHARE:
		get_share(b, m);
		return true;
	case BATON_N_LIST:
		m->has_list = true;
		m->bucket = baton_get_u8(b, "bucket");
		return true;
	case BATON_N_OFFER:
		get_offer(b, m);
		return true;
	case BATON_N_AT:
		get_address(b, &m->at);
		return true;
	case BATON_N_BY_ADDRESS:
		get_address(b, &m->by_address);
		return true;
	case BATON_N_FORWARD:
		get_forward(b, m);
		return true;
	default:
		return false;
	}
}

static bool has_data(uint16_t type)
{
	return type == BATON_N_ERROR || type == BATON_N_CONTACT || type == BATON_N_TICK ||
	       type == BATON_N_SHARE || type == BATON_N_LIST || type == BATON_N_OFFER ||
	       type == BATON_N_AT || type == BATON_N_BY_ADDRESS || type == BATON_N_FORWARD;
}

static void get_notify(struct baton_reader *b, struct baton_message *m, uint32_t *seen)
{
	uint8_t protocol = baton_get_u8(b, "protocol");
	uint8_t spi_size = baton_get_u8(b, "SPI size");
	uint16_t type = baton_get_u16(b, "notify type");
	bool *flag = flag_of(m, type);

	if (b->err)
		return;
	if (type == BATON_N_BY_SPI) {
		if (seen_once(seen, SEEN_BY_SPI, b))
			get_by_spi(b, m, protocol, spi_size);
	} else if (!flag && !has_data(type)) {
		/* Unknown status types are ignored, unknown error types are errors (RFC
		 * 7296 3.10.1). */
		if (type < ERROR_TYPES_BELOW)
			baton_reader_fail(b, -BATON_E_VALUE, "notify type");
		baton_get_bytes(b, baton_reader_left(b), "notification data");
	} else if (protocol || spi_size) {
		baton_reader_fail(b, -BATON_E_VALUE, "protocol and SPI size");
	} else if (seen_once(seen, SEEN_FLAGS + type - BATON_N_HELLO, b)) {
		if (flag)
			*flag = true;
		if (type == BATON_N_CLAIM && baton_reader_left(b))
			m->least_epoch = baton_get_u32(b, "least epoch");
		if (!flag)
			get_notify_data(b, m, type);
	}
}

/* Sessions, reports and deletes share one limit: there is a status for each, and the response has
 * to hold them. */
static unsigned room(const struct baton_message *m)
{
	return BATON_ITEMS_MAX - m->session_count - m->report_count - m->delete_count;
}

static void get_session_ref(struct baton_reader *b, struct baton_message *m)
{
	struct baton_session_ref *ref;

	if (!room(m)) {
		baton_reader_fail(b, -BATON_E_LIMIT, "SESSION");
		return;
	}
	ref = &m->sessions[m->session_count];
	ref->len = baton_reader_left(b);
	ref->body = b->base + b->pos;
	ref->spi_i = baton_get_u64(b, "initiator SPI");
	ref->spi_r = baton_get_u64(b, "responder SPI");
	baton_get_bytes(b, baton_reader_left(b), "session");
	m->session_count++;
}

static void get_reports(struct baton_reader *b, struct baton_message *m)
{
	while (!b->err && baton_reader_left(b)) {
		if (!room(m))
			baton_reader_fail(b, -BATON_E_LIMIT, "COUNTERS");
		else
			get_report(b, &m->reports[m->report_count++]);
	}
}

static void get_deletes(struct baton_reader *b, struct baton_message *m)
{
	uint8_t protocol = baton_get_u8(b, "protocol");
	uint8_t spi_size = baton_get_u8(b, "SPI size");
	uint16_t count = baton_get_u16(b, "number of SPIs");

	if (b->err)
		return;
	if (protocol != PROTO_IKE)
		baton_reader_fail(b, -BATON_E_VALUE, "protocol");
	else if (spi_size != DELETE_SPI_LEN ||
		 (size_t)count * DELETE_SPI_LEN != baton_reader_left(b))
		baton_reader_fail(b, -BATON_E_LENGTH, "number of SPIs");
	else if (count > room(m))
		baton_reader_fail(b, -BATON_E_LIMIT, "D");
	for (unsigned i = 0; !b->err && i < count; i++)
		get_delete(b, &m->deletes[m->delete_count++]);
}

static void get_member(struct baton_reader *b, struct baton_message *m)
{
	struct baton_member *to = &m->member[m->member_count];

	if (m->member_count == BATON_MEMBERS_MAX) {
		baton_reader_fail(b, -BATON_E_LIMIT, "MEMBER");
		return;
	}
	to->state = baton_get_u8(b, "state");
	if (!b->err && (to->state < BATON_MEMBER_CURRENT || to->state > BATON_MEMBER_DRAINED))
		baton_reader_fail(b, -BATON_E_VALUE, "state");
	baton_get_u8(b, "reserved");
	baton_get_u16(b, "reserved");
	to->sessions = baton_get_u32(b, "sessions");
	get_server_id(b, &to->id);
	m->member_count += !b->err;
}

static void get_item_status(struct baton_reader *b, struct baton_message *m)
{
	struct baton_status none;

	if (m->statuses && m->status_count == m->status_max)
		baton_reader_fail(b, -BATON_E_LIMIT, "LEASE");
	else
		get_status(b, m->statuses ? &m->statuses[m->status_count++] : &none);
}

static void get_part(const struct baton_payload_view *p, struct baton_reader *b,
		     struct baton_message *m, uint32_t *seen)
{
	switch (p->type) {
	case BATON_PL_IDI:
		if (seen_once(seen, SEEN_SENDER, b))
			get_server_id(b, &m->sender);
		break;
	case BATON_PL_IDR:
		if (seen_once(seen, SEEN_SUBJECT, b))
			get_server_id(b, &m->subject);
		break;
	case BATON_PL_NOTIFY:
		get_notify(b, m, seen);
		break;
	case BATON_PL_DELETE:
		get_deletes(b, m);
		break;
	case BATON_PL_SESSION:
		get_session_ref(b, m);
		break;
	case BATON_PL_COUNTERS:
		get_reports(b, m);
		break;
	case BATON_PL_LEASE:
		get_item_status(b, m);
		break;
	case BATON_PL_MEMBER:
		get_member(b, m);
		break;
	case BATON_PL_CURSOR:
		if (!seen_once(seen, SEEN_CURSOR, b))
			break;
		m->has_cursor = true;
		m->cursor.position = baton_get_u64(b, "position");
		m->cursor.max_bytes = baton_get_u32(b, "max bytes");
		break;
	case BATON_PL_DIGEST:
		m->has_digests = seen_once(seen, SEEN_DIGESTS, b);
		for (unsigned i = 0; i < BATON_BUCKETS && m->has_digests; i++)
			m->digests[i] = baton_get_u64(b, "digest");
		break;
	case BATON_PL_FRAGMENT:
		baton_reader_fail(b, -BATON_E_VALUE, "FRAGMENT in a whole message");
		break;
	default:
		skip_unknown(p, b);
	}
}

/* The arrays are as large as a message can need: only their counts are cleared. */
static void clear(struct baton_message *m)
{
	m->sender = m->subject = (struct baton_id){0};
	m->hello = m->synced = m->claim = m->ping = m->adopt = m->has_cursor = false;
	m->confirm = m->fresh = m->follow = m->digest = m->members = false;
	m->has_contact = m->has_tick = m->has_list = m->has_digests = false;
	m->contact = (struct baton_contact){0};
	m->tick = 0;
	m->least_epoch = 0;
	m->share = (struct baton_share){0};
	m->bucket = 0;
	m->error = 0;
	m->cursor = (struct baton_cursor){0};
	m->by_spi_protocol = 0;
	m->by_spi = 0;
	m->by_spis = (struct baton_spis){0};
	m->offer_count = m->member_count = 0;
	m->packet = NULL;
	m->packet_len = 0;
	m->at = m->by_address = (struct baton_addr){0};
	m->session_count = m->report_count = m->delete_count = m->status_count = 0;
}

int baton_message_decode(struct baton_message *m, const void *buf, size_t len,
			 struct baton_where *where)
{
	struct baton_payload_view p;
	struct baton_reader r;
	uint32_t seen = 0;
	uint8_t next;

	clear(m);
	baton_reader_init(&r, buf, len);
	baton_header_decode(&m->header, &r);
	next = m->header.next_payload;
	while (baton_payload_next(&r, &next, &p) > 0) {
		get_part(&p, &p.body, m, &seen);
		body_done(&r, &p.body);
	}
	if (r.err)
		clear(m);
	if (where)
		*where = r.where;
	return r.err;
}

/* ---- builders ------------------------------------------------------------------------------ */

static struct chain chain_of(struct baton_builder *b)
{
	return (struct chain){&b->w, b->next_pos, b->payload_pos};
}

static void back_to(struct baton_builder *b, const struct chain *c)
{
	b->next_pos = c->next_pos;
	b->payload_pos = c->start;
}

void baton_build_id(struct baton_builder *b, uint8_t payload, const struct baton_id *id)
{
	struct chain c = chain_of(b);

	if (!id->type)
		return;
	put_id(&c, payload, id);
	back_to(b, &c);
}

void baton_build_notify(struct baton_builder *b, uint16_t type)
{
	struct chain c = chain_of(b);

	put_notify(&c, type);
	back_to(b, &c);
}

static void open_notify(struct baton_builder *b, uint16_t type)
{
	baton_build_open(b, BATON_PL_NOTIFY);
	baton_put_u16(&b->w, 0); /* no protocol, no SPI */
	baton_put_u16(&b->w, type);
}

void baton_build_error(struct baton_builder *b, uint16_t status)
{
	open_notify(b, BATON_N_ERROR);
	baton_put_u16(&b->w, status);
	baton_build_close(b);
}

void baton_build_contact(struct baton_builder *b, const struct baton_contact *c)
{
	open_notify(b, BATON_N_CONTACT);
	baton_put_u32(&b->w, c->hold_ms);
	baton_put_u8(&b->w, c->stores);
	baton_put_u8(&b->w, c->rank);
	baton_put_u16(&b->w, c->drained ? CONTACT_DRAINED : 0);
	baton_put_u64(&b->w, c->tick);
	baton_build_close(b);
}

void baton_build_claim(struct baton_builder *b, uint32_t least_epoch)
{
	open_notify(b, BATON_N_CLAIM);
	if (least_epoch)
		baton_put_u32(&b->w, least_epoch);
	baton_build_close(b);
}

void baton_build_tick(struct baton_builder *b, uint64_t tick)
{
	open_notify(b, BATON_N_TICK);
	baton_put_u64(&b->w, tick);
	baton_build_close(b);
}

void baton_build_share(struct baton_builder *b, const struct baton_share *s)
{
	open_notify(b, BATON_N_SHARE);
	baton_put_u16(&b->w, s->index);
	baton_put_u16(&b->w, s->of);
	baton_put_u16(&b->w, s->count);
	baton_build_close(b);
}

void baton_build_member(struct baton_builder *b, const struct baton_member *m)
{
	baton_build_open(b, BATON_PL_MEMBER);
	baton_put_u8(&b->w, m->state);
	baton_put_u8(&b->w, 0);
	baton_put_u16(&b->w, 0);
	baton_put_u32(&b->w, m->sessions);
	put_id_body(&b->w, &m->id);
	baton_build_close(b);
}

void baton_build_list(struct baton_builder *b, uint8_t bucket)
{
	open_notify(b, BATON_N_LIST);
	baton_put_u8(&b->w, bucket);
	baton_build_close(b);
}

void baton_build_digests(struct baton_builder *b, const uint64_t digests[BATON_BUCKETS])
{
	baton_build_open(b, BATON_PL_DIGEST);
	for (unsigned i = 0; i < BATON_BUCKETS; i++)
		baton_put_u64(&b->w, digests[i]);
	baton_build_close(b);
}

void baton_build_by_spi(struct baton_builder *b, uint8_t protocol, uint64_t spi)
{
	baton_build_open(b, BATON_PL_NOTIFY);
	baton_put_u8(&b->w, protocol);
	baton_put_u8(&b->w, protocol == PROTO_IKE ? 8 : 4);
	baton_put_u16(&b->w, BATON_N_BY_SPI);
	if (protocol == PROTO_IKE)
		baton_put_u64(&b->w, spi);
	else
		baton_put_u32(&b->w, (uint32_t)spi);
	baton_build_close(b);
}

void baton_build_by_spis(struct baton_builder *b, const struct baton_spis *ike)
{
	baton_build_open(b, BATON_PL_NOTIFY);
	baton_put_u8(&b->w, PROTO_IKE);
	baton_put_u8(&b->w, 16);
	baton_put_u16(&b->w, BATON_N_BY_SPI);
	baton_put_u64(&b->w, ike->spi_i);
	baton_put_u64(&b->w, ike->spi_r);
	baton_build_close(b);
}

static void build_address(struct baton_builder *b, uint16_t type, const struct baton_addr *a)
{
	open_notify(b, type);
	baton_put_bytes(&b->w, a->ip, a->family == AF_INET6 ? 16 : 4);
	baton_build_close(b);
}

void baton_build_at(struct baton_builder *b, const struct baton_addr *a)
{
	build_address(b, BATON_N_AT, a);
}

void baton_build_by_address(struct baton_builder *b, const struct baton_addr *a)
{
	build_address(b, BATON_N_BY_ADDRESS, a);
}

void baton_build_offer(struct baton_builder *b, const struct baton_spis *offers, unsigned count)
{
	open_notify(b, BATON_N_OFFER);
	for (unsigned i = 0; i < count; i++) {
		baton_put_u64(&b->w, offers[i].spi_i);
		baton_put_u64(&b->w, offers[i].spi_r);
	}
	baton_build_close(b);
}

void baton_build_forward(struct baton_builder *b, const void *packet, size_t len)
{
	open_notify(b, BATON_N_FORWARD);
	baton_put_bytes(&b->w, packet, len);
	baton_build_close(b);
}

void baton_build_cursor(struct baton_builder *b, const struct baton_cursor *c)
{
	baton_build_open(b, BATON_PL_CURSOR);
	baton_put_u64(&b->w, c->position);
	baton_put_u32(&b->w, c->max_bytes);
	baton_build_close(b);
}

void baton_build_session(struct baton_builder *b, const void *body, size_t len)
{
	baton_build_open(b, BATON_PL_SESSION);
	baton_put_bytes(&b->w, body, len);
	baton_build_close(b);
}

void baton_build_reports(struct baton_builder *b, const struct baton_report *r, unsigned count)
{
	if (!count)
		return;
	baton_build_open(b, BATON_PL_COUNTERS);
	for (unsigned i = 0; i < count; i++)
		put_report(&b->w, &r[i]);
	baton_build_close(b);
}

void baton_build_delete(struct baton_builder *b, const struct baton_delete *d)
{
	baton_build_open(b, BATON_PL_DELETE);
	baton_put_u8(&b->w, PROTO_IKE);
	baton_put_u8(&b->w, DELETE_SPI_LEN);
	baton_put_u16(&b->w, 1);
	put_delete(&b->w, d);
	baton_build_close(b);
}

void baton_build_status(struct baton_builder *b, const struct baton_status *s)
{
	struct chain c = chain_of(b);

	put_status(&c, s);
	back_to(b, &c);
}

/* ---- hashes -------------------------------------------------------------------------------- */

static uint64_t fnv1a(uint64_t hash, uint64_t v, unsigned octets)
{
	while (octets--)
		hash = (hash ^ (v >> 8 * octets & 0xff)) * FNV_PRIME;
	return hash;
}

uint64_t baton_spi_hash(uint64_t spi_i, uint64_t spi_r)
{
	return fnv1a(fnv1a(FNV_BASIS, spi_i, 8), spi_r, 8);
}

uint64_t baton_state_hash(uint64_t spi_i, uint64_t spi_r, uint32_t epoch, uint64_t version)
{
	return fnv1a(fnv1a(baton_spi_hash(spi_i, spi_r), epoch, 4), version, 8);
}
