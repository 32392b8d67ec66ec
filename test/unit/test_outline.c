/* SPDX-License-Identifier: BSD-2-Clause */
/* The outline of an encoded session (src/wire/outline.h), held against decoding and encoding. */
#include "sample.h"
#include "wire/outline.h"
#include <baton/message.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 2000

static struct baton_session s, got;
static struct baton_outline o, want;
static uint8_t buf[BATON_MESSAGE_MAX], again[BATON_MESSAGE_MAX];

static void same_addr(const struct baton_addr *a, const struct baton_addr *b)
{
	assert_int_equal(a->family, b->family);
	assert_int_equal(a->port, b->port);
	assert_memory_equal(a->ip, b->ip, sizeof(a->ip));
}

/* o has what a decoder finds; baton_outline_of() says the same. */
static void same_as(const struct baton_session *whole)
{
	baton_outline_of(&want, whole);
	assert_true(o.spi_i == want.spi_i && o.spi_r == want.spi_r);
	assert_int_equal(o.owner.type, want.owner.type);
	assert_int_equal(o.owner.len, want.owner.len);
	assert_memory_equal(o.owner.data, want.owner.data, o.owner.len);
	assert_int_equal(o.epoch, want.epoch);
	assert_true(o.version == want.version);
	same_addr(&o.local, &want.local);
	same_addr(&o.remote, &want.remote);
	assert_int_equal(o.msgid_in, want.msgid_in);
	assert_int_equal(o.msgid_out, want.msgid_out);
	assert_int_equal(o.child_count, want.child_count);
	for (unsigned i = 0; i < o.child_count; i++) {
		assert_int_equal(o.children[i].spi_in, want.children[i].spi_in);
		assert_int_equal(o.children[i].spi_out, want.children[i].spi_out);
		assert_int_equal(o.children[i].protocol, want.children[i].protocol);
		assert_int_equal(o.children[i].flags, want.children[i].flags);
		assert_memory_equal(&o.children[i].counters, &want.children[i].counters,
				    sizeof(o.children[i].counters));
	}
}

/* The promise: whatever it takes is what encoding anew would write. */
static bool holds(const uint8_t *body, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1); /* a sanitizer sees what is read beyond it */
	bool taken;

	assert_non_null(exact);
	memcpy(exact, body, len);
	taken = baton_outline_read(&o, exact, len);
	if (taken) {
		assert_int_equal(baton_session_decode(&got, exact, len, NULL), 0);
		same_as(&got);
		assert_int_equal(baton_session_encode(&got, again, sizeof(again)), len);
		assert_memory_equal(again, exact, len);
	}
	free(exact);
	return taken;
}

static size_t encode(void)
{
	int len = baton_session_encode(&s, buf, sizeof(buf));

	assert_true(len > 0);
	return (size_t)len;
}

static void whatever_we_write_has_one(void **state)
{
	struct sample_random r = {4520};

	(void)state;
	sample_session(&s);
	assert_true(holds(buf, encode()));
	for (unsigned i = 0; i < ROUNDS; i++) {
		sample_random_session(&s, &r);
		assert_true(holds(buf, encode()));
	}
	memset(&s.owner, 0, sizeof(s.owner));
	assert_true(holds(buf, encode()));
}

static void offsets_are_where_the_fields_are(void **state)
{
	(void)state;
	sample_session(&s);
	assert_true(holds(buf, encode()));
	assert_int_equal(buf[o.at_msgids], BATON_REPORT_MSGID);
	assert_int_equal(buf[o.at_msgids + 27], 6);
	assert_memory_equal(buf + o.at_life, "\0\0\x32\xc8\0\0\0\0\0\0\x38\x40", 12);
	assert_memory_equal(buf + o.children[0].at_life, "\0\0\x0b\xb8\0\0\0\0\0\0\x0e\x10", 12);
	assert_int_equal(buf[o.children[0].at_counters], BATON_REPORT_CHILD);
	assert_memory_equal(buf + o.children[0].at_counters + 32, "\0\0\0\0\0\0\x03\xe8", 8);
	assert_int_equal(buf[BATON_AT_LEASE + 3], 44);
	assert_int_equal(buf[BATON_AT_EPOCH + 3], 3);
	assert_int_equal(buf[BATON_AT_VERSION + 7], 17);
	assert_int_equal(buf[BATON_AT_OWNER], BATON_ID_FQDN);
}

static void every_other_octet_is_refused_or_as_good(void **state)
{
	size_t len;

	(void)state;
	sample_session(&s);
	len = encode();
	for (size_t at = 0; at < len; at++) {
		const uint8_t was = buf[at];

		for (unsigned v = 0; v < 256; v++) {
			buf[at] = (uint8_t)v;
			holds(buf, len);
		}
		buf[at] = was;
	}
	for (size_t shorter = 0; shorter < len; shorter++)
		assert_false(holds(buf, shorter));
	buf[len] = 0;
	assert_false(holds(buf, len + 1));
}

static void so_is_any_session_with_octets_changed(void **state)
{
	struct sample_random r = {20061};

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t len;

		sample_random_session(&s, &r);
		len = encode();
		for (unsigned k = 0; k < 50; k++) {
			size_t at = sample_below(&r, (uint32_t)len);
			uint8_t was = buf[at];

			buf[at] = (uint8_t)(was ^
					    (sample_below(&r, 2) ? 1u << sample_below(&r, 8)
								 : (uint32_t)sample_next(&r)));
			holds(buf, len);
			buf[at] = was;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_we_write_has_one),
		cmocka_unit_test(offsets_are_where_the_fields_are),
		cmocka_unit_test(every_other_octet_is_refused_or_as_good),
		cmocka_unit_test(so_is_any_session_with_octets_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
