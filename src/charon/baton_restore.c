/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. Each SA_Install becomes a job, so that many are worked on
 * at once:
 *   1. The IKE_SA is made, by this thread alone, and its CHILD_SAs' SAs are put into
 *      the kernel. No policy leads to them.
 *   2. SA_Arm is sent. The job ends, the session waits in a list of its own.
 *   3. batond has set the sequence numbers and says so. A second job puts the
 *      policies in place, makes the IKE_SA established and gives it to charon.
 * If batond does not answer in time, or is gone, the SAs are taken out again: no SA
 * is better than one whose sequence numbers have been sent before. Only adopted
 * SAs, which the kernel has kept with their numbers, need no such answer.
 *
 * charon may have been started a moment ago, with swanctl still loading connections:
 * for a time a missing one is waited for.
 */
#include "baton_restore.h"
#include "baton_begin.h"
#include "baton_fresh.h"
#include "baton_child.h"
#include "baton_convert.h"
#include "baton_establish.h"
#include "baton_remove.h"
#include "baton_resume.h"
#include "baton_vips.h"

#include <daemon.h>

#include <processing/jobs/callback_job.h>
#include <threading/mutex.h>

#include <inttypes.h>

/** how long batond may take to set sequence numbers */
#define ARM_TIMEOUT_MS 3000

/** how long after our start connections may be missing, and how often to look */
#define CONFIG_WAIT_S 30
#define CONFIG_RETRY_MS 200

typedef struct private_baton_restore_t private_baton_restore_t;
typedef struct restore_t restore_t;

struct private_baton_restore_t {

	/**
	 * Public interface
	 */
	baton_restore_t public;

	/**
	 * Where the link to batond is
	 */
	baton_link_t **link;

	/**
	 * Gets to know what is restored
	 */
	baton_teller_t *teller;

	/**
	 * Sessions that wait for batond's response, restore_t
	 */
	linked_list_t *waiting;

	/**
	 * Lock for the list
	 */
	mutex_t *mutex;

	/**
	 * When we were loaded
	 */
	time_t started;
};

/**
 * A session being restored
 */
struct restore_t {
	private_baton_restore_t *this;
	/** request to answer */
	struct baton_header request;
	/** what to restore, in locked memory */
	struct baton_session *session;
	/** its SAs should be in the kernel */
	bool adopt;
	/** its SAs must not be used: the CHILD_SAs to be made anew instead */
	linked_list_t *fresh;
	/** and are */
	bool adopted;
	/** message ID of our SA_Arm */
	uint32_t arm_msgid;
	/** what has been made so far */
	ike_sa_t *ike_sa;
	linked_list_t *children;
};

/**
 * Take apart what was made, silently
 */
static void dismantle(restore_t *r)
{
	charon->bus->set_sa(charon->bus, r->ike_sa);
	r->children->destroy_offset(r->children, offsetof(child_sa_t, destroy));
	r->children = linked_list_create();
	if (r->ike_sa)
	{
		r->ike_sa->destroy(r->ike_sa);
		r->ike_sa = NULL;
	}
	charon->bus->set_sa(charon->bus, NULL);
}

/**
 * Destroy a restore_t
 */
static void restore_destroy(restore_t *r)
{
	dismantle(r);
	r->children->destroy(r->children);
	r->fresh->destroy_function(r->fresh, free);
	baton_locked_free(r->session, sizeof(*r->session));
	free(r);
}

/**
 * Answer the request and be done with it
 */
static void finish(restore_t *r, int status)
{
	baton_link_t *link = *r->this->link;
	struct baton_status item = {
		.status = (uint16_t)status,
		.spi_i = r->session->spi_i,
		.spi_r = r->session->spi_r,
	};

	if (status != BATON_OK)
	{
		DBG1(DBG_CFG, "baton: restoring IKE_SA '%s' %.16"PRIx64"_i %.16"PRIx64"_r "
			 "failed: %s", r->session->name, r->session->spi_i, r->session->spi_r,
			 baton_strerror(status));
		dismantle(r); /* it may be offered again at once */
	}
	link->respond(link, &r->request, &item, 1);
	restore_destroy(r);
}

/**
 * Is the IKE_SA here already?
 */
static bool exists(const struct baton_session *s)
{
	ike_sa_id_t *id;
	ike_sa_t *ike_sa;

	id = baton_to_ike_sa_id(s->spi_i, s->spi_r,
							(s->flags & BATON_IKE_INITIATOR) != 0);
	ike_sa = charon->ike_sa_manager->checkout(charon->ike_sa_manager, id);
	id->destroy(id);
	if (ike_sa)
	{
		charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	}
	return ike_sa != NULL;
}

/**
 * Extensions and conditions, one bit at a time
 */
static void set_bits(ike_sa_t *ike_sa, const struct baton_session *s)
{
	uint32_t conditions = s->conditions & (uint32_t)~(COND_STALE |
										COND_REAUTHENTICATING | COND_REDIRECTED);
	uint32_t extensions = s->extensions | baton_to_extensions(s);
	u_int i;

	if (s->flags & BATON_IKE_NAT_LOCAL)
	{
		conditions |= COND_NAT_HERE;
	}
	if (s->flags & BATON_IKE_NAT_REMOTE)
	{
		conditions |= COND_NAT_THERE;
	}
	if (s->flags & BATON_IKE_ENCAP_FORCED)
	{
		conditions |= COND_NAT_FAKE;
	}
	for (i = 0; i < 31; i++)
	{
		if (extensions & (1u << i))
		{
			ike_sa->enable_extension(ike_sa, 1 << i);
		}
		if (conditions & (1u << i))
		{
			ike_sa->set_condition(ike_sa, 1 << i, TRUE);
		}
	}
}

/**
 * Identities, and what is known of the peer's authentication
 */
static void set_identities(ike_sa_t *ike_sa, const struct baton_session *s)
{
	identification_t *id;
	auth_cfg_t *auth;

	ike_sa->set_my_id(ike_sa, baton_to_id(&s->local_id));
	id = baton_to_id(&s->remote_id);
	ike_sa->set_other_id(ike_sa, id);
	auth = auth_cfg_create();
	auth->add(auth, AUTH_RULE_IDENTITY, id->clone(id));
	if (s->remote_eap_id.type)
	{
		auth->add(auth, AUTH_RULE_EAP_IDENTITY, baton_to_id(&s->remote_eap_id));
	}
	ike_sa->add_auth_cfg(ike_sa, FALSE, auth);
}

/**
 * Make the IKE_SA, with everything but virtual IPs, CHILD_SAs and a state
 */
static ike_sa_t *create_ike_sa(const struct baton_session *s, peer_cfg_t *peer_cfg)
{
	bool initiator = (s->flags & BATON_IKE_INITIATOR) != 0;
	proposal_t *proposal;
	ike_sa_id_t *id;
	ike_sa_t *ike_sa;
	unsigned i;

	id = baton_to_ike_sa_id(s->spi_i, s->spi_r, initiator);
	ike_sa = ike_sa_create(id, initiator, IKEV2);
	id->destroy(id);
	if (!ike_sa)
	{
		return NULL;
	}
	charon->bus->set_sa(charon->bus, ike_sa);
	ike_sa->set_peer_cfg(ike_sa, peer_cfg);
	ike_sa->set_my_host(ike_sa, baton_to_host(&s->local));
	ike_sa->set_other_host(ike_sa, baton_to_host(&s->remote));
	for (i = 0; i < s->extra_addr_count; i++)
	{
		ike_sa->add_peer_address(ike_sa, baton_to_host(&s->extra_addrs[i]));
	}
	set_identities(ike_sa, s);
	proposal = baton_to_proposal(&s->suite, PROTO_IKE);
	ike_sa->set_proposal(ike_sa, proposal);
	proposal->destroy(proposal);
	set_bits(ike_sa, s);
	ike_sa->set_message_id(ike_sa, FALSE, s->msgid_in);
	ike_sa->set_message_id(ike_sa, TRUE, s->msgid_out);
	return ike_sa;
}

/**
 * Step 1 proper: IKE_SA and SAs. Once more without adopting if the kernel does not
 * have all of them after all.
 */
static int install_sas(restore_t *r, peer_cfg_t *peer_cfg)
{
	baton_restoring_t restoring = {
		.session = r->session,
		.adopt = r->adopt,
	};
	int status = BATON_E_SYSTEM;

	baton_restoring = &restoring;
	r->ike_sa = create_ike_sa(r->session, peer_cfg);
	if (r->ike_sa)
	{
		status = baton_children_install(r->ike_sa, r->children);
	}
	if (restoring.lost)
	{
		DBG1(DBG_CFG, "baton: the kernel has not kept all SAs of IKE_SA '%s' "
			 "%.16"PRIx64"_i, they are installed anew", r->session->name,
			 r->session->spi_i);
		dismantle(r);
		restoring.adopt = FALSE;
		r->ike_sa = create_ike_sa(r->session, peer_cfg);
		if (r->ike_sa)
		{
			status = baton_children_install(r->ike_sa, r->children);
		}
	}
	baton_restoring = NULL;
	charon->bus->set_sa(charon->bus, NULL);
	r->adopted = restoring.adopt;
	return status;
}

/**
 * Reserve and assign the virtual IPs of the peer
 */
static int add_vips(ike_sa_t *ike_sa, const struct baton_session *s)
{
	peer_cfg_t *peer_cfg = ike_sa->get_peer_cfg(ike_sa);
	linked_list_t *pools;
	host_t *vip;
	int status = BATON_OK;
	unsigned i;

	pools = linked_list_create_from_enumerator(
									peer_cfg->create_pool_enumerator(peer_cfg));
	for (i = 0; status == BATON_OK && i < s->vip_count; i++)
	{
		vip = baton_to_host(&s->vips[i]);
		if (baton_vips_reserve(pools, ike_sa, vip))
		{
			ike_sa->add_virtual_ip(ike_sa, FALSE, vip);
		}
		else
		{
			DBG1(DBG_CFG, "baton: virtual IP %H of '%Y' is held by another peer",
				 vip, ike_sa->get_other_eap_id(ike_sa));
			status = BATON_E_BUSY;
		}
		vip->destroy(vip);
	}
	pools->destroy(pools);
	return status;
}

/**
 * Step 3 proper: policies, and over to charon
 */
static int activate(restore_t *r)
{
	baton_restoring_t restoring = {
		.session = r->session,
	};
	ike_sa_t *ike_sa = r->ike_sa;
	baton_begin_t *begin;
	int status;

	baton_restoring = &restoring;
	charon->bus->set_sa(charon->bus, ike_sa);
	status = add_vips(ike_sa, r->session);
	if (status == BATON_OK)
	{
		status = baton_children_activate(ike_sa, r->session, r->children);
	}
	if (status == BATON_OK)
	{
		baton_establish(ike_sa, r->session);
		baton_resume(ike_sa, r->session);
		r->this->teller->add_restored(r->this->teller, ike_sa, r->session);
		DBG1(DBG_CFG, "baton: %s IKE_SA %s[%u] %.16"PRIx64"_i %.16"PRIx64"_r between "
			 "%H[%Y]...%H[%Y] with %u CHILD_SAs, message IDs %u in, %u out",
			 r->adopted ? "adopted" : "restored", ike_sa->get_name(ike_sa),
			 ike_sa->get_unique_id(ike_sa), r->session->spi_i, r->session->spi_r,
			 ike_sa->get_my_host(ike_sa), ike_sa->get_my_id(ike_sa),
			 ike_sa->get_other_host(ike_sa), ike_sa->get_other_eap_id(ike_sa),
			 r->session->child_count, r->session->msgid_in, r->session->msgid_out);
		begin = baton_begin_create(ike_sa, r->session, r->fresh);
		r->fresh = linked_list_create();
		charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
		r->ike_sa = NULL;
		baton_restoring = NULL;
		baton_begin(begin);
	}
	baton_restoring = NULL;
	charon->bus->set_sa(charon->bus, NULL);
	return status;
}

/**
 * Job: step 3
 */
static job_requeue_t activate_job(restore_t *r)
{
	finish(r, activate(r));
	return JOB_REQUEUE_NONE;
}

/**
 * Take a session that waits out of the list; whoever gets it goes on with it
 */
static restore_t *remove_waiting(private_baton_restore_t *this, uint32_t msgid)
{
	enumerator_t *enumerator;
	restore_t *r, *found = NULL;

	this->mutex->lock(this->mutex);
	enumerator = this->waiting->create_enumerator(this->waiting);
	while (!found && enumerator->enumerate(enumerator, &r))
	{
		if (r->arm_msgid == msgid)
		{
			this->waiting->remove_at(this->waiting, enumerator);
			found = r;
		}
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
	return found;
}

/**
 * Data of the timeout job
 */
typedef struct {
	private_baton_restore_t *this;
	uint32_t msgid;
} timeout_t;

/**
 * Job: batond has not answered in time
 */
static job_requeue_t arm_timeout(timeout_t *timeout)
{
	restore_t *r;

	r = remove_waiting(timeout->this, timeout->msgid);
	if (r && r->adopted)
	{	/* the kernel has the numbers, they were never lost */
		activate_job(r);
	}
	else if (r)
	{
		DBG1(DBG_CFG, "baton: batond did not set sequence numbers");
		finish(r, BATON_E_UNREACHABLE);
	}
	return JOB_REQUEUE_NONE;
}

/**
 * Ask batond to set the sequence numbers of all CHILD_SAs
 */
static void send_arm(restore_t *r)
{
	private_baton_restore_t *this = r->this;
	baton_link_t *link = *this->link;
	struct baton_header header = link->request(link, BATON_SA_ARM);
	struct baton_report reports[BATON_CHILDREN_MAX];
	struct baton_builder builder;
	uint8_t buf[4096];
	timeout_t *timeout;
	unsigned i;

	for (i = 0; i < r->session->child_count; i++)
	{
		reports[i] = (struct baton_report){
			.kind = BATON_REPORT_CHILD,
			.protocol = r->session->children[i].protocol,
			.spi_in = r->session->children[i].spi_in,
			.spi_i = r->session->spi_i,
			.spi_r = r->session->spi_r,
			.epoch = r->session->epoch,
		};
	}
	baton_build_begin(&builder, buf, sizeof(buf), &header);
	if (r->adopted)
	{	/* all of these SAs count on by themselves */
		baton_build_notify(&builder, BATON_N_ADOPT);
	}
	baton_build_reports(&builder, reports, r->session->child_count);

	r->arm_msgid = header.msgid;
	INIT(timeout,
		.this = this,
		.msgid = header.msgid,
	);
	this->mutex->lock(this->mutex);
	this->waiting->insert_last(this->waiting, r);
	this->mutex->unlock(this->mutex);
	/* from here on r may be gone at any time */
	link->send(link, buf, baton_build_end(&builder));
	lib->scheduler->schedule_job_ms(lib->scheduler, (job_t*)
				callback_job_create((callback_job_cb_t)arm_timeout, timeout, free,
									NULL), ARM_TIMEOUT_MS);
}

/**
 * Job: steps 1 and 2
 */
static job_requeue_t install_job(restore_t *r)
{
	private_baton_restore_t *this = r->this;
	peer_cfg_t *peer_cfg;
	int status;

	if (r->adopt && exists(r->session))
	{
		finish(r, BATON_OK);
		return JOB_REQUEUE_NONE;
	}
	baton_remove_ike_sa(this->teller, r->session->spi_i, r->session->spi_r,
						"was changed by its former owner");
	peer_cfg = charon->backends->get_peer_cfg_by_name(charon->backends,
													  r->session->name);
	if (!peer_cfg)
	{
		if (time_monotonic(NULL) - this->started < CONFIG_WAIT_S)
		{
			return JOB_RESCHEDULE_MS(CONFIG_RETRY_MS);
		}
		DBG1(DBG_CFG, "baton: there is no connection '%s', which a session to be "
			 "restored uses", r->session->name);
		finish(r, BATON_E_CONFIG);
		return JOB_REQUEUE_NONE;
	}
	status = install_sas(r, peer_cfg);
	peer_cfg->destroy(peer_cfg);
	if (status != BATON_OK)
	{
		finish(r, status);
	}
	else if (r->session->child_count)
	{
		send_arm(r);
	}
	else
	{
		activate_job(r);
	}
	return JOB_REQUEUE_NONE;
}

/**
 * Queue a job that does not give way to others
 */
static void queue(callback_job_cb_t cb, restore_t *r)
{
	lib->processor->queue_job(lib->processor, (job_t*)
				callback_job_create_with_prio(cb, r, NULL,
						(callback_job_cancel_t)return_false, JOB_PRIO_HIGH));
}

METHOD(baton_restore_t, install, void,
	private_baton_restore_t *this, const struct baton_message *request)
{
	baton_link_t *link = *this->link;
	const struct baton_session_ref *ref = &request->sessions[0];
	restore_t *r;
	int status;

	if (request->session_count != 1)
	{
		link->respond(link, &request->header, NULL, BATON_E_LIMIT);
		return;
	}
	INIT(r,
		.this = this,
		.request = request->header,
		.session = baton_locked_alloc(sizeof(*r->session)),
		.adopt = request->adopt,
		.children = linked_list_create(),
		.fresh = linked_list_create(),
	);
	if (!r->session)
	{
		link->respond(link, &request->header, NULL, BATON_E_SYSTEM);
		r->children->destroy(r->children);
		r->fresh->destroy(r->fresh);
		free(r);
		return;
	}
	status = -baton_session_decode(r->session, ref->body, ref->len, NULL);
	if (status)
	{
		r->session->spi_i = ref->spi_i;
		r->session->spi_r = ref->spi_r;
		finish(r, status);
		return;
	}
	if (request->fresh)
	{
		baton_fresh_take(r->session, r->fresh);
		r->adopt = FALSE;
	}
	queue((callback_job_cb_t)install_job, r);
}

METHOD(baton_restore_t, armed, void,
	private_baton_restore_t *this, const struct baton_message *response)
{
	restore_t *r;
	int status = response->error;
	unsigned i;

	r = remove_waiting(this, response->header.msgid);
	if (!r)
	{
		return;
	}
	if (!status && response->status_count != r->session->child_count)
	{
		status = BATON_E_MISSING;
	}
	for (i = 0; !status && i < response->status_count; i++)
	{
		status = response->statuses[i].status;
	}
	if (status)
	{
		finish(r, status);
	}
	else
	{
		queue((callback_job_cb_t)activate_job, r);
	}
}

METHOD(baton_restore_t, disconnected, void,
	private_baton_restore_t *this)
{
	restore_t *r;

	do
	{
		this->mutex->lock(this->mutex);
		if (this->waiting->remove_first(this->waiting, (void**)&r) != SUCCESS)
		{
			r = NULL;
		}
		this->mutex->unlock(this->mutex);
		if (r && r->adopted)
		{
			queue((callback_job_cb_t)activate_job, r);
		}
		else if (r)
		{
			restore_destroy(r);
		}
	}
	while (r);
}

METHOD(baton_restore_t, destroy, void,
	private_baton_restore_t *this)
{
	this->waiting->destroy_function(this->waiting, (void*)restore_destroy);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
baton_restore_t *baton_restore_create(baton_link_t **link,
									  baton_teller_t *teller)
{
	private_baton_restore_t *this;

	INIT(this,
		.public = {
			.install = _install,
			.armed = _armed,
			.disconnected = _disconnected,
			.destroy = _destroy,
		},
		.link = link,
		.teller = teller,
		.waiting = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.started = time_monotonic(NULL),
	);
	return &this->public;
}
