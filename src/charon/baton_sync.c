/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. The stores do not know of a request of the former owner's that the peer
 * has executed and whose response was not reported. Its message ID cannot be used again. So the
 * new owner asks with message ID 0 (RFC 6311, 5.1), and says that it goes on from an ID above
 * all that can have been used. charon as a peer does what is asked.
 *
 * How the task waits for its turn, and gets its response, which has another message ID than
 * charon expects one to have: baton_msgid.h.
 *
 * It is not used where the IKE_SA has an AEAD, or a counter mode: charon draws IVs from message
 * IDs, and as the peer cannot answer with message ID 0 if it has done so before. Its IKE_SA ends then.
 */
#include "baton_sync.h"
#include "baton_msgid.h"
#include "baton_update.h"

#include <daemon.h>
#include <bio/bio_writer.h>
#include <encoding/payloads/notify_payload.h>

#define NOTIFY_SIZE 12

/** message IDs of an owner begin at its epoch times this, unless they are higher already */
#define IDS_OF_EPOCH_SHIFT 16

/** requests that a charon which was started anew may have had answered, and not reported */
#define UNREPORTED 256

typedef struct private_baton_sync_t private_baton_sync_t;

struct private_baton_sync_t {

	/**
	 * What it has in common with others
	 */
	baton_msgid_t base;

	/**
	 * What we have sent, or shall send
	 */
	baton_mid_sync_t sent;
};

/**
 * Can it be asked for, with these algorithms?
 */
static bool is_safe(ike_sa_t *ike_sa)
{
	proposal_t *proposal = ike_sa->get_proposal(ike_sa);
	uint16_t alg;

	return proposal &&
		   proposal->get_algorithm(proposal, ENCRYPTION_ALGORITHM, &alg, NULL) &&
		   !encryption_algorithm_is_aead(alg) && alg != ENCR_AES_CTR &&
		   alg != ENCR_CAMELLIA_CTR;
}

/**
 * What the peer has said in IKE_AUTH
 */
static void learn(ike_sa_t *ike_sa, message_t *message)
{
	if (!message->get_notify(message, IKEV2_MESSAGE_ID_SYNC_SUPPORTED))
	{
		return;
	}
	ike_sa->enable_extension(ike_sa, EXT_IKE_MESSAGE_ID_SYNC);
	if (message->get_notify(message, IKEV2_REPLAY_COUNTER_SYNC_SUPPORTED))
	{
		ike_sa->enable_extension(ike_sa, BATON_EXT_REPLAY_SYNC);
	}
}

/*
 * Described in header
 */
void baton_sync_negotiate(ike_sa_t *ike_sa, message_t *message, bool incoming,
						  bool client)
{
	bool request = message->get_request(message);

	if (message->get_exchange_type(message) != IKE_AUTH || !is_safe(ike_sa))
	{
		return;
	}
	if (incoming)
	{
		if (request != client)
		{
			learn(ike_sa, message);
		}
	}
	else if (request && client &&
			 message->get_notify(message, IKEV2_MESSAGE_ID_SYNC_SUPPORTED))
	{	/* that one is charon's */
		message->add_notify(message, FALSE, IKEV2_REPLAY_COUNTER_SYNC_SUPPORTED,
							chunk_empty);
	}
	else if (!request && !client && message->get_payload(message, PLV2_AUTH) &&
			 !message->get_payload(message, PLV2_EAP) &&
			 ike_sa->supports_extension(ike_sa, EXT_IKE_MESSAGE_ID_SYNC))
	{
		message->add_notify(message, FALSE, IKEV2_MESSAGE_ID_SYNC_SUPPORTED,
							chunk_empty);
		if (ike_sa->supports_extension(ike_sa, BATON_EXT_REPLAY_SYNC))
		{
			message->add_notify(message, FALSE,
								IKEV2_REPLAY_COUNTER_SYNC_SUPPORTED, chunk_empty);
		}
	}
}

/*
 * Described in header
 */
bool baton_sync_parse(message_t *message, baton_mid_sync_t *sync)
{
	notify_payload_t *notify = message->get_notify(message, IKEV2_MESSAGE_ID_SYNC);
	chunk_t data;

	data = notify ? notify->get_notification_data(notify) : chunk_empty;
	if (data.len != NOTIFY_SIZE)
	{
		return FALSE;
	}
	sync->nonce = untoh32(data.ptr);
	sync->send = untoh32(data.ptr + 4);
	sync->recv = untoh32(data.ptr + 8);
	return TRUE;
}

/**
 * By how much the peer is to raise its numbers: 8 octets where they are extended
 */
static void add_delta(private_baton_sync_t *this, message_t *message)
{
	enumerator_t *enumerator;
	child_sa_t *child_sa;
	uint64_t delta = htobe64(BATON_REPLAY_DELTA);
	bool any = FALSE, esn = FALSE;

	enumerator = this->base.ike_sa->create_child_sa_enumerator(this->base.ike_sa);
	while (enumerator->enumerate(enumerator, &child_sa))
	{
		proposal_t *proposal = child_sa->get_proposal(child_sa);
		uint16_t alg;

		any = TRUE;
		esn |= proposal && proposal->get_algorithm(proposal,
								EXTENDED_SEQUENCE_NUMBERS, &alg, NULL) &&
			   alg == EXT_SEQ_NUMBERS;
	}
	enumerator->destroy(enumerator);
	if (any)
	{
		message->add_notify(message, FALSE, IPSEC_REPLAY_COUNTER_SYNC,
							chunk_skip(chunk_from_thing(delta), esn ? 0 : 4));
	}
}

METHOD(task_t, build, status_t,
	private_baton_sync_t *this, message_t *message)
{
	rng_t *rng;
	bio_writer_t *writer;
	bool success;

	if (baton_msgid_is_over(&this->base, message))
	{
		return SUCCESS;
	}
	rng = lib->crypto->create_rng(lib->crypto, RNG_WEAK);
	success = rng && rng->get_bytes(rng, sizeof(this->sent.nonce),
									(uint8_t*)&this->sent.nonce);
	DESTROY_IF(rng);
	if (!success)
	{
		return FAILED;
	}
	this->sent.recv = this->base.ike_sa->get_message_id(this->base.ike_sa, FALSE);
	writer = bio_writer_create(NOTIFY_SIZE);
	writer->write_uint32(writer, this->sent.nonce);
	writer->write_uint32(writer, this->sent.send);
	writer->write_uint32(writer, this->sent.recv);
	message->set_message_id(message, 0);
	message->add_notify(message, FALSE, IKEV2_MESSAGE_ID_SYNC,
						writer->get_buf(writer));
	writer->destroy(writer);
	if (this->base.ike_sa->supports_extension(this->base.ike_sa, BATON_EXT_REPLAY_SYNC))
	{
		add_delta(this, message);
	}
	DBG1(DBG_IKE, "baton: synchronizing message IDs with '%Y': ours go on at %u",
		 this->base.ike_sa->get_other_eap_id(this->base.ike_sa), this->sent.send);
	return NEED_MORE;
}

METHOD(task_t, destroy, void,
	private_baton_sync_t *this)
{
	free(this);
}

/*
 * Described in header
 */
bool baton_sync_queue(ike_sa_t *ike_sa, const struct baton_session *session)
{
	private_baton_sync_t *this;
	uint32_t epoch = session->epoch << IDS_OF_EPOCH_SHIFT;

	if (!ike_sa->supports_extension(ike_sa, EXT_IKE_MESSAGE_ID_SYNC) ||
		!is_safe(ike_sa))
	{
		return FALSE;
	}
	INIT(this,
		.sent = {
			.send = max(session->msgid_out + UNREPORTED, epoch),
		},
	);
	baton_msgid_create(&this->base, ike_sa, _build, _destroy);
	ike_sa->queue_task(ike_sa, &this->base.public);
	return TRUE;
}

/**
 * Is it what the peer had to say?
 */
static bool is_answer(const private_baton_sync_t *this, message_t *message,
					  baton_mid_sync_t *got)
{
	return message->get_exchange_type(message) == INFORMATIONAL &&
		   baton_sync_parse(message, got) && got->nonce == this->sent.nonce &&
		   got->recv >= this->sent.send && got->send >= this->sent.recv;
}

/*
 * Described in header
 */
bool baton_sync_answered(ike_sa_t *ike_sa, message_t *message, status_t *status)
{
	private_baton_sync_t *this;
	baton_mid_sync_t got;

	this = (private_baton_sync_t*)baton_msgid_find(ike_sa, _build);
	if (!this)
	{
		return FALSE;
	}
	*status = SUCCESS;
	if (message->get_message_id(message) != 0)
	{	/* to a request of the former owner's */
		return TRUE;
	}
	if (message->parse_body(message, ike_sa->get_keymat(ike_sa)) != SUCCESS ||
		!is_answer(this, message, &got))
	{
		baton_update_refuse(BATON_REFUSED_SYNC, message->get_source(message));
		return TRUE;
	}
	DBG1(DBG_IKE, "baton: message IDs are synchronized with '%Y': %u in, %u out",
		 ike_sa->get_other_eap_id(ike_sa), got.send, got.recv);
	if (got.send > ike_sa->get_message_id(ike_sa, FALSE))
	{
		ike_sa->set_message_id(ike_sa, FALSE, got.send);
	}
	*status = baton_msgid_known(ike_sa, _build, got.recv);
	return TRUE;
}
