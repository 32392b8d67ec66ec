/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz.h"

#include "xfrm/codec.h"
#include <libmnl/libmnl.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>

static struct baton_xfrm_sa sa, again;

/* What was read of an SA can be set, and reads back the same. */
static void there_and_back(const struct baton_xfrm_sa *s)
{
	_Alignas(8) uint8_t buf[BATON_XFRM_REQUEST_MAX];
	enum baton_xfrm_cause cause;
	size_t len;

	FUZZ_CHECK(s->replay.words <= BATON_XFRM_WORDS_MAX &&
		   s->replay.window <= s->replay.words * 32);
	len = baton_xfrm_put_counters(buf, 1, &s->state.id, &s->replay);
	FUZZ_CHECK(len <= sizeof(buf) && len == ((struct nlmsghdr *)buf)->nlmsg_len);
	FUZZ_CHECK(baton_xfrm_parse_ae((struct nlmsghdr *)buf, &again, &cause) == 0);
	FUZZ_CHECK(again.state.id.spi == s->state.id.spi &&
		   again.state.id.mark == s->state.id.mark);
	FUZZ_CHECK(again.replay.out_seq == s->replay.out_seq &&
		   again.replay.in_seq == s->replay.in_seq);
	FUZZ_CHECK(again.replay.bitmap == s->replay.bitmap);
	if (s->replay.bitmap)
		FUZZ_CHECK(memcmp(again.replay.bmp, s->replay.bmp, s->replay.words * 4) == 0);
}

static void one(const struct nlmsghdr *h)
{
	struct baton_xfrm_event e;
	enum baton_xfrm_cause cause;
	int error, err = baton_xfrm_parse_event(h, &e, &cause);

	FUZZ_CHECK(err == 0 || err == -BATON_E_TRUNCATED || err == -BATON_E_LENGTH ||
		   err == -BATON_E_VALUE || err == -BATON_E_EXCHANGE);
	if (err == 0 && e.kind != BATON_XFRM_OVERRUN)
		FUZZ_CHECK(e.state.id.protocol == BATON_PROTO_ESP ||
			   e.state.id.protocol == BATON_PROTO_AH);
	if (baton_xfrm_parse_sa(h, &sa) == 0)
		there_and_back(&sa);
	if (baton_xfrm_parse_ae(h, &sa, &cause) == 0)
		there_and_back(&sa);
	if (baton_xfrm_parse_error(h, &error) == 0)
		FUZZ_CHECK(h->nlmsg_len >= NLMSG_HDRLEN + sizeof(int));
}

/* One message, in memory that ends where it does. */
static void typed(uint8_t type, const uint8_t *data, size_t size)
{
	struct nlmsghdr *h = malloc(sizeof(*h) + size);

	FUZZ_CHECK(h);
	*h = (struct nlmsghdr){.nlmsg_len = (uint32_t)(sizeof(*h) + size), .nlmsg_type = type};
	memcpy(h + 1, data, size);
	one(h);
	free(h);
}

static void any_messages(const uint8_t *data, size_t size)
{
	uint8_t *buf = malloc(size ? size : 1);
	const struct nlmsghdr *h = (const struct nlmsghdr *)buf;
	int left = (int)size;

	FUZZ_CHECK(buf);
	memcpy(buf, data, size);
	for (; baton_xfrm_message_ok(h, left); h = mnl_nlmsg_next(h, &left))
		one(h);
	free(buf);
}

void fuzz_xfrm(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 65536)
		return;
	if (data[0] & 1)
		typed(data[1], data + 2, size - 2);
	else
		any_messages(data + 2, size - 2);
}
