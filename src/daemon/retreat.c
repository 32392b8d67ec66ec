/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A former owner stops at once and silently (invariant 3): its SAs leave the
 * kernel now, by our own hand, so that it holds with the IKE daemon stuck;
 * then the plugin takes the IKE SA out of the IKE daemon without a Delete to
 * the peer.
 *
 * What the kernel knows last is read first: a claim that reaches a living
 * owner is answered with its latest numbers. Where packets for SAs that are not
 * here are queued (miss.c), they are from before the numbers are read: then
 * nothing more is accepted, and the number that was is In Limit as well, so that
 * the new owner accepts the packets in the queue when they are sent on to it.
 * A packet that another processor has had in its hands all the while is an
 * exception; should somebody repeat just that one, it is accepted twice.
 */
#include "daemon/node.h"

#include <inttypes.h>

static void read_last(struct baton_node *n, struct baton_record *r, bool shut_out)
{
	for (unsigned i = 0; i < r->mark_count; i++) {
		struct baton_mark *m = &r->marks[i];
		struct baton_sa_id out = baton_gateway_sa(m, true), in = baton_gateway_sa(m, false);
		struct baton_sa_state s;

		if (baton_xfrm_get(n->xfrm, &out, &s) == 0)
			baton_watch_out(&n->watch, m, s.out_seq, baton_now_ms());
		if (baton_xfrm_get(n->xfrm, &in, &s) == 0) {
			baton_watch_in(&n->watch, m, s.in_seq, baton_now_ms());
			if (shut_out && s.in_seq == m->counters.in_seq)
				m->counters.in_limit = s.in_seq;
		}
	}
}

static void delete_sas(struct baton_node *n, struct baton_record *r)
{
	struct baton_sa_id ids[2 * BATON_CHILDREN_MAX], out[BATON_CHILDREN_MAX];
	unsigned count = 0, out_count = 0;

	for (unsigned i = 0; i < r->mark_count && i < BATON_CHILDREN_MAX; i++) {
		out[out_count] = baton_gateway_sa(&r->marks[i], true);
		ids[count++] = out[out_count++];
		ids[count++] = baton_gateway_sa(&r->marks[i], false);
		r->marks[i].watched = r->marks[i].moving = r->marks[i].heard = false;
	}
	if (count && baton_xfrm_delete(n->xfrm, ids, count))
		baton_log(BATON_LOG_ERROR, "retreat_failed",
			  "spi_i=%016" PRIx64 " spi_r=%016" PRIx64
			  " reason=\"SAs did not leave the kernel\"",
			  r->spi_i, r->spi_r);
	else
		baton_lease_release(n, r, out, out_count);
}

static void remove_from_charon(struct baton_node *n, const struct baton_record *r)
{
	struct baton_header h = {.exchange = BATON_SA_REMOVE, .flags = BATON_FLAG_INITIATOR};
	struct baton_delete d = {r->spi_i, r->spi_r, r->epoch, r->version};
	struct baton_builder b;
	uint8_t buf[256];
	int len;

	h.msgid = n->link.next_msgid++;
	baton_build_begin(&b, buf, sizeof(buf), &h);
	baton_build_delete(&b, &d);
	len = baton_build_end(&b);
	if (len > 0 && baton_charon_link_send(&n->link, buf, (size_t)len))
		baton_log(BATON_LOG_WARNING, "retreat_pending",
			  "spi_i=%016" PRIx64
			  " reason=\"charon is not connected; done when it returns\"",
			  r->spi_i);
}

void baton_retreat_losing(void *ctx, struct baton_record *r)
{
	struct baton_node *n = ctx;
	bool shut_out;

	/* Where packets are sent on, they are sent to whoever has it now. */
	baton_miss_forget(n, r, !n->config.forward_on_miss);
	shut_out = baton_miss_shut_out(n);
	if (n->xfrm) {
		read_last(n, r, shut_out);
		delete_sas(n, r);
	}
	remove_from_charon(n, r);
	r->held = r->installing = false;
	for (unsigned i = 0; i < n->peer_count; i++)
		baton_peer_forget(&n->peers[i], r);
	baton_log(BATON_LOG_INFO, "session_lost",
		  "spi_i=%016" PRIx64 " spi_r=%016" PRIx64 " epoch=%u", r->spi_i, r->spi_r,
		  r->epoch);
}

void baton_retreat_lost(void *ctx, struct baton_record *r, const struct baton_status *s)
{
	baton_retreat_losing(ctx, r);
	baton_own_yield(&((struct baton_node *)ctx)->own, r, s);
}
