/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * The unix socket to batond (SOCK_SEQPACKET, one message per packet). batond
 * listens; we connect, and connect again for ever. Nothing here ever blocks.
 */
#ifndef BATON_LINK_H_
#define BATON_LINK_H_

#include <library.h>
#include <baton/message.h>

typedef struct baton_link_t baton_link_t;
typedef struct baton_link_cbs_t baton_link_cbs_t;

/**
 * What the link tells.
 */
struct baton_link_cbs_t {

	/**
	 * Connected. Runs before anybody else can send: what is sent here is first.
	 */
	void (*connected)(void *data);

	/**
	 * The connection is gone, with what was under way.
	 */
	void (*disconnected)(void *data);

	/**
	 * A message was received. One at a time, not to be blocked for long.
	 */
	void (*received)(void *data, const struct baton_message *message);

	/** user data */
	void *data;
};

struct baton_link_t {

	/**
	 * Begin to connect, once there are threads.
	 */
	void (*start)(baton_link_t *this);

	/**
	 * Send a message, or queue it if the socket is full. May be called with locks
	 * held.
	 *
	 * @param buf		message, copied if queued; with keys, so wiped afterwards
	 * @param len		its length, negative as from baton_build_end() fails
	 * @return			FALSE if there is no connection
	 */
	bool (*send)(baton_link_t *this, const void *buf, int len);

	/**
	 * Get a header for a request of ours, with a fresh message ID.
	 */
	struct baton_header (*request)(baton_link_t *this, enum baton_exchange_type exchange);

	/**
	 * Answer a request: with a status for each item, or an error for the whole.
	 *
	 * @param request	header of the request
	 * @param statuses	statuses, NULL for an error
	 * @param count		their number, or the error
	 */
	void (*respond)(baton_link_t *this, const struct baton_header *request,
					const struct baton_status *statuses, unsigned count);

	/**
	 * Disconnect and destroy.
	 */
	void (*destroy)(baton_link_t *this);
};

/**
 * Create a link.
 *
 * @param path		path of batond's socket
 * @param cbs		callbacks, copied
 */
baton_link_t *baton_link_create(const char *path, const baton_link_cbs_t *cbs);

#endif /** BATON_LINK_H_ */
