/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is gone, and who takes which part of its sessions: docs/protocol.md 5.3.12. */
#include "core/members.h"
#include "core/service.h"
#include "sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS 100000u

static struct baton_view views[2];

static struct baton_id name(unsigned i)
{
	struct baton_id id = {.type = BATON_ID_FQDN, .len = 4};

	memcpy(id.data, "gw-a", 4);
	id.data[3] = (uint8_t)('a' + i);
	return id;
}

/* gw-a .. with so many sessions each; those of the bits of gone are. */
static void see(struct baton_view *v, unsigned count, const uint32_t *sessions, unsigned gone)
{
	v->at_ms = NOW_MS;
	v->count = count;
	for (unsigned i = 0; i < count; i++)
		v->member[i] = (struct baton_member){
			.id = name(i),
			.state = gone >> i & 1 ? BATON_MEMBER_GONE : BATON_MEMBER_CURRENT,
			.sessions = sessions[i],
		};
}

static struct baton_share share_of(unsigned self, uint32_t sessions)
{
	struct baton_id gone = name(0), me = name(self);
	struct baton_share s = {0};

	if (!baton_members_share(views, 2, &gone, &me, sessions, NOW_MS, &s))
		s.count = 0;
	return s;
}

static int setup(void **state)
{
	(void)state;
	memset(views, 0, sizeof(views));
	return 0;
}

static void who_is_drained_takes_none_and_is_not_gone(void **state)
{
	static const uint32_t load[] = {100, 0, 50};
	struct baton_id drained = name(1);
	struct baton_share s;

	(void)state;
	see(&views[0], 3, load, 1);
	views[0].member[1].state = BATON_MEMBER_DRAINED;
	s = share_of(2, 50);
	assert_int_equal(s.index, 0);
	assert_int_equal(s.count, BATON_PARTS);
	assert_false(baton_members_is_gone(views, 2, &drained, NOW_MS));
}

static void parts_are_disjoint_and_complete(void **state)
{
	static const uint32_t loads[][5] = {{100, 0, 0, 0, 0},
					    {7, 50, 3, 3, 0},
					    {1, 9, 9, 9, 9},
					    {1000, 1, 2, 3, 4},
					    {5, 1000, 1000, 999, 0}};

	(void)state;
	for (size_t k = 0; k < sizeof(loads) / sizeof(*loads); k++) {
		unsigned covered[BATON_PARTS] = {0};

		see(&views[0], 5, loads[k], 1);
		for (unsigned i = 1; i < 5; i++) {
			/* what it has itself by now does not count: others cannot know */
			struct baton_share s = share_of(i, loads[k][i] + 7);

			for (unsigned part = s.index; part < s.index + s.count; part++)
				covered[part]++;
		}
		for (unsigned part = 0; part < BATON_PARTS; part++)
			assert_int_equal(covered[part], 1);
	}
}

static void whoever_has_less_gets_more(void **state)
{
	static const uint32_t loads[] = {100, 100, 0, 50, 300};

	(void)state;
	see(&views[0], 5, loads, 1);
	/* 100 more for 0, 50, 100 and 300: up to 84 for the first two */
	assert_int_equal(share_of(1, 100).count, 0);
	assert_int_equal(share_of(4, 300).count, 0);
	assert_in_range(share_of(2, 0).count, BATON_PARTS * 74 / 100, BATON_PARTS * 76 / 100);
	assert_in_range(share_of(3, 50).count, BATON_PARTS * 24 / 100, BATON_PARTS * 26 / 100);
}

static void those_that_are_gone_get_nothing(void **state)
{
	static const uint32_t loads[] = {100, 0, 0};

	(void)state;
	see(&views[0], 3, loads, 1 | 2);
	assert_int_equal(share_of(2, 0).count, BATON_PARTS);
}

static void one_that_no_store_knows_takes_its_part(void **state)
{
	static const uint32_t loads[] = {100, 10};

	(void)state;
	see(&views[0], 2, loads, 1);
	assert_in_range(share_of(2, 10).count, BATON_PARTS / 2 - 1, BATON_PARTS / 2 + 1);
}

static void of_one_without_sessions_nothing_is_taken(void **state)
{
	static const uint32_t loads[] = {0, 0, 3};

	(void)state;
	see(&views[0], 3, loads, 1);
	assert_int_equal(share_of(1, 0).count, 0);
	views[0].count = 0;
	assert_int_equal(share_of(1, 0).count, 0);
}

static void all_who_have_news_must_call_it_gone(void **state)
{
	static const uint32_t loads[] = {1, 1};
	struct baton_id a = name(0), other = name(7);

	(void)state;
	assert_false(baton_members_is_gone(views, 2, &a, NOW_MS)); /* nobody has news */
	see(&views[0], 2, loads, 1);
	assert_true(baton_members_is_gone(views, 2, &a, NOW_MS));
	see(&views[1], 2, loads, 0);
	assert_false(baton_members_is_gone(views, 2, &a, NOW_MS));
	views[1].at_ms = NOW_MS - BATON_VIEW_MS; /* no news any more */
	assert_true(baton_members_is_gone(views, 2, &a, NOW_MS));
	assert_false(baton_members_is_gone(views, 2, &a, NOW_MS + BATON_VIEW_MS));
	assert_false(baton_members_is_gone(views, 2, &other, NOW_MS)); /* nobody knows it */
}

static void the_first_store_that_knows_it_is_believed(void **state)
{
	static const uint32_t first[] = {4, 1}, second[] = {9, 1};
	struct baton_id a = name(0), b = name(1);

	(void)state;
	see(&views[0], 1, first, 1);
	see(&views[1], 2, second, 1);
	assert_int_equal(baton_members_find(views, 2, &a, NOW_MS)->sessions, 4);
	assert_int_equal(baton_members_find(views, 2, &b, NOW_MS)->sessions, 1);
	views[0].at_ms = 0;
	assert_int_equal(baton_members_find(views, 2, &a, NOW_MS)->sessions, 9);
	views[1].at_ms = 0;
	assert_null(baton_members_find(views, 2, &a, NOW_MS));
}

/* ---- what a store says ----------------------------------------------------------------------- */

static struct baton_service service;
static struct baton_session session;

static void contact(unsigned i, uint64_t tick, bool drained)
{
	struct baton_id id = name(i);

	baton_standing_contact(&service.standings, &id, 1,
			       &(struct baton_contact){8000, 1, 1, tick, drained}, tick);
}

static void a_store_tells_who_is_gone_or_drained_and_what_it_owns(void **state)
{
	static const struct baton_id self = {BATON_ID_FQDN, 4, "st-1"};
	struct baton_member members[BATON_MEMBERS_MAX];
	struct baton_id a = name(0);
	struct baton_table t;
	struct baton_ownership o = {.table = &t, .self = &self, .lease = 1000};

	(void)state;
	service = (struct baton_service){.own = &o, .boot = 9, .stores = true};
	assert_int_equal(baton_table_init(&t, 10, 0x5eed), 0);
	contact(0, NOW_MS - 4000, true); /* who is gone is gone */
	contact(1, NOW_MS - 3999, false);
	contact(2, NOW_MS - 2000, true);
	contact(3, NOW_MS - 2000, true);
	contact(3, NOW_MS - 1000, false);
	contact(3, NOW_MS - 1500, true); /* late */
	sample_session(&session);
	session.owner = a;
	session.child_count = 0;
	for (unsigned i = 1; i <= 7; i++) {
		session.spi_i = i;
		assert_int_equal(baton_own_put(&o, &a, &session, NOW_MS), BATON_OK);
	}
	assert_int_equal(baton_service_members(&service, NOW_MS, members), 4);
	assert_true(baton_id_equal(&members[0].id, &a));
	assert_int_equal(members[0].state, BATON_MEMBER_GONE);
	assert_int_equal(members[0].sessions, 7);
	assert_int_equal(members[1].state, BATON_MEMBER_CURRENT);
	assert_int_equal(members[1].sessions, 0);
	assert_int_equal(members[2].state, BATON_MEMBER_DRAINED);
	assert_int_equal(members[3].state, BATON_MEMBER_CURRENT);
	baton_table_free(&t);
}

#define CASE(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(who_is_drained_takes_none_and_is_not_gone),
		CASE(parts_are_disjoint_and_complete),
		CASE(whoever_has_less_gets_more),
		CASE(those_that_are_gone_get_nothing),
		CASE(one_that_no_store_knows_takes_its_part),
		CASE(of_one_without_sessions_nothing_is_taken),
		CASE(all_who_have_news_must_call_it_gone),
		CASE(the_first_store_that_knows_it_is_believed),
		CASE(a_store_tells_who_is_gone_or_drained_and_what_it_owns),
	};

	return cmocka_run_group_tests_name("members", tests, NULL, NULL);
}
