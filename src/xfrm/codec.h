/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XFRM netlink messages to and from byte buffers. No sockets here, so that
 * every length check can be tested without a kernel.
 *
 * A message from the kernel is trusted no more than one from the network: its
 * fixed part and each attribute must be as long as what is read from them.
 */
#ifndef BATON_XFRM_CODEC_H
#define BATON_XFRM_CODEC_H

#include "xfrm/xfrm.h"
#include <linux/netlink.h>
#include <stddef.h>

#define BATON_XFRM_WORDS_MAX 128 /* of a replay bitmap: XFRMA_REPLAY_ESN_MAX is 4096 bits */
#define BATON_XFRM_REQUEST_MAX                                                                     \
	704 /* bytes of the longest request: NEWAE with a full bitmap and a mark */

/* Netlink's alignment, without the sign change of MNL_ALIGN(). */
static inline size_t baton_nl_align(size_t len)
{
	return (len + NLMSG_ALIGNTO - 1) / NLMSG_ALIGNTO * NLMSG_ALIGNTO;
}

/* The kernel's own values that mean "as good as never"; 0 would mean "always" or a timer that is
 * never started. */
#define BATON_XFRM_PACKETS_NEVER UINT32_MAX
#define BATON_XFRM_JIFFIES_NEVER 0x3fffffffu

/* Replay state in the form the SA has it. The kernel takes nothing else back. */
struct baton_xfrm_replay {
	bool bitmap;	 /* XFRMA_REPLAY_ESN_VAL (with or without ESN), else XFRMA_REPLAY_VAL */
	uint32_t words;	 /* of bmp; 1 in the short form */
	uint32_t window; /* as inside XFRMA_REPLAY_ESN_VAL */
	uint64_t out_seq, in_seq;
	uint32_t bmp[BATON_XFRM_WORDS_MAX];
};

/* What a NEWSA, UPDSA or NEWAE says. */
struct baton_xfrm_sa {
	struct baton_sa_state state;
	struct baton_xfrm_replay replay;
};

/* What woke the kernel to send a NEWAE. */
enum baton_xfrm_cause { BATON_XFRM_BY_OTHER, BATON_XFRM_BY_PACKETS, BATON_XFRM_BY_TIMER };

/* ---- requests: each writes one message of at most BATON_XFRM_REQUEST_MAX bytes at buf (aligned to
 * 4) and returns its length. */
size_t baton_xfrm_put_get(void *buf, uint32_t seq, const struct baton_sa_id *id);
size_t baton_xfrm_put_dump(void *buf, uint32_t seq);
size_t baton_xfrm_put_counters(void *buf, uint32_t seq, const struct baton_sa_id *id,
			       const struct baton_xfrm_replay *r);
/* packets and jiffies as the kernel takes them: see the two _NEVER above. */
size_t baton_xfrm_put_thresholds(void *buf, uint32_t seq, const struct baton_sa_id *id,
				 uint32_t packets, uint32_t jiffies);
size_t baton_xfrm_put_delete(void *buf, uint32_t seq, const struct baton_sa_id *id);

/* Is h, of which left bytes are there, whole? Like mnl_nlmsg_ok(), which lets a length beyond 2^31
 * pass for a negative one. */
bool baton_xfrm_message_ok(const struct nlmsghdr *h, int left);

/* ---- answers and events. h was checked with baton_xfrm_message_ok(). 0, -BATON_E_TRUNCATED,
 * -BATON_E_LENGTH, or -BATON_E_VALUE for an SA that is neither ESP nor AH over IPv4 or IPv6 (IPComp
 * has SAs too): skip it. */
int baton_xfrm_parse_sa(const struct nlmsghdr *h, struct baton_xfrm_sa *sa);
int baton_xfrm_parse_ae(const struct nlmsghdr *h, struct baton_xfrm_sa *sa,
			enum baton_xfrm_cause *cause);
/* Any message of the event groups. As above, or -BATON_E_EXCHANGE for one that concerns nobody (a
 * soft expiry). */
int baton_xfrm_parse_event(const struct nlmsghdr *h, struct baton_xfrm_event *e,
			   enum baton_xfrm_cause *cause);
/* The errno (0 = ACK) of an NLMSG_ERROR. 0 or -BATON_E_TRUNCATED. */
int baton_xfrm_parse_error(const struct nlmsghdr *h, int *error);

/* ---- arithmetic */
/* Raises r to what set wants; neither number is ever lowered. True when that changes anything.
 * Without ESN a number beyond 32 bits becomes the last one: such an SA can send (accept) nothing
 * more, which is right, for its numbers are used up. */
bool baton_xfrm_raise(struct baton_xfrm_replay *r, bool esn, const struct baton_sa_set *set);
/* XFRMA_ETIMER_THRESH is in ticks of the kernel's timer. tick_ns: length of one. Rounded down: an
 * age is a promise. */
uint32_t baton_xfrm_ticks(uint32_t age_ms, uint64_t tick_ns);

#endif
