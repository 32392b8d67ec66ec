/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. The request has message ID 0 and synchronizes message IDs as well, which
 * is charon's part (RFC 6311, 5.1). It may come again, or be sent again by somebody else: it
 * counts once, by the message ID at which the gateway's own requests go on.
 *
 * A packet that the kernel sends while we read its number and set another has a number
 * below the one that we set, for that is higher by far more than can be sent in between.
 */
#include "baton_raise.h"
#include "baton_convert.h"
#include "baton_sync.h"
#include "baton_update.h"

#include <daemon.h>
#include <encoding/payloads/notify_payload.h>
#include <processing/jobs/rekey_child_sa_job.h>
#include <xfrm/xfrm.h>

#include <errno.h>
#include <inttypes.h>

/**
 * What is asked for; 0: malformed
 */
static uint64_t delta_of(message_t *message)
{
	notify_payload_t *notify = message->get_notify(message, IPSEC_REPLAY_COUNTER_SYNC);
	chunk_t data = notify->get_notification_data(notify);

	switch (data.len)
	{
		case 4:
			return untoh32(data.ptr);
		case 8:
			return untoh64(data.ptr);
		default:
			return 0;
	}
}

/**
 * Raise the numbers of one SA; one that has too few left is rekeyed instead
 */
static void raise_sa(struct baton_xfrm *xfrm, ike_sa_t *ike_sa,
					 child_sa_t *child_sa, uint64_t delta)
{
	host_t *other = ike_sa->get_other_host(ike_sa);
	uint32_t spi = child_sa->get_spi(child_sa, FALSE);
	struct baton_sa_set set = {
		.id = {
			.spi = ntohl(spi),
			.protocol = child_sa->get_protocol(child_sa) == PROTO_AH ?
												BATON_PROTO_AH : BATON_PROTO_ESP,
			.mark = child_sa->get_mark(child_sa, FALSE).value,
		},
		.in_seq = BATON_SEQ_KEEP,
	};
	struct baton_sa_state state;
	int err, result;

	baton_from_host(other, &set.id.dst);
	err = baton_xfrm_get(xfrm, &set.id, &state);
	if (!err)
	{
		set.out_seq = state.out_seq + delta;
		if (set.out_seq < delta || (!state.esn && set.out_seq > UINT32_MAX))
		{
			DBG1(DBG_CHD, "baton: CHILD_SA %s{%u} has no %"PRIu64" numbers left to be "
				 "raised by, rekeying it", child_sa->get_name(child_sa),
				 child_sa->get_unique_id(child_sa), delta);
			lib->processor->queue_job(lib->processor, (job_t*)
					rekey_child_sa_job_create(child_sa->get_protocol(child_sa), spi,
											  other));
			return;
		}
		err = baton_xfrm_set_counters(xfrm, &set, 1, &result);
	}
	if (err)
	{
		DBG1(DBG_CHD, "baton: raising the numbers of CHILD_SA %s{%u} failed: %s",
			 child_sa->get_name(child_sa), child_sa->get_unique_id(child_sa),
			 baton_strerror(err));
	}
	else
	{
		DBG1(DBG_CHD, "baton: CHILD_SA %s{%u} sends with numbers above %"PRIu64", as "
			 "the gateway asks", child_sa->get_name(child_sa),
			 child_sa->get_unique_id(child_sa), set.out_seq);
	}
}

static void raise_all(ike_sa_t *ike_sa, uint64_t delta)
{
	struct baton_xfrm *xfrm;
	enumerator_t *enumerator;
	child_sa_t *child_sa;

	if (baton_xfrm_open(&xfrm))
	{
		DBG1(DBG_CHD, "baton: cannot ask the kernel for sequence numbers: %s",
			 strerror(errno));
		return;
	}
	enumerator = ike_sa->create_child_sa_enumerator(ike_sa);
	while (enumerator->enumerate(enumerator, &child_sa))
	{
		if (child_sa->get_outbound_state(child_sa) & CHILD_OUTBOUND_SA)
		{
			raise_sa(xfrm, ike_sa, child_sa, delta);
		}
	}
	enumerator->destroy(enumerator);
	baton_xfrm_close(xfrm);
}

/*
 * Described in header
 */
uint32_t baton_raise(ike_sa_t *ike_sa, message_t *message, uint32_t last)
{
	uint64_t delta = delta_of(message);
	baton_mid_sync_t sync = {};

	if (!ike_sa->supports_extension(ike_sa, BATON_EXT_REPLAY_SYNC) ||
		!ike_sa->has_condition(ike_sa, COND_ORIGINAL_INITIATOR) ||
		!message->get_request(message))
	{
		baton_update_refuse(BATON_REFUSED_ROLE, message->get_source(message));
		return last;
	}
	if (!delta || message->get_message_id(message) != 0 ||
		!baton_sync_parse(message, &sync) || sync.send < last ||
		sync.send < ike_sa->get_message_id(ike_sa, FALSE))
	{
		baton_update_refuse(BATON_REFUSED_RAISE, message->get_source(message));
		return last;
	}
	if (sync.send > last)
	{	/* else its answer was lost */
		raise_all(ike_sa, delta);
	}
	return sync.send;
}
