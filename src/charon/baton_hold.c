/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. charon's sender is where everything that leaves passes: its
 * send() is replaced. A response whose exchange is held stays in a list here, and no
 * thread waits; the thread that hears of batond's answer sends it. What charon sends
 * again meanwhile, because the peer asks again, is the same and is dropped.
 *
 * How long batond may take is its affair (ack_wait, on_store_loss): it always answers, or
 * the connection ends.
 */
#include "baton_hold.h"

#include <daemon.h>
#include <collections/hashtable.h>
#include <threading/mutex.h>
#include <baton/message.h>

typedef struct private_baton_hold_t private_baton_hold_t;
typedef typeof(((sender_t*)0)->send) send_t;

struct private_baton_hold_t {

	/**
	 * Public interface
	 */
	baton_hold_t public;

	/**
	 * Protects all below
	 */
	mutex_t *mutex;

	/**
	 * What is held, exchange_t by SPIs
	 */
	hashtable_t *exchanges;

	/**
	 * The same, by message IDs of messages to batond
	 */
	hashtable_t *owed;
};

/**
 * An exchange with something owed
 */
typedef struct {
	uint64_t spi_i;
	uint64_t spi_r;
	/** answers of batond to wait for */
	u_int owed;
	/** its response is to be held, or not to be sent at all */
	bool held;
	bool lost;
	/** message ID of that response */
	uint32_t mid;
	/** what is held of it, packet_t */
	linked_list_t *packets;
} exchange_t;

/** the original, and who replaces it */
static send_t real_send;
static private_baton_hold_t *hold;

static u_int hash(const void *key)
{
	const exchange_t *exchange = key;

	return (u_int)(exchange->spi_i ^ exchange->spi_r ^ exchange->spi_r >> 32);
}

static bool equals(const void *a, const void *b)
{
	const exchange_t *x = a, *y = b;

	return x->spi_i == y->spi_i && x->spi_r == y->spi_r;
}

static exchange_t *find(private_baton_hold_t *this, uint64_t spi_i, uint64_t spi_r)
{
	exchange_t key = {
		.spi_i = spi_i,
		.spi_r = spi_r,
	};

	return this->exchanges->get(this->exchanges, &key);
}

/**
 * Key of a message ID, which NULL is not
 */
static void *msgid_key(uint32_t msgid)
{
	return (void*)(uintptr_t)((uint64_t)msgid + 1);
}

/**
 * Send what was held, and forget the exchange; without the mutex
 */
static void let_go(exchange_t *exchange)
{
	packet_t *packet;

	while (exchange->packets->remove_first(exchange->packets,
										   (void**)&packet) == SUCCESS)
	{
		if (exchange->lost)
		{
			packet->destroy(packet);
		}
		else
		{
			real_send(charon->sender, packet);
		}
	}
	exchange->packets->destroy(exchange->packets);
	free(exchange);
}

METHOD(baton_hold_t, owe, void,
	private_baton_hold_t *this, uint64_t spi_i, uint64_t spi_r, uint32_t msgid)
{
	exchange_t *exchange;

	this->mutex->lock(this->mutex);
	exchange = find(this, spi_i, spi_r);
	if (!exchange)
	{
		INIT(exchange,
			.spi_i = spi_i,
			.spi_r = spi_r,
			.packets = linked_list_create(),
		);
		this->exchanges->put(this->exchanges, exchange, exchange);
	}
	exchange->owed++;
	this->owed->put(this->owed, msgid_key(msgid), exchange);
	this->mutex->unlock(this->mutex);
}

METHOD(baton_hold_t, hold_, void,
	private_baton_hold_t *this, uint64_t spi_i, uint64_t spi_r, uint32_t mid)
{
	exchange_t *exchange;

	this->mutex->lock(this->mutex);
	exchange = find(this, spi_i, spi_r);
	if (exchange)
	{
		exchange->held = TRUE;
		exchange->mid = mid;
	}
	this->mutex->unlock(this->mutex);
}

METHOD(baton_hold_t, settled, void,
	private_baton_hold_t *this, uint32_t msgid, bool lost)
{
	exchange_t *exchange;

	this->mutex->lock(this->mutex);
	exchange = this->owed->remove(this->owed, msgid_key(msgid));
	if (exchange)
	{
		exchange->lost |= lost;
	}
	if (exchange && --exchange->owed == 0)
	{
		this->exchanges->remove(this->exchanges, exchange);
	}
	else
	{
		exchange = NULL;
	}
	this->mutex->unlock(this->mutex);
	if (exchange)
	{
		let_go(exchange);
	}
}

METHOD(baton_hold_t, release, void,
	private_baton_hold_t *this)
{
	enumerator_t *enumerator;
	linked_list_t *all;
	exchange_t *exchange;
	void *key;

	all = linked_list_create();
	this->mutex->lock(this->mutex);
	enumerator = this->exchanges->create_enumerator(this->exchanges);
	while (enumerator->enumerate(enumerator, &key, &exchange))
	{
		this->exchanges->remove_at(this->exchanges, enumerator);
		all->insert_last(all, exchange);
	}
	enumerator->destroy(enumerator);
	enumerator = this->owed->create_enumerator(this->owed);
	while (enumerator->enumerate(enumerator, &key, &exchange))
	{
		this->owed->remove_at(this->owed, enumerator);
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
	all->destroy_function(all, (void*)let_go);
}

/**
 * Does the exchange hold this packet already?
 */
static bool has_packet(exchange_t *exchange, packet_t *packet)
{
	enumerator_t *enumerator;
	packet_t *current;
	bool found = FALSE;

	enumerator = exchange->packets->create_enumerator(exchange->packets);
	while (!found && enumerator->enumerate(enumerator, &current))
	{
		found = chunk_equals(current->get_data(current), packet->get_data(packet));
	}
	enumerator->destroy(enumerator);
	return found;
}

/**
 * Keep a packet back if it is to be held; takes ownership then
 */
static bool keep_back(private_baton_hold_t *this, packet_t *packet)
{
	chunk_t data = packet->get_data(packet);
	exchange_t *exchange = NULL;
	bool kept = FALSE;

	/* SPIs, flags at 19, message ID at 20: RFC 7296, 3.1 */
	if (data.len < BATON_IKE_HEADER_LEN || !(data.ptr[19] & BATON_FLAG_RESPONSE))
	{
		return FALSE;
	}
	this->mutex->lock(this->mutex);
	if (this->exchanges->get_count(this->exchanges))
	{
		exchange = find(this, untoh64(data.ptr), untoh64(data.ptr + 8));
	}
	if (exchange && exchange->held && exchange->mid == untoh32(data.ptr + 20))
	{
		kept = TRUE;
		if (has_packet(exchange, packet))
		{
			packet->destroy(packet);
		}
		else
		{
			exchange->packets->insert_last(exchange->packets, packet);
		}
	}
	this->mutex->unlock(this->mutex);
	return kept;
}

/**
 * Replaces the sender's
 */
static void send_packet(sender_t *sender, packet_t *packet)
{
	if (!keep_back(hold, packet))
	{
		real_send(sender, packet);
	}
}

METHOD(baton_hold_t, stop, void,
	private_baton_hold_t *this)
{
	charon->sender->send = real_send;
	release(this);
}

METHOD(baton_hold_t, destroy, void,
	private_baton_hold_t *this)
{
	release(this);
	this->exchanges->destroy(this->exchanges);
	this->owed->destroy(this->owed);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
baton_hold_t *baton_hold_create(void)
{
	private_baton_hold_t *this;

	INIT(this,
		.public = {
			.owe = _owe,
			.hold = _hold_,
			.settled = _settled,
			.release = _release,
			.stop = _stop,
			.destroy = _destroy,
		},
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.exchanges = hashtable_create(hash, equals, 32),
		.owed = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32),
	);
	hold = this;
	real_send = charon->sender->send;
	charon->sender->send = send_packet;
	return &this->public;
}
