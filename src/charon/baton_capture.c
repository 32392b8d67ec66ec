/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. Hooks run in the middle of charon's work on an IKE_SA, with
 * the IKE_SA half changed. So most of them only note that it changed. When a response
 * is about to be sent all of its request has been done: what it did is stored before the
 * peer hears of it.
 *
 * An IKE_SA that we replace by rekeying is told to be gone right after the new one was
 * told; one that the peer replaces when the peer deletes it; one that goes down as soon as
 * that is known.
 *
 * Message IDs. charon increments them after a message was handled, without an event.
 * When the response n is on its way out the next expected request is n + 1; when the
 * response to our request n has come in, our next request is n + 1. A request of ours
 * that is not answered has not happened: if the peer did not see it, its ID is to be
 * used again. charon has one request under way at most, in each direction.
 */
#include "baton_capture.h"
#include "baton_convert.h"
#include "baton_keymat.h"
#include "baton_announce.h"
#include "baton_move.h"
#include "baton_sync.h"
#include "baton_update.h"
#include "baton_request.h"
#include "baton_resume.h"
#include "baton_restoring.h"

#include <daemon.h>

typedef struct private_baton_capture_t private_baton_capture_t;

struct private_baton_capture_t {

	/**
	 * Public interface
	 */
	baton_capture_t public;

	/**
	 * Tells batond
	 */
	baton_teller_t *teller;
};

/**
 * Note a change, unless it is the work of restoring
 */
static void changed(private_baton_capture_t *this, ike_sa_t *ike_sa)
{
	if (ike_sa && !baton_restoring)
	{
		this->teller->changed(this->teller, ike_sa);
	}
}

METHOD(listener_t, ike_updown, bool,
	private_baton_capture_t *this, ike_sa_t *ike_sa, bool up)
{
	if (!baton_restoring)
	{
		if (up)
		{
			this->teller->add(this->teller, ike_sa);
		}
		else
		{
			this->teller->gone(this->teller, ike_sa);
		}
	}
	return TRUE;
}

METHOD(listener_t, ike_state_change, bool,
	private_baton_capture_t *this, ike_sa_t *ike_sa, ike_sa_state_t state)
{
	if (state == IKE_DESTROYING)
	{
		baton_move_forget(ike_sa);
		this->teller->gone(this->teller, ike_sa);
	}
	return TRUE;
}

METHOD(listener_t, ike_rekey, bool,
	private_baton_capture_t *this, ike_sa_t *old, ike_sa_t *new)
{
	this->teller->replaced(this->teller, old, new);
	return TRUE;
}

METHOD(listener_t, ike_update, bool,
	private_baton_capture_t *this, ike_sa_t *ike_sa, host_t *local,
	host_t *remote)
{
	changed(this, ike_sa);
	return TRUE;
}

METHOD(listener_t, assign_vips, bool,
	private_baton_capture_t *this, ike_sa_t *ike_sa, bool assign)
{
	changed(this, ike_sa);
	return TRUE;
}

METHOD(listener_t, child_updown, bool,
	private_baton_capture_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
	bool up)
{
	changed(this, ike_sa);
	return TRUE;
}

METHOD(listener_t, child_rekey, bool,
	private_baton_capture_t *this, ike_sa_t *ike_sa, child_sa_t *old,
	child_sa_t *new)
{
	changed(this, ike_sa);
	return TRUE;
}

METHOD(listener_t, child_state_change, bool,
	private_baton_capture_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
	child_sa_state_t state)
{
	if (state == CHILD_DESTROYING)
	{
		this->teller->set_keys(this->teller, child_sa, NULL);
	}
	changed(this, ike_sa);
	return TRUE;
}

METHOD(listener_t, ike_derived_keys, bool,
	private_baton_capture_t *this, ike_sa_t *ike_sa, chunk_t sk_d, chunk_t sk_ai,
	chunk_t sk_ar, chunk_t sk_ei, chunk_t sk_er, chunk_t sk_pi, chunk_t sk_pr)
{
	baton_keymat_derived(&sk_d, sk_ai, sk_ar, sk_ei, sk_er, sk_pi, sk_pr);
	return TRUE;
}

METHOD(listener_t, child_derived_keys, bool,
	private_baton_capture_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
	bool initiator, chunk_t encr_i, chunk_t encr_r, chunk_t integ_i,
	chunk_t integ_r)
{
	baton_child_keys_t *keys;

	keys = baton_vault_alloc(sizeof(*keys));
	if (!keys)
	{
		return TRUE;
	}
	keys->initiator = initiator;
	if (baton_from_chunk(encr_i, &keys->encr_i) &&
		baton_from_chunk(encr_r, &keys->encr_r) &&
		baton_from_chunk(integ_i, &keys->integ_i) &&
		baton_from_chunk(integ_r, &keys->integ_r))
	{
		this->teller->set_keys(this->teller, child_sa, keys);
	}
	else
	{
		baton_vault_free(keys);
	}
	changed(this, ike_sa);
	return TRUE;
}

METHOD(listener_t, message, bool,
	private_baton_capture_t *this, ike_sa_t *ike_sa, message_t *message,
	bool incoming, bool plain)
{
	bool request = message->get_request(message);

	if (ike_sa && request && incoming)
	{
		if (plain)
		{
			baton_request_begun(ike_sa, message);
		}
		else
		{
			baton_request_received(ike_sa, message);
		}
	}
	if (ike_sa && plain)
	{
		baton_update_negotiate(ike_sa, message, incoming, FALSE);
		baton_sync_negotiate(ike_sa, message, incoming, FALSE);
		if (incoming && request &&
			message->get_notify(message, UPDATE_SA_ADDRESSES))
		{
			baton_move_followed(ike_sa);
		}
		if (incoming && message->get_notify(message, BATON_ADDRESS_UPDATE))
		{
			baton_move_confirmed(ike_sa, message);
		}
	}
	if (ike_sa && !incoming && plain)
	{
		baton_announce(message);
	}
	/* responses when complete: incoming ones as soon as they are verified, outgoing ones
	 * when they are encrypted */
	if (ike_sa && !request && incoming == plain)
	{
		if (incoming)
		{
			this->teller->answered(this->teller, ike_sa,
								   message->get_message_id(message));
		}
		else
		{
			this->teller->answering(this->teller, ike_sa, message);
			baton_resume_keep(ike_sa, message);
		}
	}
	return TRUE;
}

METHOD(baton_capture_t, destroy, void,
	private_baton_capture_t *this)
{
	free(this);
}

/*
 * Described in header
 */
baton_capture_t *baton_capture_create(baton_teller_t *teller)
{
	private_baton_capture_t *this;

	INIT(this,
		.public = {
			.listener = {
				.ike_updown = _ike_updown,
				.ike_state_change = _ike_state_change,
				.ike_rekey = _ike_rekey,
				.ike_update = _ike_update,
				.assign_vips = _assign_vips,
				.child_updown = _child_updown,
				.child_rekey = _child_rekey,
				.child_state_change = _child_state_change,
				.ike_derived_keys = _ike_derived_keys,
				.child_derived_keys = _child_derived_keys,
				.message = _message,
			},
			.destroy = _destroy,
		},
		.teller = teller,
	);
	return &this->public;
}
