/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * The addresses at which a MOBIKE peer is told that it may reach the gateway.
 */
#ifndef BATON_ANNOUNCE_H_
#define BATON_ANNOUNCE_H_

#include <encoding/message.h>

/**
 * Replace the list of additional addresses (RFC 4555 3.4) of a message about to be sent,
 * if it has one, by those of strongswan.conf (addresses). charon lists every address of
 * its machine, and a client that looks for a path may move to one of those: it dies with
 * the machine, and the client with it.
 */
void baton_announce(message_t *message);

#endif /** BATON_ANNOUNCE_H_ */
