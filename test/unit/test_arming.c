/* SPDX-License-Identifier: BSD-2-Clause */
/* The hash table of SAs that wait for their first report (src/xfrm/arming.h). */
#include "sample.h"
#include "xfrm/arming.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static struct baton_arming entry(uint32_t n)
{
	return (struct baton_arming){
		.id = {.dst = {.family = AF_INET,
			       .ip = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}},
		       .spi = n * 64, /* all in few homes, were it not for the address */
		       .protocol = BATON_PROTO_ESP},
		.packets = n,
		.jiffies = n + 1,
	};
}

static void an_empty_table_has_nothing(void **state)
{
	struct baton_arming_table t = {0};
	struct baton_arming a = entry(1);

	(void)state;
	assert_false(baton_arming_take(&t, &a.id, &a));
	baton_arming_free(&t);
}

static void an_entry_is_taken_once(void **state)
{
	struct baton_arming_table t = {0};
	struct baton_arming a = entry(1), out;

	(void)state;
	assert_int_equal(baton_arming_put(&t, &a), 0);
	assert_true(baton_arming_take(&t, &a.id, &out));
	assert_int_equal(out.packets, 1);
	assert_int_equal(out.jiffies, 2);
	assert_false(baton_arming_take(&t, &a.id, &out));
	assert_int_equal(t.count, 0);
	baton_arming_free(&t);
}

static void out_may_be_null(void **state)
{
	struct baton_arming_table t = {0};
	struct baton_arming a = entry(1);

	(void)state;
	baton_arming_put(&t, &a);
	assert_true(baton_arming_take(&t, &a.id, NULL));
	assert_int_equal(t.count, 0);
	baton_arming_free(&t);
}

static void a_second_put_replaces(void **state)
{
	struct baton_arming_table t = {0};
	struct baton_arming a = entry(1), out;

	(void)state;
	baton_arming_put(&t, &a);
	a.packets = 99;
	baton_arming_put(&t, &a);
	assert_int_equal(t.count, 1);
	assert_true(baton_arming_take(&t, &a.id, &out));
	assert_int_equal(out.packets, 99);
	baton_arming_free(&t);
}

static void spi_protocol_family_and_address_tell_sas_apart(void **state)
{
	struct baton_arming_table t = {0};
	struct baton_arming a = entry(1), other;

	(void)state;
	baton_arming_put(&t, &a);
	other = a;
	other.id.spi++;
	assert_false(baton_arming_take(&t, &other.id, NULL));
	other = a;
	other.id.protocol = BATON_PROTO_AH;
	assert_false(baton_arming_take(&t, &other.id, NULL));
	other = a;
	other.id.dst.family = AF_INET6;
	assert_false(baton_arming_take(&t, &other.id, NULL));
	other = a;
	other.id.dst.ip[3]++;
	assert_false(baton_arming_take(&t, &other.id, NULL));
	other = a;
	other.id.dst.port = 4500; /* not part of it */
	other.id.mark = 7;
	assert_true(baton_arming_take(&t, &other.id, NULL));
	baton_arming_free(&t);
}

/* Against a plain array: puts and takes in any order, so that removal closes every kind of gap. */
static void random_puts_and_takes_agree_with_an_array(void **state)
{
	enum { N = 300 };
	struct baton_arming_table t = {0};
	struct sample_random r = {11};
	uint32_t model[N] = {0};
	unsigned count = 0;

	(void)state;
	for (unsigned step = 0; step < 60000; step++) {
		uint32_t n = sample_below(&r, N);
		struct baton_arming a = entry(n), out = {0};

		if (sample_below(&r, 100) < (step / 10000 % 2 ? 30u : 60u)) {
			a.packets = step + 1;
			assert_int_equal(baton_arming_put(&t, &a), 0);
			count += !model[n];
			model[n] = step + 1;
		} else {
			assert_int_equal(baton_arming_take(&t, &a.id, &out), model[n] != 0);
			assert_int_equal(out.packets, model[n]);
			count -= model[n] != 0;
			model[n] = 0;
		}
		assert_int_equal(t.count, count);
		assert_true(t.size == 0 || 2 * (t.count - 1) <= t.size || t.count == 0);
	}
	baton_arming_free(&t);
	assert_null(t.slots);
}

static void a_full_table_refuses_and_keeps_what_it_has(void **state)
{
	struct baton_arming_table t = {0};
	struct baton_arming a;
	uint32_t n = 0;

	(void)state;
	while (a = entry(n), baton_arming_put(&t, &a) == 0)
		n++;
	assert_true(n >= BATON_XFRM_ARMING_MAX);
	assert_int_equal(baton_arming_put(&t, &a), -BATON_E_FULL);
	assert_int_equal(t.count, n);
	for (uint32_t i = 0; i < n; i += 997) {
		a = entry(i);
		assert_true(baton_arming_take(&t, &a.id, NULL));
	}
	a = entry(n);
	assert_int_equal(baton_arming_put(&t, &a), 0);
	baton_arming_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_table_has_nothing),
		cmocka_unit_test(an_entry_is_taken_once),
		cmocka_unit_test(out_may_be_null),
		cmocka_unit_test(a_second_put_replaces),
		cmocka_unit_test(spi_protocol_family_and_address_tell_sas_apart),
		cmocka_unit_test(random_puts_and_takes_agree_with_an_array),
		cmocka_unit_test(a_full_table_refuses_and_keeps_what_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
