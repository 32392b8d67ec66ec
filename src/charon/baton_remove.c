/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_remove.h"
#include "baton_convert.h"

#include <daemon.h>
#include <processing/jobs/callback_job.h>

#include <inttypes.h>

/**
 * A request being worked on
 */
typedef struct {
	baton_link_t *link;
	baton_teller_t *teller;
	struct baton_header request;
	unsigned count;
	struct baton_status items[];
} remove_t;

/*
 * Described in header
 */
ike_sa_t *baton_checkout(uint64_t spi_i, uint64_t spi_r)
{
	ike_sa_t *ike_sa = NULL;
	ike_sa_id_t *id;
	int initiator;

	for (initiator = 0; !ike_sa && initiator <= 1; initiator++)
	{
		id = baton_to_ike_sa_id(spi_i, spi_r, initiator);
		ike_sa = charon->ike_sa_manager->checkout(charon->ike_sa_manager, id);
		id->destroy(id);
	}
	return ike_sa;
}

/*
 * Described in header
 */
bool baton_remove_ike_sa(baton_teller_t *teller, uint64_t spi_i, uint64_t spi_r,
						 const char *why)
{
	ike_sa_t *ike_sa;

	ike_sa = baton_checkout(spi_i, spi_r);
	if (!ike_sa)
	{
		return FALSE;
	}
	teller->forget(teller, ike_sa);
	DBG1(DBG_CFG, "baton: IKE_SA %s[%u] %.16"PRIx64"_i %.16"PRIx64"_r of %H[%Y] %s, "
		 "removing it here", ike_sa->get_name(ike_sa), ike_sa->get_unique_id(ike_sa),
		 spi_i, spi_r, ike_sa->get_other_host(ike_sa),
		 ike_sa->get_other_eap_id(ike_sa), why);
	/* other listeners, such as updown scripts, see it go down */
	charon->bus->ike_updown(charon->bus, ike_sa, FALSE);
	charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
	return TRUE;
}

/**
 * Job: remove all of a request
 */
static job_requeue_t remove_job(remove_t *r)
{
	unsigned i;

	for (i = 0; i < r->count; i++)
	{
		if (!baton_remove_ike_sa(r->teller, r->items[i].spi_i, r->items[i].spi_r,
								 "has another owner now"))
		{
			r->items[i].status = BATON_E_NOT_FOUND;
		}
	}
	r->link->respond(r->link, &r->request, r->items, r->count);
	return JOB_REQUEUE_NONE;
}

/*
 * Described in header
 */
void baton_remove(baton_link_t *link, baton_teller_t *teller,
				  const struct baton_message *request)
{
	remove_t *r;
	unsigned i;

	r = calloc(1, sizeof(*r) + request->delete_count * sizeof(r->items[0]));
	if (!r)
	{
		link->respond(link, &request->header, NULL, BATON_E_SYSTEM);
		return;
	}
	r->link = link;
	r->teller = teller;
	r->request = request->header;
	r->count = request->delete_count;
	for (i = 0; i < r->count; i++)
	{
		r->items[i].spi_i = request->deletes[i].spi_i;
		r->items[i].spi_r = request->deletes[i].spi_r;
	}
	lib->processor->queue_job(lib->processor, (job_t*)
				callback_job_create_with_prio((callback_job_cb_t)remove_job, r, free,
						(callback_job_cancel_t)return_false, JOB_PRIO_HIGH));
}
