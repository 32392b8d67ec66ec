/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Which virtual addresses are in use at other gateways: batond knows, or asks.
 */
#ifndef BATON_ELSEWHERE_H_
#define BATON_ELSEWHERE_H_

#include "baton_link.h"

#include <networking/host.h>

/**
 * Has a client of another gateway this address? Waits for batond, for half a second at most;
 * without an answer it has not.
 */
bool baton_is_elsewhere(host_t *vip);

/**
 * batond's answer.
 */
void baton_elsewhere_answer(const struct baton_message *message);

/**
 * Set up, clean up.
 *
 * @param link			to batond
 */
void baton_elsewhere_init(baton_link_t *link);
void baton_elsewhere_deinit(void);

#endif /** BATON_ELSEWHERE_H_ */
