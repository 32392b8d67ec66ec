/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * The plugin at a client (setting `client`): it follows a gateway that has taken over to its address,
 * when it has made sure of it (docs/protocol.md, 5.4.2). There is no batond beside it.
 */
#ifndef BATON_CLIENT_H_
#define BATON_CLIENT_H_

#include <bus/listeners/listener.h>

typedef struct baton_client_t baton_client_t;

struct baton_client_t {

	/**
	 * Implements listener_t
	 */
	listener_t listener;

	/**
	 * Destroy it
	 */
	void (*destroy)(baton_client_t *this);
};

/**
 * Create it
 */
baton_client_t *baton_client_create(void);

#endif /** BATON_CLIENT_H_ */
