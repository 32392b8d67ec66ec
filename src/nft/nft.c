/* SPDX-License-Identifier: BSD-2-Clause */
#include "nft/nft.h"

#include <arpa/inet.h>
#include <baton/error.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/object.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define BUFFER_BYTES (4 << 20)
#define PATIENCE_S 5
#define ANSWER_MAX 32768u

/* ---- the socket -------------------------------------------------------------------------- */
int baton_nft_open(struct baton_nft *k)
{
	struct timeval patience = {.tv_sec = PATIENCE_S};
	int size = BUFFER_BYTES, one = 1, saved, fd;

	if (k->sock)
		return 0;
	k->sock = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!k->sock)
		return -BATON_E_SYSTEM;
	fd = mnl_socket_get_fd(k->sock);
	/* A batch is sent in one piece. Without the privilege the system's limit has to do. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (mnl_socket_bind(k->sock, 0, MNL_SOCKET_AUTOPID) == 0)
		return 0;
	saved = errno;
	baton_nft_close(k);
	errno = saved;
	return -BATON_E_SYSTEM;
}

void baton_nft_close(struct baton_nft *k)
{
	if (k->sock)
		mnl_socket_close(k->sock);
	k->sock = NULL;
}

/* Ends what went wrong. ENOENT is an answer; all else is the system's. */
static int fail(struct baton_nft *k, int error)
{
	baton_nft_close(k);
	if (error == ENOENT)
		return -BATON_E_NOT_FOUND;
	snprintf(k->error, sizeof(k->error), "%s", strerror(error));
	errno = error;
	return -BATON_E_SYSTEM;
}

static int send_all(struct baton_nft *k, const void *buf, size_t len)
{
	k->error[0] = '\0';
	if (baton_nft_open(k))
		return fail(k, errno);
	while (mnl_socket_sendto(k->sock, buf, len) < 0)
		if (errno != EINTR)
			return fail(k, errno);
	return 0;
}

/* One read; the kernel's answers only. Bytes, or -1 with errno. */
static ssize_t read_some(struct baton_nft *k, void *buf)
{
	struct sockaddr_nl from;
	socklen_t from_len = sizeof(from);
	ssize_t n;

	do {
		n = recvfrom(mnl_socket_get_fd(k->sock), buf, ANSWER_MAX, 0,
			     (struct sockaddr *)&from, &from_len);
	} while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	if (n < 0 && errno == EAGAIN)
		errno = ETIMEDOUT;
	return n;
}

/* ---- transactions ------------------------------------------------------------------------ */
/* The errno of an NLMSG_ERROR, 0 for an acknowledgement. */
static int error_of(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

	if (mnl_nlmsg_get_payload_len(h) < sizeof(e->error) || e->error > 0)
		return EBADMSG;
	return -e->error;
}

/* Errors come in the order of the messages, and the acknowledgement last; of a commit that failed
 * there is one error, with the number of the batch's head, and it comes first. */
int baton_nft_run(struct baton_nft *k, const void *batch, size_t len, uint32_t first, uint32_t ack)
{
	_Alignas(8) char buf[ANSWER_MAX];

	if (send_all(k, batch, len))
		return -BATON_E_SYSTEM;
	for (;;) {
		ssize_t got = read_some(k, buf);
		int left = (int)got;

		if (got < 0)
			return fail(k, errno);
		for (const struct nlmsghdr *h = (const struct nlmsghdr *)buf; mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left)) {
			int error;

			if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq - first > ack - first)
				continue;
			error = error_of(h);
			if (error)
				return fail(k, error);
			if (h->nlmsg_seq == ack)
				return 0;
		}
	}
}

/* ---- questions --------------------------------------------------------------------------- */
/* Sends request, and calls fn with the answer, which lives as long as the call. */
static int ask(struct baton_nft *k, const struct nlmsghdr *request,
	       int (*fn)(const struct nlmsghdr *answer, void *ctx), void *ctx)
{
	_Alignas(8) char buf[ANSWER_MAX];

	if (send_all(k, request, request->nlmsg_len))
		return -BATON_E_SYSTEM;
	for (;;) {
		ssize_t got = read_some(k, buf);
		int left = (int)got;

		if (got < 0)
			return fail(k, errno);
		for (const struct nlmsghdr *h = (const struct nlmsghdr *)buf; mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left)) {
			int error;

			if (h->nlmsg_seq != request->nlmsg_seq)
				continue;
			if (h->nlmsg_type != NLMSG_ERROR)
				return fn(h, ctx) ? fail(k, EBADMSG) : 0;
			error = error_of(h);
			return fail(k, error ? error : EBADMSG);
		}
	}
}

struct comment {
	char *text;
	size_t size;
};

static int take_comment(const struct nftnl_udata *attr, void *ctx)
{
	struct comment *c = ctx;

	if (nftnl_udata_type(attr) == NFTNL_UDATA_TABLE_COMMENT)
		snprintf(c->text, c->size, "%.*s", (int)nftnl_udata_len(attr),
			 (const char *)nftnl_udata_get(attr));
	return 0;
}

static int take_table(const struct nlmsghdr *answer, void *ctx)
{
	struct nftnl_table *t = nftnl_table_alloc();
	uint32_t len = 0;
	const void *data;

	if (!t)
		return -1;
	if (nftnl_table_nlmsg_parse(answer, t)) {
		nftnl_table_free(t);
		return -1;
	}
	data = nftnl_table_get_data(t, NFTNL_TABLE_USERDATA, &len);
	if (data)
		(void)nftnl_udata_parse(data, len, take_comment, ctx);
	nftnl_table_free(t);
	return 0;
}

int baton_nft_comment(struct baton_nft *k, const char *table, char *comment, size_t size)
{
	_Alignas(8) char buf[256];
	struct comment c = {comment, size};
	struct nlmsghdr *h = nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETTABLE, NFPROTO_INET, 0,
						   k->seq++);

	comment[0] = '\0';
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, table);
	return ask(k, h, take_table, &c);
}

struct counter {
	uint64_t packets, bytes;
};

static int take_counter(const struct nlmsghdr *answer, void *ctx)
{
	struct counter *c = ctx;
	struct nftnl_obj *o = nftnl_obj_alloc();
	int err = -1;

	if (o && !nftnl_obj_nlmsg_parse(answer, o) && nftnl_obj_is_set(o, NFTNL_OBJ_CTR_PKTS)) {
		c->packets = nftnl_obj_get_u64(o, NFTNL_OBJ_CTR_PKTS);
		c->bytes = nftnl_obj_get_u64(o, NFTNL_OBJ_CTR_BYTES);
		err = 0;
	}
	if (o)
		nftnl_obj_free(o);
	return err;
}

int baton_nft_counter(struct baton_nft *k, const char *table, const char *counter,
		      uint64_t *packets, uint64_t *bytes)
{
	_Alignas(8) char buf[256];
	struct counter c = {0};
	int err;
	struct nlmsghdr *h = nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETOBJ, NFPROTO_INET, 0, k->seq++);

	mnl_attr_put_strz(h, NFTA_OBJ_TABLE, table);
	mnl_attr_put_strz(h, NFTA_OBJ_NAME, counter);
	mnl_attr_put_u32(h, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	err = ask(k, h, take_counter, &c);
	if (!err) {
		*packets = c.packets;
		*bytes = c.bytes;
	}
	return err;
}

/* ---- commands of nft --------------------------------------------------------------------- */
static void first_line(struct baton_nft *k, const char *text)
{
	snprintf(k->error, sizeof(k->error), "%.*s", (int)strcspn(text, "\n"), text);
}

int baton_nft_command(struct baton_nft *k, const char *text)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	const char *said;
	int err = -1;

	k->error[0] = '\0';
	if (!nft) {
		errno = ENOMEM;
		return -BATON_E_SYSTEM;
	}
	/* It would write to our standard error otherwise. */
	if (nft_ctx_buffer_output(nft) == 0 && nft_ctx_buffer_error(nft) == 0)
		err = nft_run_cmd_from_buffer(nft, text);
	if (err) {
		said = nft_ctx_get_error_buffer(nft);
		first_line(k, said ? said : "");
	}
	nft_ctx_free(nft);
	if (!err)
		return 0;
	errno = EPROTO;
	return -BATON_E_SYSTEM;
}

int baton_nft_print(struct baton_nft *k, void (*print)(FILE *out, const void *ctx), const void *ctx)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int err;

	if (!out)
		return -BATON_E_SYSTEM;
	print(out, ctx);
	err = fclose(out) ? -BATON_E_SYSTEM : baton_nft_command(k, text);
	free(text);
	return err;
}
