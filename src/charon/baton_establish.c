/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_establish.h"

#include <daemon.h>

#include <processing/jobs/delete_ike_sa_job.h>
#include <processing/jobs/rekey_ike_sa_job.h>
#include <processing/jobs/send_dpd_job.h>

/** how long charon waits for the peer to delete an IKE_SA that it has replaced */
#define REPLACED_S 90

/**
 * Remaining lifetimes go on; those of CHILD_SAs the kernel watches
 */
static void schedule(ike_sa_t *ike_sa, const struct baton_session *s)
{
	time_t now = time_monotonic(NULL);
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);
	peer_cfg_t *peer_cfg = ike_sa->get_peer_cfg(ike_sa);
	uint32_t dpd = peer_cfg->get_dpd(peer_cfg);
	const struct {
		statistic_t stat;
		uint32_t in;
		job_t *job;
	} events[] = {
		{ STAT_REKEY, s->life.rekey_s, s->life.rekey_s ?
			(job_t*)rekey_ike_sa_job_create(id, FALSE) : NULL },
		{ STAT_REAUTH, s->life.reauth_s, s->life.reauth_s ?
			(job_t*)rekey_ike_sa_job_create(id, TRUE) : NULL },
		{ STAT_DELETE, s->life.expire_s, s->life.expire_s ?
			(job_t*)delete_ike_sa_job_create(id, TRUE) : NULL },
	};
	u_int i;

	ike_sa->set_statistic(ike_sa, STAT_ESTABLISHED, (uint32_t)now);
	for (i = 0; i < countof(events); i++)
	{
		if (events[i].job)
		{
			ike_sa->set_statistic(ike_sa, events[i].stat,
								  (uint32_t)now + events[i].in);
			lib->scheduler->schedule_job(lib->scheduler, events[i].job,
										 events[i].in);
		}
	}
	if (dpd && ike_sa->supports_extension(ike_sa, EXT_DPD))
	{
		lib->scheduler->schedule_job(lib->scheduler,
									 (job_t*)send_dpd_job_create(id), dpd);
	}
}

/**
 * Tell other listeners, such as updown scripts, what there is now
 */
static void tell_listeners(ike_sa_t *ike_sa)
{
	enumerator_t *enumerator;
	child_sa_t *child_sa;

	charon->bus->assign_vips(charon->bus, ike_sa, TRUE);
	charon->bus->ike_updown(charon->bus, ike_sa, TRUE);
	enumerator = ike_sa->create_child_sa_enumerator(ike_sa);
	while (enumerator->enumerate(enumerator, &child_sa))
	{
		if (child_sa->get_state(child_sa) == CHILD_INSTALLED)
		{
			charon->bus->child_updown(charon->bus, child_sa, TRUE);
		}
	}
	enumerator->destroy(enumerator);
}

/*
 * Described in header
 */
void baton_establish(ike_sa_t *ike_sa, const struct baton_session *session)
{
	if (session->flags & BATON_IKE_REKEYED)
	{
		ike_sa->set_state(ike_sa, IKE_REKEYED);
		lib->scheduler->schedule_job(lib->scheduler, (job_t*)
				delete_ike_sa_job_create(ike_sa->get_id(ike_sa), TRUE), REPLACED_S);
		return;
	}
	/* coming from CREATED, this does not schedule anything itself */
	ike_sa->set_state(ike_sa, IKE_ESTABLISHED);
	schedule(ike_sa, session);
	tell_listeners(ike_sa);
}
