/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/ipsec_socket.h"

#include <errno.h>
#include <linux/in6.h>
#include <linux/ipsec.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IP_XFRM_POLICY
#define IP_XFRM_POLICY 17 /* linux/in.h, which does not go together with netinet/in.h */
#endif
#ifndef IPV6_XFRM_POLICY
#define IPV6_XFRM_POLICY 35
#endif
#define BUFFER_BYTES (8 << 20)

/* What the kernel expects: one policy, and the templates of its one bundle after it. */
struct socket_policy {
	struct xfrm_userpolicy_info info;
	struct xfrm_user_tmpl tmpl;
};

static int require_esp(int fd, int family, uint32_t reqid, uint8_t dir)
{
	struct socket_policy p;
	bool v6 = family == AF_INET6;

	memset(&p, 0, sizeof(p));
	p.info.sel.family = (uint16_t)family;
	p.info.lft.soft_byte_limit = p.info.lft.hard_byte_limit = XFRM_INF;
	p.info.lft.soft_packet_limit = p.info.lft.hard_packet_limit = XFRM_INF;
	p.info.action = XFRM_POLICY_ALLOW;
	p.info.dir = dir;
	p.tmpl.family = (uint16_t)family;
	p.tmpl.id.proto = IPPROTO_ESP;
	p.tmpl.reqid = reqid;
	p.tmpl.mode = XFRM_MODE_TRANSPORT;
	p.tmpl.share = 0;
	p.tmpl.optional = 0;
	p.tmpl.aalgos = p.tmpl.ealgos = p.tmpl.calgos = UINT32_MAX;
	return setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
			  v6 ? IPV6_XFRM_POLICY : IP_XFRM_POLICY, &p, sizeof(p));
}

static int bind_to(int fd, const struct baton_addr *a)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(a->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};

	if (a->family == AF_INET) {
		memcpy(&v4.sin_addr, a->ip, sizeof(v4.sin_addr));
		return bind(fd, (struct sockaddr *)&v4, sizeof(v4));
	}
	memcpy(&v6.sin6_addr, a->ip, sizeof(v6.sin6_addr));
	return bind(fd, (struct sockaddr *)&v6, sizeof(v6));
}

int baton_ipsec_socket_open(const struct baton_addr *listen, uint32_t reqid, bool require, int *fd,
			    const char **why)
{
	int one = 1, bytes = BUFFER_BYTES, saved, err = -BATON_E_SYSTEM;

	*fd = socket(listen->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	*why = "cannot make the cluster socket";
	if (*fd < 0)
		return -BATON_E_SYSTEM;
	if (listen->family == AF_INET6 &&
	    setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)))
		goto fail;
	/* Before bind(): there is no moment at which the socket takes anything in clear. */
	*why = "cannot put an IPsec policy on the cluster socket (CAP_NET_ADMIN and a kernel with "
	       "XFRM are needed); nothing will be sent in clear";
	if (require && (require_esp(*fd, listen->family, reqid, XFRM_POLICY_OUT) ||
			require_esp(*fd, listen->family, reqid, XFRM_POLICY_IN))) {
		err = -BATON_E_CONFIG;
		goto fail;
	}
	/* Best effort: FORCE needs the capability we have anyway; a smaller buffer loses datagrams,
	 * no state. */
	setsockopt(*fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	setsockopt(*fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	*why = "cannot bind the address of [cluster] listen";
	if (bind_to(*fd, listen))
		goto fail;
	return 0;
fail:
	saved = errno;
	close(*fd);
	*fd = -1;
	errno = saved;
	return err;
}
