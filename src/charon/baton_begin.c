/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. A gateway that takes over has requests of its own: which message ID the
 * peer expects, where we are now, CHILD_SAs that are to be made anew. They begin when charon has
 * the IKE_SA, for the peer may answer at once.
 *
 * Peers that are to be told of another address all have something to ask or to answer then, thousands of
 * them at once: so many a second are told (strongswan.conf, baton.move_pace), in the order in which
 * batond has them installed, which is those with traffic first. Others are not made to wait: all
 * that goes to most of them is an empty request. The turns are a time that moves on with each
 * peer that is told, so they need no list.
 */
#include "baton_begin.h"
#include "baton_fresh.h"
#include "baton_move.h"
#include "baton_settle.h"
#include "baton_sync.h"

#include <daemon.h>
#include <processing/jobs/callback_job.h>

#include <pthread.h>

/** peers told of another address in a second; 0: as they come */
#define MOVE_PACE 500

struct baton_begin_t {
	ike_sa_id_t *id;
	/** the session may be restored once more while it waits */
	uint32_t unique_id;
	uint32_t epoch;
	/** the peer is to be told of our address */
	bool moved;
	/** what is queued does not wait for something else to send */
	bool at_once;
	/** CHILD_SAs to be made anew: those, or all that are configured */
	linked_list_t *fresh;
	bool all;
};

/** when the next one has its turn, in us of the monotonic clock */
static uint64_t turn_us;
static pthread_mutex_t turn_lock = PTHREAD_MUTEX_INITIALIZER;

/**
 * How long until it is this one's turn, in ms
 */
static uint32_t take_turn(void)
{
	timeval_t now;
	uint64_t now_us, turn;
	int pace;

	pace = lib->settings->get_int(lib->settings, "%s.plugins.baton.move_pace", MOVE_PACE, lib->ns);
	if (pace <= 0)
	{
		return 0;
	}
	time_monotonic(&now);
	now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_usec;
	pthread_mutex_lock(&turn_lock);
	turn = turn_us > now_us ? turn_us : now_us;
	turn_us = turn + 1000000 / (uint64_t)pace;
	pthread_mutex_unlock(&turn_lock);
	return (uint32_t)((turn - now_us) / 1000);
}

static void begin_destroy(baton_begin_t *this)
{
	this->fresh->destroy_function(this->fresh, free);
	this->id->destroy(this->id);
	free(this);
}

/*
 * Described in header. Which message ID the peer expects is found out before anything else is sent.
 */
baton_begin_t *baton_begin_create(ike_sa_t *ike_sa, const struct baton_session *session,
								  linked_list_t *fresh)
{
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);
	baton_begin_t *this;

	INIT(this,
		.id = id->clone(id),
		.epoch = session->epoch,
		.moved = (session->flags & BATON_IKE_MOVED) != 0,
		.fresh = fresh,
		.all = (session->flags & BATON_IKE_ONLY) != 0,
		.unique_id = ike_sa->get_unique_id(ike_sa),
	);
	if (this->moved)
	{
		baton_move_expect(ike_sa);
	}
	if (ike_sa->get_state(ike_sa) != IKE_ESTABLISHED)
	{	/* the peer has replaced it */
		return this;
	}
	if (!baton_sync_queue(ike_sa, session))
	{
		baton_settle_queue(ike_sa);
	}
	/* charon's own MOBIKE tasks would go first */
	this->at_once = this->moved ||
		ike_sa->supports_extension(ike_sa, BATON_EXT_REPLAY_SYNC) ||
		(ike_sa->supports_extension(ike_sa, EXT_MOBIKE) &&
		 ike_sa->has_condition(ike_sa, COND_ORIGINAL_INITIATOR));
	return this;
}

/**
 * Job: it is its turn
 */
static job_requeue_t begin(baton_begin_t *this)
{
	status_t status = SUCCESS;
	ike_sa_t *ike_sa;

	ike_sa = charon->ike_sa_manager->checkout(charon->ike_sa_manager, this->id);
	if (!ike_sa)
	{
		return JOB_REQUEUE_NONE;
	}
	if (ike_sa->get_unique_id(ike_sa) != this->unique_id)
	{
		charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
		return JOB_REQUEUE_NONE;
	}
	if (this->at_once)
	{
		status = ike_sa->initiate(ike_sa, NULL, NULL);
	}
	if (status != DESTROY_ME && this->moved)
	{
		status = baton_move(ike_sa, this->epoch);
	}
	if (status != DESTROY_ME)
	{
		status = baton_fresh_create(ike_sa, this->fresh, this->all);
	}
	if (status == DESTROY_ME)
	{
		charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
		return JOB_REQUEUE_NONE;
	}
	charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	return JOB_REQUEUE_NONE;
}

/*
 * Described in header
 */
void baton_begin(baton_begin_t *this)
{
	uint32_t wait_ms = this->moved ? take_turn() : 0;

	if (!wait_ms)
	{
		begin(this);
		begin_destroy(this);
		return;
	}
	lib->scheduler->schedule_job_ms(lib->scheduler, (job_t*)
			callback_job_create((callback_job_cb_t)begin, this,
								(callback_job_cleanup_t)begin_destroy, NULL), wait_ms);
}
