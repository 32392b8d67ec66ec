/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The unix socket of the IKE daemon's plugin: SOCK_SEQPACKET, one message of
 * docs/protocol.md per packet. One plugin at a time: a new connection replaces
 * the old one (charon was restarted before we saw the old one end).
 */
#ifndef BATON_DAEMON_CHARON_LINK_H
#define BATON_DAEMON_CHARON_LINK_H

#include "daemon/loop.h"
#include <baton/message.h>
#include <sys/queue.h>

struct baton_packet;
struct baton_charon_link {
	struct baton_loop *loop;
	struct baton_source listener, conn;
	bool connected;
	uint64_t connected_ms;
	uint32_t next_msgid;
	STAILQ_HEAD(, baton_packet) out; /* waits for the socket to take it */
	unsigned out_count;
	void (*opened)(void *ctx);
	void (*closed)(void *ctx);
	void (*message)(void *ctx, const void *buf, size_t len);
	void *ctx;
	char path[108];
	uint8_t buf[BATON_MESSAGE_MAX];
};

int baton_charon_link_open(struct baton_charon_link *l, struct baton_loop *loop, const char *path);
void baton_charon_link_close(struct baton_charon_link *l);
/* Queues a packet when the socket does not take it at once. 0, -BATON_E_UNREACHABLE (no plugin) or
 * -BATON_E_SYSTEM. */
int baton_charon_link_send(struct baton_charon_link *l, const void *buf, size_t len);

#endif
