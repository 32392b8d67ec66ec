/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz.h"

#include <baton/message.h>
#include <string.h>

static struct baton_message first, second;
static struct baton_status first_statuses[BATON_ITEMS_MAX], second_statuses[BATON_ITEMS_MAX];
static struct baton_session session;
static uint8_t out[2 * BATON_MESSAGE_MAX];

static int decode(struct baton_message *m, struct baton_status *statuses, const void *data,
		  size_t size)
{
	struct baton_where where;
	int err;

	m->statuses = statuses;
	m->status_max = BATON_ITEMS_MAX;
	err = baton_message_decode(m, data, size, &where);
	FUZZ_CHECK(err <= 0 && where.offset <= size && where.field);
	FUZZ_CHECK(!err == !*where.field);
	return err;
}

static int encode(const struct baton_message *m)
{
	static const uint16_t flags[] = {BATON_N_HELLO, BATON_N_SYNCED, BATON_N_CLAIM,
					 BATON_N_PING,	BATON_N_ADOPT,	BATON_N_MEMBERS};
	const bool set[] = {m->hello, m->synced, m->claim, m->ping, m->adopt, m->members};
	struct baton_builder b;

	baton_build_begin(&b, out, sizeof(out), &m->header);
	baton_build_id(&b, BATON_PL_IDI, &m->sender);
	baton_build_id(&b, BATON_PL_IDR, &m->subject);
	for (unsigned i = 0; i < sizeof(set); i++)
		if (set[i] && flags[i] == BATON_N_CLAIM)
			baton_build_claim(&b, m->least_epoch);
		else if (set[i])
			baton_build_notify(&b, flags[i]);
	if (m->error)
		baton_build_error(&b, m->error);
	if (m->by_spi_protocol)
		baton_build_by_spi(&b, m->by_spi_protocol, m->by_spi);
	if (m->at.family)
		baton_build_at(&b, &m->at);
	if (m->by_address.family)
		baton_build_by_address(&b, &m->by_address);
	if (m->share.of)
		baton_build_share(&b, &m->share);
	for (unsigned i = 0; i < m->member_count; i++)
		baton_build_member(&b, &m->member[i]);
	if (m->has_cursor)
		baton_build_cursor(&b, &m->cursor);
	for (unsigned i = 0; i < m->session_count; i++)
		baton_build_session(&b, m->sessions[i].body, m->sessions[i].len);
	baton_build_reports(&b, m->reports, m->report_count);
	for (unsigned i = 0; i < m->delete_count; i++)
		baton_build_delete(&b, &m->deletes[i]);
	for (unsigned i = 0; i < m->status_count; i++)
		baton_build_status(&b, &m->statuses[i]);
	return baton_build_end(&b);
}

static void check_same(void)
{
	FUZZ_CHECK(first.session_count == second.session_count);
	FUZZ_CHECK(first.report_count == second.report_count);
	FUZZ_CHECK(first.delete_count == second.delete_count);
	FUZZ_CHECK(first.status_count == second.status_count);
	FUZZ_CHECK(first.by_spi == second.by_spi && first.error == second.error);
	FUZZ_CHECK(memcmp(first.at.ip, second.at.ip, sizeof(first.at.ip)) == 0);
	FUZZ_CHECK(memcmp(first.by_address.ip, second.by_address.ip, sizeof(first.at.ip)) == 0);
	FUZZ_CHECK(first.share.index == second.share.index &&
		   first.share.count == second.share.count);
	FUZZ_CHECK(first.member_count == second.member_count);
	for (unsigned i = 0; i < first.member_count; i++)
		FUZZ_CHECK(first.member[i].sessions == second.member[i].sessions);
	FUZZ_CHECK(first.cursor.position == second.cursor.position);
	FUZZ_CHECK(memcmp(first.deletes, second.deletes,
			  first.delete_count * sizeof(*first.deletes)) == 0);
	for (unsigned i = 0; i < first.session_count; i++) {
		FUZZ_CHECK(first.sessions[i].len == second.sessions[i].len);
		FUZZ_CHECK(first.sessions[i].spi_r == second.sessions[i].spi_r);
	}
	for (unsigned i = 0; i < first.status_count; i++)
		FUZZ_CHECK(first_statuses[i].version == second_statuses[i].version);
}

void fuzz_message(const uint8_t *data, size_t size)
{
	int len;

	if (decode(&first, first_statuses, data, size))
		return;
	for (unsigned i = 0; i < first.session_count && i < 4; i++)
		baton_session_decode(&session, first.sessions[i].body, first.sessions[i].len, NULL);
	baton_session_wipe(&session);
	len = encode(&first);
	if (len < 0)
		return; /* written out one by one, many small items may take more room than they
			   came in */
	FUZZ_CHECK(decode(&second, second_statuses, out, (size_t)len) == 0);
	check_same();
}
