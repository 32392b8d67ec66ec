/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BATON_DAEMON_UNIX_SOCKET_H
#define BATON_DAEMON_UNIX_SOCKET_H

/* Listens at path, mode 0600. A socket file that nobody serves any more is replaced. Returns the
 * descriptor or -BATON_E_SYSTEM (errno EADDRINUSE: another batond serves it). type is
 * SOCK_SEQPACKET or SOCK_STREAM. */
int baton_unix_listen(const char *path, int type);

#endif
