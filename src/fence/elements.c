/* SPDX-License-Identifier: BSD-2-Clause */
#include "fence/elements.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <string.h>

/* Bytes of an element in a message: a nest with the key as a value in a nest of its own. */
#define ELEMENT_MAX (3 * sizeof(struct nlattr) + BATON_FENCE_KEY_MAX)
/* Bytes of a message besides: headers, table, set, the nest. One holds at most 64 KiB of elements,
 * for that is the longest attribute. */
#define FRAME_MAX 160u
#define ELEMENTS_PER_MESSAGE (UINT16_MAX / ELEMENT_MAX)

/* ---- sets -------------------------------------------------------------------------------- */
struct kind {
	const char *name, *fields;
	uint8_t protocol, family;
	bool fenced;
};

static const struct kind kinds[BATON_FENCE_SETS] = {
	{"esp4_granted", "ip daddr . esp spi . esp sequence", BATON_PROTO_ESP, AF_INET, false},
	{"esp4_fenced", "ip daddr . esp spi", BATON_PROTO_ESP, AF_INET, true},
	{"esp6_granted", "ip6 daddr . esp spi . esp sequence", BATON_PROTO_ESP, AF_INET6, false},
	{"esp6_fenced", "ip6 daddr . esp spi", BATON_PROTO_ESP, AF_INET6, true},
	{"ah4_granted", "ip daddr . ah spi . ah sequence", BATON_PROTO_AH, AF_INET, false},
	{"ah4_fenced", "ip daddr . ah spi", BATON_PROTO_AH, AF_INET, true},
	{"ah6_granted", "ip6 daddr . ah spi . ah sequence", BATON_PROTO_AH, AF_INET6, false},
	{"ah6_fenced", "ip6 daddr . ah spi", BATON_PROTO_AH, AF_INET6, true},
};

static unsigned set_of(const struct baton_fence_sa *sa, bool fenced)
{
	unsigned i = 0;

	while (kinds[i].protocol != sa->protocol || kinds[i].family != sa->dst.family ||
	       kinds[i].fenced != fenced)
		i++;
	return i;
}

/* ---- text -------------------------------------------------------------------------------- */
void baton_fence_comment(char comment[static BATON_FENCE_COMMENT_MAX], uint32_t block)
{
	snprintf(comment, BATON_FENCE_COMMENT_MAX, "batond(8), version 1, block %u", block);
}

/* Two rules: what is granted passes at once; what is only fenced does not. */
static void print_rules(FILE *out, const char *address, const char *spi, const char *sequence,
			uint32_t block, unsigned granted)
{
	fprintf(out, "%s . %s . (%s & 0x%08x) @%s accept\n", address, spi, sequence, ~(block - 1),
		kinds[granted].name);
	fprintf(out, "%s . %s @%s counter name " BATON_FENCE_COUNTER " drop\n", address, spi,
		kinds[granted + 1].name);
}

static void print_chain(FILE *out, const char *name, const char *spi, const char *sequence,
			uint32_t block, unsigned granted4)
{
	fprintf(out, "chain %s {\n", name);
	print_rules(out, "ip daddr", spi, sequence, block, granted4);
	print_rules(out, "ip6 daddr", spi, sequence, block, granted4 + 2);
	fprintf(out, "}\n");
}

/* The hook is where packets are after ESP, of what is forwarded as well; priority raw: before
 * conntrack looks at them and before anything could change the destination. ESP in UDP is not told
 * by a port, which is a setting of the IKE daemon's: its SPI stands where IKE has four zeros, and
 * for other UDP to be taken for it address and 32 bits would have to be those of a fenced SA. The
 * numbers of protocols, for /etc/protocols may be missing. */
void baton_fence_print_table(FILE *out, uint32_t block)
{
	char comment[BATON_FENCE_COMMENT_MAX];

	baton_fence_comment(comment, block);
	fprintf(out, "add table inet " BATON_FENCE_TABLE "\n"
		     "delete table inet " BATON_FENCE_TABLE "\n"
		     "table inet " BATON_FENCE_TABLE " {\n");
	fprintf(out, "comment \"%s\"\ncounter " BATON_FENCE_COUNTER " { }\n", comment);
	for (unsigned i = 0; i < BATON_FENCE_SETS; i++)
		fprintf(out, "set %s { typeof %s; }\n", kinds[i].name, kinds[i].fields);
	print_chain(out, "fence_esp", "esp spi", "esp sequence", block, 0);
	print_chain(out, "fence_udp", "@th,64,32", "@th,96,32", block, 0);
	print_chain(out, "fence_ah", "ah spi", "ah sequence", block, 4);
	fprintf(out, "chain fence {\n"
		     "type filter hook output priority raw; policy accept;\n"
		     "meta l4proto vmap { 50 : jump fence_esp, 17 : jump fence_udp, "
		     "51 : jump fence_ah }\n"
		     "}\n}\n");
}

void baton_fence_print_flush(FILE *out)
{
	for (unsigned i = 0; i < BATON_FENCE_SETS; i++)
		fprintf(out, "flush set inet " BATON_FENCE_TABLE " %s\n", kinds[i].name);
}

struct printing {
	FILE *out;
	const struct baton_fence_ledger *l;
	unsigned set;
	bool begun;
};

/* Elements of one set are one command: nft is faster so. */
static void begin_element(struct printing *p, const char *dst, uint32_t spi)
{
	if (p->begun)
		fprintf(p->out, ",\n");
	else
		fprintf(p->out, "add element inet " BATON_FENCE_TABLE " %s {\n",
			kinds[p->set].name);
	p->begun = true;
	fprintf(p->out, "%s . %u", dst, spi);
}

static void print_entry(void *ctx, const struct baton_fence_entry *e)
{
	struct printing *p = ctx;
	const struct kind *k = &kinds[p->set];
	char dst[INET6_ADDRSTRLEN];

	if (!e->wanted.fenced || e->sa.protocol != k->protocol || e->sa.dst.family != k->family)
		return;
	inet_ntop(k->family, e->sa.dst.ip, dst, sizeof(dst));
	if (k->fenced) {
		begin_element(p, dst, e->sa.spi);
		return;
	}
	for (uint64_t b = e->wanted.first; b < e->wanted.next; b++) {
		begin_element(p, dst, e->sa.spi);
		fprintf(p->out, " . %u", baton_fence_key(p->l, b));
	}
}

void baton_fence_print_elements(FILE *out, const struct baton_fence_ledger *l)
{
	for (unsigned i = 0; i < BATON_FENCE_SETS; i++) {
		struct printing p = {.out = out, .l = l, .set = i};

		baton_fence_ledger_each(l, print_entry, &p);
		if (p.begun)
			fprintf(out, "\n}\n");
	}
}

/* ---- changes ----------------------------------------------------------------------------- */
static size_t put(uint8_t *key, size_t at, const void *bytes, size_t len)
{
	memcpy(key + at, bytes, len);
	return at + len;
}

/* Fields as in the packet, each already a multiple of 4 long, as registers are. */
static size_t make_key(uint8_t key[static BATON_FENCE_KEY_MAX], const struct baton_fence_sa *sa,
		       bool fenced, uint32_t sequence)
{
	uint32_t spi_be = htonl(sa->spi), sequence_be = htonl(sequence);
	size_t len = put(key, 0, sa->dst.ip, sa->dst.family == AF_INET ? 4 : 16);

	len = put(key, len, &spi_be, sizeof(spi_be));
	return fenced ? len : put(key, len, &sequence_be, sizeof(sequence_be));
}

static struct nftnl_set *new_set(unsigned i)
{
	struct nftnl_set *s = nftnl_set_alloc();

	if (s && (nftnl_set_set_str(s, NFTNL_SET_TABLE, BATON_FENCE_TABLE) < 0 ||
		  nftnl_set_set_str(s, NFTNL_SET_NAME, kinds[i].name) < 0)) {
		nftnl_set_free(s);
		return NULL;
	}
	return s;
}

static int add_element(struct baton_fence_changes *c, enum baton_fence_op op,
		       const struct baton_fence_sa *sa, bool fenced, uint32_t sequence)
{
	uint8_t key[BATON_FENCE_KEY_MAX];
	size_t len = make_key(key, sa, fenced, sequence);
	unsigned i = set_of(sa, fenced);
	struct nftnl_set_elem *elem;

	if (!c->sets[op][i])
		c->sets[op][i] = new_set(i);
	if (!c->sets[op][i])
		return -BATON_E_FULL;
	elem = nftnl_set_elem_alloc();
	if (!elem)
		return -BATON_E_FULL;
	if (nftnl_set_elem_set(elem, NFTNL_SET_ELEM_KEY, key, (uint32_t)len) < 0) {
		nftnl_set_elem_free(elem);
		return -BATON_E_FULL;
	}
	nftnl_set_elem_add(c->sets[op][i], elem);
	c->count++;
	return 0;
}

/* Blocks of a that are not in b. */
static int add_blocks(struct baton_fence_changes *c, enum baton_fence_op op,
		      const struct baton_fence_ledger *l, const struct baton_fence_sa *sa,
		      const struct baton_fence_range *a, const struct baton_fence_range *b)
{
	int err = 0;

	for (uint64_t block = a->first; block < a->next && !err; block++)
		if (!baton_fence_holds(b, block))
			err = add_element(c, op, sa, false, baton_fence_key(l, block));
	return err;
}

int baton_fence_changes_add(struct baton_fence_changes *c, const struct baton_fence_ledger *l,
			    const struct baton_fence_entry *e)
{
	int err = add_blocks(c, BATON_FENCE_DELETE, l, &e->sa, &e->kernel, &e->wanted);

	if (!err)
		err = add_blocks(c, BATON_FENCE_ADD, l, &e->sa, &e->wanted, &e->kernel);
	if (!err && e->kernel.fenced != e->wanted.fenced)
		err = add_element(c, e->wanted.fenced ? BATON_FENCE_ADD : BATON_FENCE_DELETE,
				  &e->sa, true, 0);
	return err;
}

size_t baton_fence_changes_size(const struct baton_fence_changes *c)
{
	size_t messages = 2 + 2 * BATON_FENCE_SETS + c->count / ELEMENTS_PER_MESSAGE;

	/* The library writes one element more, and takes it back, before it begins another message.
	 */
	return messages * FRAME_MAX + (c->count + 1) * ELEMENT_MAX;
}

/* The messages of one set. Returns bytes, or 0. */
static size_t write_set(struct nftnl_set *s, enum baton_fence_op op, char *buf, uint32_t *seq)
{
	struct nftnl_set_elems_iter *iter = nftnl_set_elems_iter_create(s);
	size_t len = 0;
	int more = 1;

	if (!iter)
		return 0;
	while (more > 0) {
		struct nlmsghdr *h = nftnl_nlmsg_build_hdr(
			buf + len, op == BATON_FENCE_ADD ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
			NFPROTO_INET, op == BATON_FENCE_ADD ? NLM_F_CREATE : 0, (*seq)++);

		more = nftnl_set_elems_nlmsg_build_payload_iter(h, iter);
		len += h->nlmsg_len;
	}
	nftnl_set_elems_iter_destroy(iter);
	return more < 0 ? 0 : len;
}

/* Every message of ours is a multiple of 4 long already. */
size_t baton_fence_changes_write(const struct baton_fence_changes *c, void *buf, uint32_t *seq,
				 uint32_t *ack)
{
	struct nlmsghdr *h = nftnl_batch_begin(buf, (*seq)++), *last = h;
	size_t len = h->nlmsg_len;
	char *at = buf;

	for (unsigned op = 0; op < BATON_FENCE_OPS; op++)
		for (unsigned i = 0; i < BATON_FENCE_SETS; i++) {
			size_t n;

			if (!c->sets[op][i])
				continue;
			n = write_set(c->sets[op][i], op, at + len, seq);
			if (!n)
				return 0;
			for (size_t k = 0; k < n; k += last->nlmsg_len)
				last = (struct nlmsghdr *)(at + len + k);
			len += n;
		}
	last->nlmsg_flags |= NLM_F_ACK;
	*ack = last->nlmsg_seq;
	return len + nftnl_batch_end(at + len, (*seq)++)->nlmsg_len;
}

void baton_fence_changes_free(struct baton_fence_changes *c)
{
	for (unsigned op = 0; op < BATON_FENCE_OPS; op++)
		for (unsigned i = 0; i < BATON_FENCE_SETS; i++)
			if (c->sets[op][i])
				nftnl_set_free(c->sets[op][i]);
	*c = (struct baton_fence_changes){0};
}
