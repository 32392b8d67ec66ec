/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/charon_link.h"

#include "daemon/log.h"
#include "daemon/unix_socket.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUT_MAX 4096u /* packets waiting for the plugin; beyond that it is taken for dead */

struct baton_packet {
	STAILQ_ENTRY(baton_packet) entry;
	size_t len;
	uint8_t bytes[];
};

static void drop_packets(struct baton_charon_link *l)
{
	struct baton_packet *p;

	while ((p = STAILQ_FIRST(&l->out))) {
		STAILQ_REMOVE_HEAD(&l->out, entry);
		baton_wipe(p->bytes, p->len);
		free(p);
	}
	l->out_count = 0;
}

static void disconnect(struct baton_charon_link *l)
{
	if (!l->connected)
		return;
	baton_loop_remove(l->loop, &l->conn);
	close(l->conn.fd);
	l->conn.fd = -1;
	l->connected = false;
	drop_packets(l);
	l->closed(l->ctx);
}

static void flush(struct baton_charon_link *l)
{
	struct baton_packet *p;

	while ((p = STAILQ_FIRST(&l->out))) {
		if (send(l->conn.fd, p->bytes, p->len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
			if (errno != EAGAIN)
				disconnect(l);
			return;
		}
		STAILQ_REMOVE_HEAD(&l->out, entry);
		l->out_count--;
		baton_wipe(p->bytes, p->len);
		free(p);
	}
	baton_loop_change(l->loop, &l->conn, EPOLLIN);
}

static void conn_ready(struct baton_source *s, uint32_t events)
{
	struct baton_charon_link *l = s->ctx;

	if (events & EPOLLOUT)
		flush(l);
	while (l->connected && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
		ssize_t n = recv(l->conn.fd, l->buf, sizeof(l->buf), MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			disconnect(l);
			return;
		}
		l->message(l->ctx, l->buf, (size_t)n);
		baton_wipe(l->buf, (size_t)n);
	}
}

static void accept_ready(struct baton_source *s, uint32_t events)
{
	struct baton_charon_link *l = s->ctx;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int size = 4 << 20;

	(void)events;
	if (fd < 0)
		return;
	disconnect(l);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	l->conn.fd = fd;
	l->conn.ready = conn_ready;
	l->conn.ctx = l;
	if (baton_loop_add(l->loop, &l->conn, EPOLLIN)) {
		close(fd);
		l->conn.fd = -1;
		return;
	}
	l->connected = true;
	l->connected_ms = baton_now_ms();
	l->opened(l->ctx);
}

int baton_charon_link_open(struct baton_charon_link *l, struct baton_loop *loop, const char *path)
{
	int fd = baton_unix_listen(path, SOCK_SEQPACKET);

	if (fd < 0)
		return fd;
	strncpy(l->path, path, sizeof(l->path) - 1);
	l->loop = loop;
	l->conn.fd = -1;
	STAILQ_INIT(&l->out);
	l->listener = (struct baton_source){.fd = fd, .ready = accept_ready, .ctx = l};
	return baton_loop_add(loop, &l->listener, EPOLLIN);
}

void baton_charon_link_close(struct baton_charon_link *l)
{
	if (!l->loop)
		return;
	disconnect(l);
	baton_loop_remove(l->loop, &l->listener);
	close(l->listener.fd);
	unlink(l->path);
}

int baton_charon_link_send(struct baton_charon_link *l, const void *buf, size_t len)
{
	struct baton_packet *p;

	if (!l->connected)
		return -BATON_E_UNREACHABLE;
	if (STAILQ_EMPTY(&l->out) &&
	    send(l->conn.fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len)
		return 0;
	if (l->out_count >= OUT_MAX) {
		baton_log(BATON_LOG_ERROR, "charon_stuck", "waiting=%u action=disconnect",
			  l->out_count);
		disconnect(l);
		return -BATON_E_UNREACHABLE;
	}
	p = malloc(sizeof(*p) + len);
	if (!p)
		return -BATON_E_SYSTEM;
	p->len = len;
	memcpy(p->bytes, buf, len);
	STAILQ_INSERT_TAIL(&l->out, p, entry);
	l->out_count++;
	baton_loop_change(l->loop, &l->conn, EPOLLIN | EPOLLOUT);
	return 0;
}
