/* SPDX-License-Identifier: BSD-2-Clause */
/* The fence without a kernel: which blocks a grant holds, and which elements a change adds and
 * deletes, read back from the messages. */
#include "fence/elements.h"
#include "sample.h"
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BLOCK 65536u

static const struct baton_fence_sa v4 = {.dst = {.family = AF_INET, .ip = {192, 0, 2, 10}},
					 .spi = 0xc1000001,
					 .protocol = BATON_PROTO_ESP};
static const struct baton_fence_sa v6 = {
	.dst = {.family = AF_INET6, .ip = {0x20, 1, 0xd, 0xb8, [15] = 1}},
	.spi = 0xc2000001,
	.protocol = BATON_PROTO_AH};

static struct baton_fence_ledger l;
/* Of the last flush; as long as its bound says, so that the sanitizer sees a byte too far. */
static uint8_t *message;

static int set_up(void **state)
{
	(void)state;
	baton_fence_ledger_init(&l, BLOCK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	baton_fence_ledger_free(&l);
	free(message);
	message = NULL;
	return 0;
}

/* The flush succeeded. */
static void flushed(void)
{
	while (!TAILQ_EMPTY(&l.queue))
		baton_fence_ledger_done(&l, TAILQ_FIRST(&l.queue));
	assert_int_equal(l.queued, 0);
}

/* ---- which blocks -----------------------------------------------------------------------------
 */

static const struct baton_fence_entry *granted(uint64_t from, uint64_t to)
{
	assert_int_equal(baton_fence_ledger_grant(&l, &v4, from, to), 0);
	assert_int_equal(l.queued, 1);
	return TAILQ_FIRST(&l.queue);
}

static void a_grant_is_never_rounded_up(void **state)
{
	static const struct {
		uint64_t from, to, first, next;
	} cases[] = {
		{1, BLOCK - 1, 0, 1},
		{1, BLOCK, 0, 1},
		{1, BLOCK - 2, 0, 0},
		{BLOCK - 1, 2 * BLOCK - 1, 0, 2},
		{BLOCK, 2 * BLOCK - 1, 1, 2},
		{BLOCK, 2 * BLOCK - 2, 0, 0},
		{BLOCK + 7, 3 * BLOCK + 7, 1, 3},
		{5, 4, 0, 0},
		{2 * BLOCK, BLOCK - 1, 0, 0},
		{0xffff0000, 0x10001ffff, 0xffff, 0x10002}, /* across 2^32 */
		{UINT64_MAX - 5, UINT64_MAX, UINT64_MAX / BLOCK, UINT64_MAX / BLOCK + 1},
		{UINT64_MAX - 5, UINT64_MAX - 1, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct baton_fence_entry *e = granted(cases[i].from, cases[i].to);

		assert_true(e->wanted.fenced);
		assert_int_equal(e->wanted.first, cases[i].first);
		assert_int_equal(e->wanted.next, cases[i].next);
	}
}

static void a_lease_that_ends_with_a_block_is_used_whole(void **state)
{
	struct sample_random rnd = {7};

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t from = sample_next(&rnd) >> sample_below(&rnd, 50);
		uint64_t end = baton_fence_end(BLOCK, from + sample_below(&rnd, 200000));
		const struct baton_fence_entry *e = granted(from, end);

		assert_true(baton_fence_holds(&e->wanted, from / BLOCK));
		assert_true(baton_fence_holds(&e->wanted, end / BLOCK));
		assert_false(baton_fence_holds(&e->wanted, end / BLOCK + 1));
	}
}

static void what_cannot_be_is_refused(void **state)
{
	struct baton_fence_sa sa = v4;
	uint64_t blocks = BATON_FENCE_BLOCKS_MAX;

	(void)state;
	sa.spi = 0;
	assert_int_equal(baton_fence_ledger_grant(&l, &sa, 1, 2), -BATON_E_VALUE);
	sa = v4;
	sa.protocol = 1;
	assert_int_equal(baton_fence_ledger_grant(&l, &sa, 1, 2), -BATON_E_VALUE);
	baton_fence_ledger_release(&l, &sa);
	sa = v4;
	sa.dst.family = 0;
	assert_int_equal(baton_fence_ledger_grant(&l, &sa, 1, 2), -BATON_E_VALUE);
	assert_int_equal(baton_fence_ledger_grant(&l, &v4, 0, blocks * BLOCK - 1), 0);
	assert_int_equal(baton_fence_ledger_grant(&l, &v4, 0, (blocks + 1) * BLOCK - 1),
			 -BATON_E_LIMIT);
	assert_int_equal(TAILQ_FIRST(&l.queue)->wanted.next, blocks); /* as it was */
	assert_int_equal(baton_fence_ledger_grant(&l, &v4, 0, UINT64_MAX), -BATON_E_LIMIT);
	assert_int_equal(l.count, 1);
}

static void a_range_is_far_shorter_than_what_the_kernel_compares(void **state)
{
	uint64_t large = BATON_FENCE_BLOCK_MAX;

	(void)state;
	baton_fence_ledger_init(&l, BATON_FENCE_BLOCK_MAX);
	assert_int_equal(baton_fence_ledger_grant(&l, &v4, 0, 8 * large - 1), 0);
	assert_int_equal(baton_fence_ledger_grant(&l, &v4, 0, 9 * large - 1), -BATON_E_LIMIT);
}

/* ---- what waits -------------------------------------------------------------------------------
 */

static void the_same_grant_again_is_nothing(void **state)
{
	(void)state;
	granted(1, BLOCK - 1);
	flushed();
	assert_int_equal(baton_fence_ledger_grant(&l, &v4, 5, BLOCK + 5), 0);
	assert_int_equal(l.queued, 0);
	granted(1, 2 * BLOCK - 1);
	assert_int_equal(baton_fence_ledger_grant(&l, &v4, 1, BLOCK - 1), 0); /* taken back */
	assert_int_equal(l.queued, 0);
}

static void a_released_sa_is_forgotten_when_the_kernel_has(void **state)
{
	(void)state;
	granted(1, BLOCK - 1);
	baton_fence_ledger_release(&l, &v4); /* before a flush: at once */
	assert_int_equal(l.count, 0);
	assert_int_equal(l.queued, 0);
	granted(1, BLOCK - 1);
	flushed();
	baton_fence_ledger_release(&l, &v4);
	assert_int_equal(l.count, 1);
	assert_int_equal(l.queued, 1);
	flushed();
	assert_int_equal(l.count, 0);
	baton_fence_ledger_release(&l, &v4);
	assert_int_equal(l.count, 0);
}

static void one_that_comes_back_before_the_flush_stays(void **state)
{
	(void)state;
	granted(1, BLOCK - 1);
	flushed();
	baton_fence_ledger_release(&l, &v4);
	assert_int_equal(baton_fence_ledger_grant(&l, &v4, 1, BLOCK - 1), 0);
	assert_int_equal(l.queued, 0);
	assert_int_equal(l.count, 1);
}

static struct baton_fence_sa numbered(unsigned i)
{
	struct baton_fence_sa sa = i % 3 ? v4 : v6;

	sa.spi = 1 + i / 7;
	sa.dst.ip[3] = (uint8_t)(i % 7);
	return sa;
}

static void count_fenced(void *ctx, const struct baton_fence_entry *e)
{
	*(unsigned *)ctx += e->wanted.fenced;
}

static void many_come_and_go(void **state)
{
	unsigned there = 0, seen = 0;
	bool has[5000] = {false};
	struct sample_random rnd = {3};

	(void)state;
	for (unsigned i = 0; i < 40000; i++) {
		unsigned k = sample_below(&rnd, 5000);
		struct baton_fence_sa sa = numbered(k);

		if (has[k])
			baton_fence_ledger_release(&l, &sa);
		else
			assert_int_equal(baton_fence_ledger_grant(&l, &sa, 0, BLOCK * (1 + i % 5)),
					 0);
		has[k] = !has[k];
		there += has[k] ? 1 : -1u;
		if (i % 1000 == 0)
			flushed();
	}
	baton_fence_ledger_each(&l, count_fenced, &seen);
	assert_int_equal(seen, there);
	baton_fence_ledger_all_done(&l);
	assert_int_equal(l.count, there);
	assert_int_equal(l.queued, 0);
}

/* ---- elements ---------------------------------------------------------------------------------
 */

#define SEEN_MAX 4096
struct seen {
	uint16_t type;	 /* of the message */
	const char *set; /* in message */
	uint8_t key[24];
	uint32_t key_len;
};
static struct seen seen[SEEN_MAX];
static unsigned seen_count, messages;

/* The one attribute of this type in a nest, or after a fixed header. */
static const struct nlattr *find(const struct nlattr *a, const uint8_t *end, uint16_t type)
{
	for (; mnl_attr_ok(a, (int)(end - (const uint8_t *)a)); a = mnl_attr_next(a))
		if (mnl_attr_get_type(a) == type)
			return a;
	fail_msg("attribute %u is missing", type);
	return NULL;
}

static const struct nlattr *inside(const struct nlattr *nest, uint16_t type)
{
	return find(mnl_attr_get_payload(nest), (const uint8_t *)nest + nest->nla_len, type);
}

/* (The library's own parser wants all elements of a list to have the type that the kernel gives
 * them; its writer numbers them.) */
static void read_message(const struct nlmsghdr *h)
{
	const struct nlattr *first = mnl_nlmsg_get_payload_offset(h, sizeof(struct nfgenmsg));
	const uint8_t *end = mnl_nlmsg_get_payload_tail(h);
	const struct nlattr *list = find(first, end, NFTA_SET_ELEM_LIST_ELEMENTS), *e;
	unsigned before = seen_count;

	assert_int_equal(NFNL_SUBSYS_ID(h->nlmsg_type), NFNL_SUBSYS_NFTABLES);
	assert_string_equal(mnl_attr_get_str(find(first, end, NFTA_SET_ELEM_LIST_TABLE)), "baton");
	for (e = mnl_attr_get_payload(list);
	     mnl_attr_ok(e, (int)((const uint8_t *)list + list->nla_len - (const uint8_t *)e));
	     e = mnl_attr_next(e)) {
		struct seen *s = &seen[seen_count++];
		const struct nlattr *value = inside(inside(e, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);

		assert_true(seen_count < SEEN_MAX);
		s->type = NFNL_MSG_TYPE(h->nlmsg_type);
		s->set = mnl_attr_get_str(find(first, end, NFTA_SET_ELEM_LIST_SET));
		s->key_len = mnl_attr_get_payload_len(value);
		assert_true(s->key_len <= sizeof(s->key));
		memcpy(s->key, mnl_attr_get_payload(value), s->key_len);
	}
	assert_true(seen_count > before);
	messages++;
}

/* Writes what is queued, reads it back, and takes it as sent. */
static void flush_seen(void)
{
	struct baton_fence_changes c = {0};
	struct baton_fence_entry *e;
	uint32_t seq = 100, ack = 0, next = 100;
	size_t size, len, at;

	seen_count = messages = 0;
	TAILQ_FOREACH(e, &l.queue, queue)
		assert_int_equal(baton_fence_changes_add(&c, &l, e), 0);
	size = baton_fence_changes_size(&c);
	free(message);
	message = malloc(size);
	assert_non_null(message);
	len = baton_fence_changes_write(&c, message, &seq, &ack);
	assert_true(len > 0 && len <= size);
	for (at = 0; at < len;) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)(message + at);

		assert_true(h->nlmsg_len % 4 == 0 && h->nlmsg_len <= len - at);
		assert_int_equal(h->nlmsg_seq, next++);
		assert_int_equal(h->nlmsg_flags & NLM_F_ACK, h->nlmsg_seq == ack ? NLM_F_ACK : 0);
		if (at == 0)
			assert_int_equal(h->nlmsg_type, NFNL_MSG_BATCH_BEGIN);
		else if (at + h->nlmsg_len == len)
			assert_int_equal(h->nlmsg_type, NFNL_MSG_BATCH_END);
		else
			read_message(h);
		at += h->nlmsg_len;
	}
	assert_int_equal(next, seq);
	assert_int_equal(ack, seq - 2); /* the last before the end */
	assert_int_equal(seen_count, c.count);
	baton_fence_changes_free(&c);
	flushed();
}

/* Takes one element out of what was seen. */
static bool took(uint16_t type, const char *set, const struct baton_fence_sa *sa, bool fenced,
		 uint32_t sequence)
{
	uint8_t key[24];
	uint32_t len = sa->dst.family == AF_INET ? 4 : 16, spi = htonl(sa->spi);

	memcpy(key, sa->dst.ip, len);
	memcpy(key + len, &spi, 4);
	len += 4;
	sequence = htonl(sequence);
	if (!fenced) {
		memcpy(key + len, &sequence, 4);
		len += 4;
	}
	for (unsigned i = 0; i < seen_count; i++)
		if (seen[i].type == type && seen[i].key_len == len &&
		    strcmp(seen[i].set, set) == 0 && memcmp(seen[i].key, key, len) == 0) {
			seen[i] = seen[--seen_count];
			return true;
		}
	return false;
}

#define ADDED NFT_MSG_NEWSETELEM
#define DELETED NFT_MSG_DELSETELEM

static void a_grant_adds_its_blocks_and_fences(void **state)
{
	(void)state;
	granted(1, 2 * BLOCK - 1);
	flush_seen();
	assert_true(took(ADDED, "esp4_granted", &v4, false, 0));
	assert_true(took(ADDED, "esp4_granted", &v4, false, BLOCK));
	assert_true(took(ADDED, "esp4_fenced", &v4, true, 0));
	assert_int_equal(seen_count, 0);
}

static void the_next_grant_takes_the_place_of_the_first(void **state)
{
	(void)state;
	granted(1, 2 * BLOCK - 1);
	flushed();
	granted(BLOCK + 9, 3 * BLOCK - 1);
	flush_seen();
	assert_int_equal(seen[0].type, DELETED); /* first */
	assert_true(took(DELETED, "esp4_granted", &v4, false, 0));
	assert_true(took(ADDED, "esp4_granted", &v4, false, 2 * BLOCK));
	assert_int_equal(seen_count, 0);
}

static void a_grant_of_nothing_leaves_the_fence(void **state)
{
	(void)state;
	granted(1, BLOCK - 1);
	flushed();
	granted(1, 0);
	flush_seen();
	assert_true(took(DELETED, "esp4_granted", &v4, false, 0));
	assert_int_equal(seen_count, 0);
}

static void a_release_takes_everything_out(void **state)
{
	(void)state;
	granted(1, 2 * BLOCK - 1);
	flushed();
	baton_fence_ledger_release(&l, &v4);
	flush_seen();
	assert_true(took(DELETED, "esp4_granted", &v4, false, 0));
	assert_true(took(DELETED, "esp4_granted", &v4, false, BLOCK));
	assert_true(took(DELETED, "esp4_fenced", &v4, true, 0));
	assert_int_equal(seen_count, 0);
}

static void beyond_32_bits_the_key_begins_anew(void **state)
{
	(void)state;
	granted(0xfffff000, 0x10000ffff);
	flush_seen();
	assert_true(took(ADDED, "esp4_granted", &v4, false, 0xffff0000));
	assert_true(took(ADDED, "esp4_granted", &v4, false, 0));
	assert_true(took(ADDED, "esp4_fenced", &v4, true, 0));
	assert_int_equal(seen_count, 0);
	granted(0x20000ffff, 0x20000ffff); /* the same key, 2^32 later: out and in */
	flush_seen();
	assert_true(took(DELETED, "esp4_granted", &v4, false, 0xffff0000));
	assert_true(took(DELETED, "esp4_granted", &v4, false, 0));
	assert_true(took(ADDED, "esp4_granted", &v4, false, 0));
	assert_int_equal(seen_count, 0);
}

static void each_family_and_protocol_has_its_sets(void **state)
{
	struct baton_fence_sa esp6 = v6, ah4 = v4;

	(void)state;
	esp6.protocol = BATON_PROTO_ESP;
	ah4.protocol = BATON_PROTO_AH;
	assert_int_equal(baton_fence_ledger_grant(&l, &v6, 0, BLOCK - 1), 0);
	assert_int_equal(baton_fence_ledger_grant(&l, &esp6, 0, BLOCK - 1), 0);
	assert_int_equal(baton_fence_ledger_grant(&l, &ah4, 0, BLOCK - 1), 0);
	flush_seen();
	assert_int_equal(messages, 6);
	assert_true(took(ADDED, "ah6_granted", &v6, false, 0));
	assert_true(took(ADDED, "ah6_fenced", &v6, true, 0));
	assert_true(took(ADDED, "esp6_granted", &esp6, false, 0));
	assert_true(took(ADDED, "esp6_fenced", &esp6, true, 0));
	assert_true(took(ADDED, "ah4_granted", &ah4, false, 0));
	assert_true(took(ADDED, "ah4_fenced", &ah4, true, 0));
}

static void more_than_a_message_holds_goes_into_several(void **state)
{
	struct baton_fence_sa sa = v6;

	(void)state;
	for (unsigned i = 0; i < 14; i++) {
		sa.spi = 100 + i;
		assert_int_equal(baton_fence_ledger_grant(&l, &sa, 0, 256ull * BLOCK - 1), 0);
	}
	flush_seen();
	assert_int_equal(seen_count, 14 * 257);
	assert_true(messages >= 3);
	for (unsigned i = 0; i < 14; i++) {
		sa.spi = 100 + i;
		assert_true(took(ADDED, "ah6_fenced", &sa, true, 0));
		for (unsigned k = 0; k < 256; k++)
			assert_true(took(ADDED, "ah6_granted", &sa, false, k * BLOCK));
	}
}

/* ---- text -------------------------------------------------------------------------------------
 */

static void the_text_names_every_element(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	granted(1, 2 * BLOCK - 1);
	assert_int_equal(baton_fence_ledger_grant(&l, &v6, 0, BLOCK - 1), 0);
	baton_fence_print_table(out, BLOCK);
	baton_fence_print_elements(out, &l);
	fclose(out);
	assert_non_null(strstr(text, "192.0.2.10 . 3238002689 . 0,\n"));
	assert_non_null(strstr(text, "192.0.2.10 . 3238002689 . 65536\n}"));
	assert_non_null(strstr(text, "esp4_fenced {\n192.0.2.10 . 3238002689\n}"));
	assert_non_null(strstr(text, "ah6_granted {\n2001:db8::1 . 3254779905 . 0\n}"));
	assert_non_null(strstr(text, "esp sequence & 0xffff0000"));
	assert_null(strstr(text, "add element inet baton ah4"));
	free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_grant_is_never_rounded_up),
		TEST(a_lease_that_ends_with_a_block_is_used_whole),
		TEST(what_cannot_be_is_refused),
		TEST(a_range_is_far_shorter_than_what_the_kernel_compares),
		TEST(the_same_grant_again_is_nothing),
		TEST(a_released_sa_is_forgotten_when_the_kernel_has),
		TEST(one_that_comes_back_before_the_flush_stays),
		TEST(many_come_and_go),
		TEST(a_grant_adds_its_blocks_and_fences),
		TEST(the_next_grant_takes_the_place_of_the_first),
		TEST(a_grant_of_nothing_leaves_the_fence),
		TEST(a_release_takes_everything_out),
		TEST(beyond_32_bits_the_key_begins_anew),
		TEST(each_family_and_protocol_has_its_sets),
		TEST(more_than_a_message_holds_goes_into_several),
		TEST(the_text_names_every_element),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
