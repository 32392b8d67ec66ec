/* SPDX-License-Identifier: BSD-2-Clause */
#include "miss/guard.h"

#include "miss/known.h"
#include "nft/nft.h"
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TABLE "baton-miss"
#define RECEIVE_BYTES (8 << 20)
#define BUDGET 256u
#define OTHERS 256u
#define OTHERS_TIMEOUT "2s"
#define PACKET_MAX 65531u /* what a netlink attribute can hold */
#define CHUNK 400u	  /* elements of one command, or of one batch */

static const struct {
	const char *name;
	size_t key_len;
} sets[BATON_GUARD_SETS] = {
	[BATON_GUARD_ESP] = {"known_esp", 4},
	[BATON_GUARD_IKE] = {"known_ike", 4},
	[BATON_GUARD_TO4] = {"known_to4", 4},
	[BATON_GUARD_TO6] = {"known_to6", 16},
};

struct baton_guard {
	uint16_t queue;
	struct mnl_socket *sock;
	struct baton_nft nft;
	struct baton_known sets[BATON_GUARD_SETS];
	bool made;
	struct baton_guard_options options;
	uint32_t others[OTHERS]; /* SPIs to be let pass from the next flush on */
	unsigned other_count;
};

/* ---- what is known --------------------------------------------------------------------------- */
void baton_guard_know(struct baton_guard *g, enum baton_guard_set set, uint32_t spi, bool known)
{
	uint32_t key = htonl(spi);

	baton_known_set(&g->sets[set], &key, known);
}

void baton_guard_know_address(struct baton_guard *g, const struct baton_addr *a, bool known)
{
	baton_known_set(&g->sets[a->family == AF_INET6 ? BATON_GUARD_TO6 : BATON_GUARD_TO4], a->ip,
			known);
}

unsigned baton_guard_known(const struct baton_guard *g, enum baton_guard_set set)
{
	return g->sets[set].count;
}

/* ---- the table ---------------------------------------------------------------------------------
 */
static void print_address(FILE *out, uint8_t family, const void *ip)
{
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(family, ip, text, sizeof(text)))
		fputs(text, out);
}

static void print_key(FILE *out, enum baton_guard_set set, const uint8_t *key)
{
	if (set == BATON_GUARD_TO4 || set == BATON_GUARD_TO6)
		print_address(out, set == BATON_GUARD_TO6 ? AF_INET6 : AF_INET, key);
	else
		fprintf(out, "0x%02x%02x%02x%02x", key[0], key[1], key[2], key[3]);
}

static void print_friends(FILE *out, const struct baton_guard *g, uint8_t family)
{
	for (unsigned i = 0; i < g->options.friend_count; i++)
		if (g->options.friends[i].family == family) {
			fprintf(out, "		%s saddr ", family == AF_INET6 ? "ip6" : "ip");
			print_address(out, family, g->options.friends[i].ip);
			fputs(" accept\n", out);
		}
}

/* What is sent to clients, whose addresses are in these ranges. A comparison costs less than a set.
 */
static void print_clients(FILE *out, const struct baton_guard *g)
{
	for (unsigned i = 0; i < g->options.client_count; i++) {
		const struct baton_net *n = &g->options.clients[i];
		bool six = n->addr.family == AF_INET6;

		fprintf(out, "		%s daddr ", six ? "ip6" : "ip");
		print_address(out, n->addr.family, n->addr.ip);
		fprintf(out, "/%u goto to_client%c\n", n->bits, six ? '6' : '4');
	}
}

/*
 * SPIs are looked at where packets for this machine are (input): what is forwarded, and what has
 * just been decrypted, does not come by. Clients' addresses have to be looked at before routing,
 * for there the SA is chosen.
 *
 * The offsets are bits in the UDP header and what follows: ESP in UDP begins at 64; IKE on port 500
 * has the responder's SPI at 64 + 64, on port 4500 after a marker of 32 more; then comes the type
 * of the exchange: one of those that make an IKE SA (RFC 7296, RFC 9242) is about none that is
 * stored. Lengths in octets.
 */
static void print_table(FILE *out, const struct baton_guard *g)
{
	fputs("add table inet " TABLE "\ndelete table inet " TABLE "\n"
	      "table inet " TABLE " {\n"
	      "	comment \"baton: packets of SAs that this gateway has not\"\n"
	      "	set known_esp { typeof esp spi; }\n	set known_ike { typeof esp spi; }\n"
	      "	set known_others { typeof esp spi; timeout " OTHERS_TIMEOUT "; }\n"
	      "	set known_to4 { typeof ip daddr; }\n	set known_to6 { typeof ip6 daddr; }\n"
	      "	chain unknown {\n"
	      "		esp spi @known_others accept\n"
	      "		udp dport 4500 @th,64,32 @known_others accept\n",
	      out);
	print_friends(out, g, AF_INET);
	print_friends(out, g, AF_INET6);
	fprintf(out, "		counter queue flags bypass num %u\n	}\n", g->options.queue);
	fputs("	chain in_udp {\n"
	      "		udp dport 4500 udp length > 12 @th,64,32 != 0 "
	      "@th,64,32 != @known_esp goto unknown\n"
	      "		udp dport 4500 udp length > 40 @th,64,32 0 @th,160,32 != 0 "
	      "@th,160,32 != @known_ike @th,240,8 != { 34, 35, 43 } goto unknown\n"
	      "		udp dport 500 udp length > 36 @th,128,32 != 0 "
	      "@th,128,32 != @known_ike @th,208,8 != { 34, 35, 43 } goto unknown\n"
	      "	}\n"
	      "	chain input {\n"
	      "		type filter hook input priority raw; policy accept;\n"
	      "		meta l4proto esp esp spi != @known_esp goto unknown\n"
	      "		udp dport { 500, 4500 } goto in_udp\n"
	      "	}\n",
	      out);
	if (g->options.client_count) {
		fprintf(out,
			"	chain to_other {\n"
			"		fib daddr type local accept\n"
			"		counter queue flags bypass num %u\n	}\n",
			g->options.queue);
		fputs("	chain to_client4 { ip daddr != @known_to4 goto to_other; }\n"
		      "	chain to_client6 { ip6 daddr != @known_to6 goto to_other; }\n"
		      "	chain prerouting {\n"
		      "		type filter hook prerouting priority raw; policy accept;\n",
		      out);
		print_clients(out, g);
		fputs("	}\n", out);
	}
	fputs("}\n", out);
}

static void print_all(FILE *out, const struct baton_known *k, enum baton_guard_set set)
{
	size_t count = 0;

	for (size_t i = 0; i < k->size; i++) {
		if (!k->states[i].used || !k->states[i].count)
			continue;
		if (count == CHUNK) {
			fputs(" }\n", out);
			count = 0;
		}
		if (count++)
			fputs(", ", out);
		else
			fprintf(out, "add element inet " TABLE " %s { ", sets[set].name);
		print_key(out, set, baton_known_key(k, i));
	}
	if (count)
		fputs(" }\n", out);
}

static void print_everything(FILE *out, const void *ctx)
{
	const struct baton_guard *g = ctx;

	print_table(out, g);
	for (enum baton_guard_set i = 0; i < BATON_GUARD_SETS; i++)
		print_all(out, &g->sets[i], i);
}

/* Everything, and the table itself. The slow way. */
static int make_table(struct baton_guard *g)
{
	int err = baton_nft_print(&g->nft, print_everything, g);

	if (err)
		return err;
	g->made = true;
	for (unsigned i = 0; i < BATON_GUARD_SETS; i++)
		baton_known_all_done(&g->sets[i]);
	return 0;
}

static int add_key(struct nftnl_set *set, const void *key, size_t len)
{
	struct nftnl_set_elem *e = nftnl_set_elem_alloc();

	if (!e)
		return -BATON_E_SYSTEM;
	if (nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, key, (uint32_t)len) < 0) {
		nftnl_set_elem_free(e);
		return -BATON_E_SYSTEM;
	}
	nftnl_set_elem_add(set, e);
	return 0;
}

/* One message with those of the changes that are to be added, or deleted. Its length, 0 when there
 * are none, or -BATON_E_SYSTEM (out of memory). */
static int write_elements(const struct baton_known *k, const char *name, size_t count, bool add,
			  char *buf, uint32_t seq)
{
	struct nftnl_set *set = nftnl_set_alloc();
	size_t n = 0;
	int len = -BATON_E_SYSTEM;

	if (!set || nftnl_set_set_str(set, NFTNL_SET_TABLE, TABLE) < 0 ||
	    nftnl_set_set_str(set, NFTNL_SET_NAME, name) < 0)
		goto out;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *key;
		const struct baton_known_state *s = baton_known_change(k, i, &key);

		if (s->told == (s->count > 0) || add != (s->count > 0))
			continue;
		if (add_key(set, key, k->key_len))
			goto out;
		n++;
	}
	len = 0;
	if (n) {
		struct nlmsghdr *h = nftnl_nlmsg_build_hdr(
			buf, add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, NFPROTO_INET,
			(uint16_t)(NLM_F_ACK | (add ? NLM_F_CREATE : 0)), seq);

		nftnl_set_elems_nlmsg_build_payload(h, set);
		len = (int)h->nlmsg_len;
	}
out:
	if (set)
		nftnl_set_free(set);
	return len;
}

/* Elements that go by themselves. */
static int tell_others(struct baton_guard *g)
{
	_Alignas(8) static char buf[64 * OTHERS + 1024];
	struct nftnl_set *set = nftnl_set_alloc();
	uint32_t first = g->nft.seq++, ack = g->nft.seq++;
	size_t len = nftnl_batch_begin(buf, first)->nlmsg_len;
	struct nlmsghdr *h;
	int err = -BATON_E_SYSTEM;

	if (!set || nftnl_set_set_str(set, NFTNL_SET_TABLE, TABLE) < 0 ||
	    nftnl_set_set_str(set, NFTNL_SET_NAME, "known_others") < 0)
		goto out;
	for (unsigned i = 0; i < g->other_count; i++) {
		uint32_t key = htonl(g->others[i]);

		if (add_key(set, &key, sizeof(key)))
			goto out;
	}
	h = nftnl_nlmsg_build_hdr(buf + len, NFT_MSG_NEWSETELEM, NFPROTO_INET,
				  NLM_F_ACK | NLM_F_CREATE, ack);
	nftnl_set_elems_nlmsg_build_payload(h, set);
	len += h->nlmsg_len;
	len += nftnl_batch_end(buf + len, g->nft.seq++)->nlmsg_len;
	err = baton_nft_run(&g->nft, buf, len, first, ack);
out:
	if (set)
		nftnl_set_free(set);
	g->other_count = 0; /* else their next packets ask again */
	return err;
}

void baton_guard_pass(struct baton_guard *g, uint32_t spi)
{
	if (g->other_count < OTHERS)
		g->others[g->other_count++] = spi;
}

/* Up to CHUNK changes of a set in one transaction. The fast way: packets of what has just become
 * known must not overtake for long those that are in the queue. */
static int tell_some(struct baton_guard *g, struct baton_known *k, const char *name)
{
	_Alignas(8) static char buf[2 * (64 * CHUNK + 1024)];
	size_t count = k->change_count < CHUNK ? k->change_count : CHUNK, len;
	uint32_t first = g->nft.seq++, ack = 0;

	len = nftnl_batch_begin(buf, first)->nlmsg_len;
	for (unsigned add = 0; add < 2; add++) {
		int n = write_elements(k, name, count, add, buf + len, g->nft.seq);

		if (n < 0)
			return n;
		if (n)
			ack = g->nft.seq++;
		len += (size_t)n;
	}
	len += nftnl_batch_end(buf + len, g->nft.seq++)->nlmsg_len;
	if (ack) {
		int err = baton_nft_run(&g->nft, buf, len, first, ack);

		if (err)
			return err;
	}
	baton_known_done(k, count);
	return 0;
}

bool baton_guard_changed(const struct baton_guard *g)
{
	bool changed = false;

	for (unsigned i = 0; i < BATON_GUARD_SETS; i++)
		changed |= g->sets[i].change_count > 0;
	return changed;
}

int baton_guard_flush(struct baton_guard *g, bool look, bool *remade)
{
	char comment[64];
	int err = 0;

	*remade = false;
	if (look && g->made) {
		err = baton_nft_comment(&g->nft, TABLE, comment, sizeof(comment));
		if (err && err != -BATON_E_NOT_FOUND)
			return err;
		*remade = err != 0;
		g->made = !err;
	}
	err = 0;
	for (unsigned i = 0; !err && g->made && i < BATON_GUARD_SETS; i++)
		while (!err && g->sets[i].change_count)
			err = tell_some(g, &g->sets[i], sets[i].name);
	if (!err && g->made && g->other_count)
		err = tell_others(g);
	if (err == -BATON_E_NOT_FOUND) { /* of the table, or of a set in it */
		*remade = true;
		g->made = false;
	} else if (err) {
		return err;
	}
	return g->made ? 0 : make_table(g);
}

const char *baton_guard_error(const struct baton_guard *g)
{
	return g->nft.error[0] ? g->nft.error : strerror(errno);
}

/* ---- the queue ---------------------------------------------------------------------------------
 */
static struct nlmsghdr *begin(void *buf, uint8_t type, uint16_t queue)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type);
	h->nlmsg_flags = NLM_F_REQUEST;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	g->res_id = htons(queue);
	return h;
}

/* Sends a configuration and waits for its acknowledgement. 0 or an errno. */
static int configure(struct baton_guard *g, struct nlmsghdr *h)
{
	_Alignas(8) char buf[4096];
	static uint32_t seq;

	h->nlmsg_flags |= NLM_F_ACK;
	h->nlmsg_seq = ++seq;
	if (mnl_socket_sendto(g->sock, h, h->nlmsg_len) < 0)
		return errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(g->sock, buf, sizeof(buf));
		const struct nlmsghdr *a = (const struct nlmsghdr *)buf;
		int left = (int)n;

		if (n < 0)
			return errno;
		for (; mnl_nlmsg_ok(a, left); a = mnl_nlmsg_next(a, &left))
			if (a->nlmsg_type == NLMSG_ERROR && a->nlmsg_seq == h->nlmsg_seq)
				return -((const struct nlmsgerr *)mnl_nlmsg_get_payload(a))->error;
	}
}

static int bind_queue(struct baton_guard *g, uint32_t length)
{
	_Alignas(8) char buf[256];
	struct nfqnl_msg_config_cmd cmd = {.command = NFQNL_CFG_CMD_BIND, .pf = htons(AF_UNSPEC)};
	struct nfqnl_msg_config_params params = {
		.copy_range = htonl(g->options.whole ? PACKET_MAX : BATON_PACKET_BYTES),
		.copy_mode = NFQNL_COPY_PACKET};
	struct nlmsghdr *h = begin(buf, NFQNL_MSG_CONFIG, g->options.queue);
	int err;

	mnl_attr_put(h, NFQA_CFG_CMD, sizeof(cmd), &cmd);
	err = configure(g, h);
	if (err)
		return err;
	h = begin(buf, NFQNL_MSG_CONFIG, g->options.queue);
	mnl_attr_put(h, NFQA_CFG_PARAMS, sizeof(params), &params);
	mnl_attr_put_u32(h, NFQA_CFG_QUEUE_MAXLEN, htonl(length));
	mnl_attr_put_u32(h, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_FAIL_OPEN));
	mnl_attr_put_u32(h, NFQA_CFG_MASK, htonl(NFQA_CFG_F_FAIL_OPEN));
	return configure(g, h);
}

int baton_guard_open(struct baton_guard **out, const struct baton_guard_options *options,
		     const char **why)
{
	struct baton_guard *g = calloc(1, sizeof(*g));
	int size = RECEIVE_BYTES, one = 1, err;
	bool remade;

	*out = NULL;
	*why = "out of memory";
	if (!g)
		return -BATON_E_SYSTEM;
	g->options = *options;
	for (unsigned i = 0; i < BATON_GUARD_SETS; i++)
		g->sets[i].key_len = sets[i].key_len;
	*why = "cannot open NFQUEUE (CAP_NET_ADMIN? kernel module nfnetlink_queue?)";
	g->sock = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!g->sock || mnl_socket_bind(g->sock, 0, MNL_SOCKET_AUTOPID))
		goto fail;
	if (setsockopt(mnl_socket_get_fd(g->sock), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(mnl_socket_get_fd(g->sock), SOL_SOCKET, SO_RCVBUF, &size,
				 sizeof(size));
	(void)setsockopt(mnl_socket_get_fd(g->sock), SOL_NETLINK, NETLINK_NO_ENOBUFS, &one,
			 sizeof(one));
	err = bind_queue(g, options->length);
	if (err == EBUSY || err == EPERM)
		*why = "the queue number is another program's, or CAP_NET_ADMIN is missing: see "
		       "/proc/net/netfilter/nfnetlink_queue, and queue of [miss] in batond.conf(5)";
	if (err) {
		errno = err;
		goto fail;
	}
	*why = "cannot make the nftables table baton-miss (kernel modules nf_tables, nft_queue, "
	       "nft_fib_inet?)";
	if (baton_guard_flush(g, false, &remade))
		goto fail;
	*out = g;
	return 0;
fail:
	err = errno;
	baton_guard_close(g);
	errno = err;
	return -BATON_E_SYSTEM;
}

void baton_guard_close(struct baton_guard *g)
{
	if (!g)
		return;
	if (g->made)
		(void)baton_nft_command(&g->nft, "delete table inet " TABLE);
	if (g->sock)
		mnl_socket_close(g->sock);
	baton_nft_close(&g->nft);
	for (unsigned i = 0; i < BATON_GUARD_SETS; i++)
		baton_known_free(&g->sets[i]);
	free(g);
}

int baton_guard_fd(const struct baton_guard *g)
{
	return mnl_socket_get_fd(g->sock);
}

struct queued {
	const struct nfqnl_msg_packet_hdr *head;
	const void *packet;
	size_t len;
	uint32_t indev;
};

static int take_attr(const struct nlattr *a, void *ctx)
{
	struct queued *q = ctx;

	if (mnl_attr_get_type(a) == NFQA_PACKET_HDR &&
	    mnl_attr_get_payload_len(a) >= sizeof(*q->head))
		q->head = mnl_attr_get_payload(a);
	if (mnl_attr_get_type(a) == NFQA_IFINDEX_INDEV && mnl_attr_validate(a, MNL_TYPE_U32) == 0)
		q->indev = ntohl(mnl_attr_get_u32(a));
	if (mnl_attr_get_type(a) == NFQA_PAYLOAD) {
		q->packet = mnl_attr_get_payload(a);
		q->len = mnl_attr_get_payload_len(a);
	}
	return MNL_CB_OK;
}

unsigned baton_guard_read(struct baton_guard *g, baton_guard_fn *fn, void *ctx)
{
	_Alignas(8) static char buf[PACKET_MAX + 8192]; /* single-threaded */
	unsigned count = 0;

	for (unsigned budget = BUDGET; budget; budget--) {
		ssize_t n = recv(mnl_socket_get_fd(g->sock), buf, sizeof(buf), MSG_DONTWAIT);
		const struct nlmsghdr *h = (const struct nlmsghdr *)buf;
		int left = (int)n;

		if (n < 0)
			break;
		for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
			struct queued q = {0};
			uint32_t id;

			if (h->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET) ||
			    mnl_attr_parse(h, sizeof(struct nfgenmsg), take_attr, &q) < 0 ||
			    !q.head)
				continue;
			memcpy(&id, &q.head->packet_id, sizeof(id));
			fn(ctx, ntohl(id), q.packet, q.len, q.indev);
			count++;
		}
	}
	return count;
}

void baton_guard_verdict(struct baton_guard *g, uint32_t id, enum baton_guard_verdict verdict)
{
	static const uint32_t words[] = {[BATON_GUARD_ACCEPT] = NF_ACCEPT,
					 [BATON_GUARD_DROP] = NF_DROP,
					 [BATON_GUARD_AGAIN] = NF_REPEAT};
	_Alignas(8) char buf[256];
	struct nfqnl_msg_verdict_hdr v = {.verdict = htonl(words[verdict]), .id = htonl(id)};
	struct nlmsghdr *h = begin(buf, NFQNL_MSG_VERDICT, g->options.queue);

	mnl_attr_put(h, NFQA_VERDICT_HDR, sizeof(v), &v);
	/* A packet that went away with its interface is no matter. */
	(void)mnl_socket_sendto(g->sock, h, h->nlmsg_len);
}
