/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_rekey.h"
#include "baton_remove.h"

#include <daemon.h>
#include <processing/jobs/callback_job.h>

/**
 * A request being worked on
 */
typedef struct {
	baton_link_t *link;
	struct baton_header request;
	unsigned count;
	struct {
		uint32_t spi_in;
		protocol_id_t protocol;
		struct baton_status status;
	} items[];
} rekey_t;

/**
 * Rekey one CHILD_SA
 */
static int rekey_child(uint64_t spi_i, uint64_t spi_r, protocol_id_t protocol,
					   uint32_t spi_in)
{
	enumerator_t *enumerator;
	child_sa_t *child_sa;
	ike_sa_t *ike_sa;
	bool found = FALSE;

	ike_sa = baton_checkout(spi_i, spi_r);
	if (!ike_sa)
	{
		return BATON_E_NOT_FOUND;
	}
	enumerator = ike_sa->create_child_sa_enumerator(ike_sa);
	while (!found && enumerator->enumerate(enumerator, &child_sa))
	{
		found = child_sa->get_protocol(child_sa) == protocol &&
				child_sa->get_spi(child_sa, TRUE) == htonl(spi_in) &&
				child_sa->get_state(child_sa) == CHILD_INSTALLED;
	}
	enumerator->destroy(enumerator);
	if (found && ike_sa->rekey_child_sa(ike_sa, protocol, htonl(spi_in)) == DESTROY_ME)
	{
		charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
		return BATON_E_NOT_FOUND;
	}
	charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	return found ? BATON_OK : BATON_E_NOT_FOUND;
}

/**
 * Job: begin all of a request
 */
static job_requeue_t rekey_job(rekey_t *r)
{
	struct baton_status statuses[BATON_CHILDREN_MAX];
	unsigned i;

	for (i = 0; i < r->count; i++)
	{
		r->items[i].status.status = (uint16_t)rekey_child(r->items[i].status.spi_i,
									r->items[i].status.spi_r, r->items[i].protocol,
									r->items[i].spi_in);
		statuses[i] = r->items[i].status;
	}
	r->link->respond(r->link, &r->request, statuses, r->count);
	return JOB_REQUEUE_NONE;
}

/*
 * Described in header
 */
void baton_rekey(baton_link_t *link, const struct baton_message *request)
{
	rekey_t *r;
	unsigned i;

	if (!request->report_count || request->report_count > BATON_CHILDREN_MAX)
	{
		link->respond(link, &request->header, NULL, BATON_E_LIMIT);
		return;
	}
	r = calloc(1, sizeof(*r) + request->report_count * sizeof(r->items[0]));
	if (!r)
	{
		link->respond(link, &request->header, NULL, BATON_E_SYSTEM);
		return;
	}
	r->link = link;
	r->request = request->header;
	r->count = request->report_count;
	for (i = 0; i < r->count; i++)
	{
		r->items[i].spi_in = request->reports[i].spi_in;
		r->items[i].protocol = request->reports[i].protocol == BATON_PROTO_AH ?
								PROTO_AH : PROTO_ESP;
		r->items[i].status.spi_i = request->reports[i].spi_i;
		r->items[i].status.spi_r = request->reports[i].spi_r;
	}
	lib->processor->queue_job(lib->processor, (job_t*)
				callback_job_create_with_prio((callback_job_cb_t)rekey_job, r, free,
						(callback_job_cancel_t)return_false, JOB_PRIO_HIGH));
}
