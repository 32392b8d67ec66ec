/* SPDX-License-Identifier: BSD-2-Clause */
#include "xfrm/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define BUFFER_BYTES (8 << 20)
#define PATIENCE_S 5 /* answers are there when send() returns; a wait is a fault */

static void set_options(int fd, bool blocking)
{
	struct timeval patience = {.tv_sec = PATIENCE_S};
	int size = BUFFER_BYTES, one = 1;

	/* FORCE needs CAP_NET_ADMIN, as XFRM does; without it the system's limit has to do. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* Errors need not quote the whole request (Linux 4.3). */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	if (blocking)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

struct mnl_socket *baton_nl_open(const int *groups, bool blocking)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_XFRM,
						SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK));
	int saved;

	if (!s)
		return NULL;
	set_options(mnl_socket_get_fd(s), blocking);
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
		goto fail;
	for (; *groups; groups++) {
		int group = *groups;

		if (mnl_socket_setsockopt(s, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
			goto fail;
	}
	return s;
fail:
	saved = errno;
	mnl_socket_close(s);
	errno = saved;
	return NULL;
}

long baton_nl_read(struct mnl_socket *sock, void *buf, size_t size)
{
	struct sockaddr_nl from;
	struct iovec iov = {buf, size};
	struct msghdr m = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t n;

	for (;;) {
		n = recvmsg(mnl_socket_get_fd(sock), &m, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		if (m.msg_flags & MSG_TRUNC) {
			errno = EMSGSIZE;
			return -1;
		}
		/* Another program with CAP_NET_ADMIN could write to us; only the kernel has port 0.
		 */
		if (m.msg_namelen == sizeof(from) && from.nl_pid == 0 && n > 0)
			return n;
		m.msg_namelen = sizeof(from);
	}
}

static int ready(struct baton_nl *n)
{
	static const int none[] = {0};

	if (!n->sock) {
		n->sock = baton_nl_open(none, true);
		if (!n->sock)
			return -BATON_E_SYSTEM;
		n->portid = mnl_socket_get_portid(n->sock);
	}
	return 0;
}

void baton_nl_close(struct baton_nl *n)
{
	if (n->sock)
		mnl_socket_close(n->sock);
	n->sock = NULL;
	baton_wipe(n->in, sizeof(n->in));
}

static int fail(struct baton_nl *n)
{
	int saved = errno;

	baton_nl_close(n);
	errno = saved;
	return -BATON_E_SYSTEM;
}

void *baton_nl_slot(struct baton_nl *n, uint32_t *seq)
{
	*seq = n->next_seq + n->count;
	return n->out + n->len;
}

void baton_nl_added(struct baton_nl *n, size_t len)
{
	n->len += baton_nl_align(len);
	n->count++;
}

/* Starts the batch on its way. The port in each header makes the kernel name us in the event that a
 * change causes. */
static int start(struct baton_nl *n, uint32_t *first_seq)
{
	size_t len = n->len, at = 0;

	*first_seq = n->next_seq;
	n->next_seq += n->count;
	n->count = 0;
	n->len = 0;
	if (ready(n))
		return -BATON_E_SYSTEM;
	while (at < len) {
		struct nlmsghdr *h = (struct nlmsghdr *)(n->out + at);

		h->nlmsg_pid = n->portid;
		at += baton_nl_align(h->nlmsg_len);
	}
	while (mnl_socket_sendto(n->sock, n->out, len) < 0)
		if (errno != EINTR)
			return fail(n);
	return 0;
}

static long read_answers(struct baton_nl *n)
{
	long len = baton_nl_read(n->sock, n->in, sizeof(n->in));

	if (len == 0)
		errno = ETIMEDOUT;
	return len;
}

int baton_nl_run(struct baton_nl *n, baton_nl_answer *fn, void *ctx)
{
	unsigned count = n->count, missing = count;
	bool answered[BATON_XFRM_BATCH] = {false};
	uint32_t first;

	if (!count)
		return 0;
	if (start(n, &first))
		return -BATON_E_SYSTEM;
	while (missing) {
		long got = read_answers(n);
		int left = (int)got;

		if (got <= 0)
			return fail(n);
		for (const struct nlmsghdr *h = (const struct nlmsghdr *)n->in;
		     baton_xfrm_message_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
			uint32_t index = h->nlmsg_seq - first;

			if (index >= count || answered[index])
				continue;
			answered[index] = true;
			missing--;
			fn(ctx, index, h);
		}
		baton_wipe(n->in, (size_t)got);
	}
	return 0;
}

int baton_nl_dump(struct baton_nl *n, int (*fn)(void *ctx, const struct nlmsghdr *h), void *ctx)
{
	uint32_t first;
	void *slot = baton_nl_slot(n, &first);
	bool done = false;
	int err = 0;

	baton_nl_added(n, baton_xfrm_put_dump(slot, first));
	if (start(n, &first))
		return -BATON_E_SYSTEM;
	while (!done && !err) {
		long got = read_answers(n);
		int left = (int)got;

		if (got <= 0)
			return fail(n);
		for (const struct nlmsghdr *h = (const struct nlmsghdr *)n->in;
		     !done && !err && baton_xfrm_message_ok(h, left);
		     h = mnl_nlmsg_next(h, &left)) {
			if (h->nlmsg_seq != first)
				continue;
			if (h->nlmsg_type == NLMSG_DONE) {
				done = true;
			} else if (h->nlmsg_type == NLMSG_ERROR) {
				if (baton_xfrm_parse_error(h, &errno))
					errno = EBADMSG;
				err = -BATON_E_SYSTEM;
			} else {
				err = fn(ctx, h);
			}
		}
		baton_wipe(n->in, (size_t)got);
	}
	/* The rest of a dump that was left is not to be met by the next request. */
	return err ? (fail(n), err) : 0;
}
