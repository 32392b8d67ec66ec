/* SPDX-License-Identifier: BSD-2-Clause */
/* How much a bulk retrieval asks for at a time. */
#include "core/pages.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct baton_exchange x;
static struct baton_pages p;

static uint32_t page(unsigned repetitions, bool answered)
{
	uint32_t bytes = baton_pages_next(&p, &x);

	x.retransmitted += repetitions;
	baton_pages_ended(&p, &x, answered);
	return bytes;
}

static int setup(void **state)
{
	(void)state;
	x.retransmitted = 7;
	baton_pages_begin(&p);
	return 0;
}

static void a_good_path_gets_large_pages(void **state)
{
	(void)state;
	assert_int_equal(page(0, true), BATON_PAGE_FIRST);
	assert_int_equal(page(0, true), 2 * BATON_PAGE_FIRST);
	assert_int_equal(page(0, true), BATON_PAGE_MOST);
	assert_int_equal(page(0, true), BATON_PAGE_MOST);
}

static void a_lossy_one_gets_small_ones(void **state)
{
	(void)state;
	assert_int_equal(page(1, true), BATON_PAGE_FIRST);
	assert_int_equal(page(3, true), BATON_PAGE_FIRST / 2);
	for (unsigned i = 0; i < 10; i++)
		page(1, true);
	assert_int_equal(page(0, true), BATON_PAGE_LEAST);
	assert_int_equal(page(0, true), 2 * BATON_PAGE_LEAST); /* it has become better */
}

static void what_does_not_come_at_all_is_asked_for_in_the_smallest(void **state)
{
	(void)state;
	assert_int_equal(page(6, false), BATON_PAGE_FIRST);
	assert_int_equal(page(0, true), BATON_PAGE_LEAST);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		CASE(a_good_path_gets_large_pages),
		CASE(a_lossy_one_gets_small_ones),
		CASE(what_does_not_come_at_all_is_asked_for_in_the_smallest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
