/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz.h"

#include "wire/outline.h"
#include <baton/message.h>
#include <string.h>

static struct baton_session first, second;
static const struct baton_session wiped;
static struct baton_outline outline;
static uint8_t out[BATON_MESSAGE_MAX], again[BATON_MESSAGE_MAX];

void fuzz_session(const uint8_t *data, size_t size)
{
	struct baton_where where;
	int err = baton_session_decode(&first, data, size, &where), len;
	bool plain = baton_outline_read(&outline, data, size);

	FUZZ_CHECK(err <= 0 && where.offset <= size && where.field);
	FUZZ_CHECK(!err == !*where.field);
	FUZZ_CHECK(!plain || !err);
	if (err) {
		FUZZ_CHECK(memcmp(&first, &wiped, sizeof(first)) == 0);
		return;
	}
	len = baton_session_encode(&first, out, sizeof(out));
	FUZZ_CHECK(len > 0);
	FUZZ_CHECK(plain == ((size_t)len == size && memcmp(out, data, size) == 0));
	FUZZ_CHECK(!plain ||
		   (outline.child_count == first.child_count && outline.version == first.version));
	FUZZ_CHECK(baton_session_decode(&second, out, (size_t)len, NULL) == 0);
	FUZZ_CHECK(baton_session_encode(&second, again, sizeof(again)) == len);
	FUZZ_CHECK(memcmp(out, again, (size_t)len) == 0);
}
