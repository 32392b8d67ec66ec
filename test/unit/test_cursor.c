/* SPDX-License-Identifier: BSD-2-Clause */
#include <baton/cursor.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void reads_every_width_in_network_order(void **state)
{
	const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xaa, 0xbb};
	struct baton_reader r;
	uint8_t copy[2];

	(void)state;
	baton_reader_init(&r, in, sizeof(in));
	assert_int_equal(baton_get_u8(&r, "a"), 0x01);
	assert_int_equal(baton_get_u16(&r, "b"), 0x0203);
	assert_int_equal(baton_get_u32(&r, "c"), 0x04050607);
	assert_true(baton_get_u64(&r, "d") == 0x08090a0b0c0d0e0f);
	baton_get_copy(&r, copy, 2, "e");
	assert_memory_equal(copy, "\xaa\xbb", 2);
	assert_int_equal(baton_reader_left(&r), 0);
	assert_int_equal(r.err, 0);
}

static void first_failure_sticks(void **state)
{
	const uint8_t in[] = {1, 2, 3};
	uint8_t copy[4] = {9, 9, 9, 9};
	struct baton_reader r;

	(void)state;
	baton_reader_init(&r, in, sizeof(in));
	r.payload = 77;
	baton_get_u8(&r, "one");
	assert_int_equal(baton_get_u32(&r, "four"), 0);
	assert_int_equal(r.err, -BATON_E_TRUNCATED);
	assert_string_equal(r.where.field, "four");
	assert_int_equal(r.where.offset, 1);
	assert_int_equal(r.where.payload, 77);
	/* Even what would have fitted is not read any more, and the cause stays. */
	assert_int_equal(baton_get_u8(&r, "later"), 0);
	assert_null(baton_get_bytes(&r, 0, "later"));
	baton_get_copy(&r, copy, sizeof(copy), "later");
	assert_memory_equal(copy, "\0\0\0\0", 4);
	baton_reader_fail(&r, -BATON_E_VALUE, "later");
	assert_int_equal(r.err, -BATON_E_TRUNCATED);
	assert_string_equal(r.where.field, "four");
}

static void sub_reader_ends_where_it_was_told(void **state)
{
	const uint8_t in[] = {1, 2, 3, 4};
	struct baton_reader r, sub;

	(void)state;
	baton_reader_init(&r, in, sizeof(in));
	baton_get_u8(&r, "a");
	sub = baton_get_sub(&r, 2, "body");
	assert_int_equal(r.pos, 3);
	assert_int_equal(baton_get_u16(&sub, "b"), 0x0203);
	assert_int_equal(baton_get_u8(&sub, "too far"), 0);
	assert_int_equal(sub.err, -BATON_E_TRUNCATED);
	assert_int_equal(sub.where.offset, 3); /* counted from the message, not from the part */
	assert_int_equal(r.err, 0);
	baton_reader_join(&r, &sub);
	assert_int_equal(r.err, -BATON_E_TRUNCATED);
	assert_string_equal(r.where.field, "too far");
	assert_int_equal(baton_reader_left(&r), 0);
}

static void sub_reader_that_does_not_fit_is_empty(void **state)
{
	const uint8_t in[] = {1, 2};
	struct baton_reader r, sub;

	(void)state;
	baton_reader_init(&r, in, sizeof(in));
	sub = baton_get_sub(&r, 3, "body");
	assert_int_equal(r.err, -BATON_E_TRUNCATED);
	assert_int_equal(sub.err, -BATON_E_TRUNCATED);
	assert_int_equal(baton_reader_left(&sub), 0);
}

static void lengths_near_the_largest_do_not_wrap(void **state)
{
	const uint8_t in[] = {1, 2};
	struct baton_writer w;
	struct baton_reader r;
	uint8_t out[2];

	(void)state;
	baton_reader_init(&r, in, sizeof(in));
	baton_get_u8(&r, "a");
	assert_null(baton_get_bytes(&r, SIZE_MAX, "huge"));
	assert_int_equal(r.err, -BATON_E_TRUNCATED);
	baton_writer_init(&w, out, sizeof(out));
	baton_put_u8(&w, 1);
	baton_put_bytes(&w, in, SIZE_MAX);
	assert_int_equal(w.err, -BATON_E_NOSPACE);
	assert_int_equal(w.pos, 1);
}

static void nothing_is_an_empty_message(void **state)
{
	struct baton_reader r;

	(void)state;
	baton_reader_init(&r, NULL, 5);
	assert_non_null(baton_get_bytes(&r, 0, "none"));
	assert_int_equal(baton_get_u8(&r, "one"), 0);
	assert_int_equal(r.err, -BATON_E_TRUNCATED);
}

static void writes_what_reads_back(void **state)
{
	const uint8_t want[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
	struct baton_writer w;
	uint8_t out[16];

	(void)state;
	baton_writer_init(&w, out, sizeof(out));
	baton_put_u8(&w, 1);
	baton_put_u16(&w, 0x0203);
	baton_put_u32(&w, 0x04050607);
	baton_put_u64(&w, 0x08090a0b0c0d0e0f);
	baton_put_bytes(&w, "\x10", 1);
	assert_int_equal(w.err, 0);
	assert_memory_equal(out, want, sizeof(want));
	baton_put_u8(&w, 17);
	assert_int_equal(w.err, -BATON_E_NOSPACE);
}

static void patch_stays_within_what_is_written(void **state)
{
	struct baton_writer w;
	uint8_t out[8] = {0};

	(void)state;
	baton_writer_init(&w, out, sizeof(out));
	baton_put_u32(&w, 0);
	baton_patch_u8(&w, 0, 0xa1);
	baton_patch_u16(&w, 2, 0xb2c3);
	baton_patch_u32(&w, 1, 0xffffffff); /* its last byte is not written yet */
	assert_memory_equal(out, "\xa1\x00\xb2\xc3\0\0\0\0", 8);
	baton_patch_u32(&w, 0, 0x01020304);
	assert_memory_equal(out, "\x01\x02\x03\x04", 4);
	assert_int_equal(w.pos, 4);
}

static void full_writer_patches_nothing(void **state)
{
	struct baton_writer w;
	uint8_t out[2];

	(void)state;
	baton_writer_init(&w, out, sizeof(out));
	baton_put_u16(&w, 0x0102);
	baton_put_u8(&w, 3);
	baton_patch_u8(&w, 0, 9);
	assert_memory_equal(out, "\x01\x02", 2);
}

static void every_error_has_its_own_words(void **state)
{
	(void)state;
	for (int i = BATON_OK; i <= BATON_E_SPI_RANGE; i++) {
		assert_string_equal(baton_strerror(i), baton_strerror(-i));
		assert_string_not_equal(baton_strerror(i), "unknown error");
		for (int j = BATON_OK; j < i; j++)
			assert_string_not_equal(baton_strerror(i), baton_strerror(j));
	}
	assert_string_equal(baton_strerror(BATON_E_SPI_RANGE + 1), "unknown error");
	assert_string_equal(baton_strerror(INT32_MIN), "unknown error");
	assert_string_equal(baton_strerror(INT32_MAX), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_width_in_network_order),
		cmocka_unit_test(first_failure_sticks),
		cmocka_unit_test(sub_reader_ends_where_it_was_told),
		cmocka_unit_test(sub_reader_that_does_not_fit_is_empty),
		cmocka_unit_test(lengths_near_the_largest_do_not_wrap),
		cmocka_unit_test(nothing_is_an_empty_message),
		cmocka_unit_test(writes_what_reads_back),
		cmocka_unit_test(patch_stays_within_what_is_written),
		cmocka_unit_test(full_writer_patches_nothing),
		cmocka_unit_test(every_error_has_its_own_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
