/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz.h"

#include <baton/message.h>
#include <string.h>

static struct baton_reassembly r;

static void feed(const uint8_t *data, size_t size)
{
	int kind = baton_is_fragment(data, size);
	int err = baton_reassemble(&r, data, size);
	unsigned seen = 0;

	FUZZ_CHECK(err <= 1 && r.have <= r.total && r.total <= BATON_FRAGMENTS_MAX);
	FUZZ_CHECK(r.len <= BATON_MESSAGE_MAX);
	for (unsigned i = 0; i < BATON_FRAGMENTS_MAX / 64; i++)
		seen += (unsigned)__builtin_popcountll(r.seen[i]);
	FUZZ_CHECK(seen == r.have);
	FUZZ_CHECK(err < 0 || kind == 1);
	if (err == 1) {
		struct baton_header h;
		struct baton_reader reader;

		baton_reader_init(&reader, r.buf, r.len);
		FUZZ_CHECK(baton_header_decode(&h, &reader) == 0);
		FUZZ_CHECK(baton_is_fragment(r.buf, r.len) == 0);
	}
}

static void any_datagrams(const uint8_t *data, size_t size)
{
	while (size > 2) {
		size_t len = (size_t)(data[0] << 8 | data[1]);

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		feed(data, len);
		data += len;
		size -= len;
	}
}

/* mtu, order, then the body of the message */
static void there_and_back(const uint8_t *data, size_t size)
{
	static uint8_t msg[BATON_MESSAGE_MAX], out[BATON_MESSAGE_MAX];
	const struct baton_header h = {.spi_i = 1, .exchange = BATON_SA_STOR};
	struct baton_builder b;
	unsigned total = 0, last = 0;
	size_t mtu;
	int len;

	if (size < 3)
		return;
	mtu = (size_t)(data[0] << 8 | data[1]);
	baton_build_begin(&b, msg, sizeof(msg), &h);
	baton_build_session(&b, data + 3, size - 3);
	len = baton_build_end(&b);
	if (len < 0 || baton_fragment(msg, (size_t)len, mtu, 0, out, sizeof(out)) < 0)
		return; /* too large, or too many pieces: said so */
	if ((size_t)len <= mtu)
		return;
	while (baton_fragment(msg, (size_t)len, mtu, total, out, sizeof(out)) > 0)
		total++;
	FUZZ_CHECK(total >= 2 && total <= BATON_FRAGMENTS_MAX);
	for (unsigned i = 0; i < total; i++) {
		unsigned index = (i + data[2]) % total;
		int n = baton_fragment(msg, (size_t)len, mtu, index, out, sizeof(out));

		FUZZ_CHECK(n > 0 && (size_t)n <= mtu);
		last = (unsigned)baton_reassemble(&r, out, (size_t)n);
		FUZZ_CHECK(last == (i + 1 == total));
	}
	FUZZ_CHECK(r.len == (size_t)len && memcmp(r.buf, msg, r.len) == 0);
}

void fuzz_fragment(const uint8_t *data, size_t size)
{
	baton_reassembly_reset(&r);
	if (size == 0)
		return;
	if (data[0] & 1)
		there_and_back(data + 1, size - 1);
	else
		any_datagrams(data + 1, size - 1);
}
