/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. charon's watcher tells when there is something to read,
 * and runs the callback on a thread of the pool, never twice at once. That
 * callback is the only one that closes the socket; everybody else who meets an
 * error shuts it down, which makes it readable. Senders never wait: a packet that
 * the socket does not take is queued, and a scheduled job tries again. A queue
 * that is full means that batond is stuck: it is cut off, and told everything once
 * more when it is back.
 */
#include "baton_link.h"

#include <daemon.h>
#include <processing/jobs/callback_job.h>
#include <threading/mutex.h>

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/** packets that may wait, and when to try again */
#define QUEUE_MAX 8192
#define FLUSH_MS 5

/** waiting time between attempts to connect, doubled each time */
#define RECONNECT_MIN_MS 200u
#define RECONNECT_MAX_MS 2000u

#define BUFFER_SIZE (4 << 20)

typedef struct private_baton_link_t private_baton_link_t;

struct private_baton_link_t {

	/**
	 * Public interface
	 */
	baton_link_t public;

	/**
	 * Where batond listens
	 */
	char *path;

	/**
	 * Whom to tell
	 */
	baton_link_cbs_t cbs;

	/**
	 * Protects all below, recursive for connected()
	 */
	mutex_t *mutex;

	/**
	 * Socket, -1 if not connected
	 */
	int fd;

	/**
	 * Packets that wait for the socket, chunk_t*
	 */
	linked_list_t *queue;

	/**
	 * A flush job is scheduled
	 */
	bool flushing;

	/**
	 * Next message ID
	 */
	uint32_t msgid;

	/**
	 * Current waiting time
	 */
	uint32_t reconnect_ms;

	/**
	 * Absence of batond was logged
	 */
	bool complained;

	/**
	 * Used by the reading callback only: packet, message, its statuses
	 */
	uint8_t buf[BATON_MESSAGE_MAX];
	struct baton_message message;
	struct baton_status statuses[BATON_ITEMS_MAX];
};

static void schedule_connect(private_baton_link_t *this, uint32_t ms);

/**
 * Drop a queued packet
 */
static void packet_destroy(chunk_t *packet)
{
	chunk_clear(packet);
	free(packet);
}

/**
 * Note a send error: the reading callback does the rest
 */
static void cut_off(private_baton_link_t *this, const char *why)
{
	DBG1(DBG_CFG, "baton: connection to batond lost: %s", why);
	shutdown(this->fd, SHUT_RDWR);
}

/**
 * Try to send a packet; TRUE if there is nothing more to do with it
 */
static bool try_send(private_baton_link_t *this, const void *buf, size_t len)
{
	if (send(this->fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
	{
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
		{
			return FALSE;
		}
		if (errno != EPIPE && errno != ECONNRESET && errno != ENOTCONN)
		{
			cut_off(this, strerror(errno));
		}
	}
	return TRUE;
}

/**
 * Job: send what waits
 */
static job_requeue_t flush(private_baton_link_t *this)
{
	chunk_t *packet;
	job_requeue_t again = JOB_REQUEUE_NONE;

	this->mutex->lock(this->mutex);
	while (this->queue->get_first(this->queue, (void**)&packet) == SUCCESS)
	{
		if (this->fd != -1 && !try_send(this, packet->ptr, packet->len))
		{
			again = JOB_RESCHEDULE_MS(FLUSH_MS);
			break;
		}
		this->queue->remove_first(this->queue, (void**)&packet);
		packet_destroy(packet);
	}
	this->flushing = again.type != JOB_REQUEUE_TYPE_NONE;
	this->mutex->unlock(this->mutex);
	return again;
}

/**
 * Queue a packet the socket did not take, with the mutex held
 */
static void enqueue(private_baton_link_t *this, const void *buf, size_t len)
{
	chunk_t *packet;

	if (this->queue->get_count(this->queue) >= QUEUE_MAX)
	{
		cut_off(this, "it does not read");
		return;
	}
	packet = malloc_thing(chunk_t);
	*packet = chunk_clone(chunk_create((u_char*)buf, len));
	this->queue->insert_last(this->queue, packet);
	if (!this->flushing)
	{
		this->flushing = TRUE;
		lib->scheduler->schedule_job_ms(lib->scheduler, (job_t*)
				callback_job_create_with_prio((callback_job_cb_t)flush, this, NULL,
					(callback_job_cancel_t)return_false, JOB_PRIO_HIGH), FLUSH_MS);
	}
}

METHOD(baton_link_t, send_, bool,
	private_baton_link_t *this, const void *buf, int len)
{
	bool connected;

	if (len <= 0)
	{
		return FALSE;
	}
	this->mutex->lock(this->mutex);
	connected = this->fd != -1;
	if (connected && (this->queue->get_count(this->queue) ||
					  !try_send(this, buf, (size_t)len)))
	{
		enqueue(this, buf, (size_t)len);
	}
	this->mutex->unlock(this->mutex);
	return connected;
}

METHOD(baton_link_t, request, struct baton_header,
	private_baton_link_t *this, enum baton_exchange_type exchange)
{
	struct baton_header header = {
		.exchange = (uint8_t)exchange,
		.flags = BATON_FLAG_INITIATOR,
	};

	this->mutex->lock(this->mutex);
	header.msgid = this->msgid++;
	this->mutex->unlock(this->mutex);
	return header;
}

METHOD(baton_link_t, respond, void,
	private_baton_link_t *this, const struct baton_header *request,
	const struct baton_status *statuses, unsigned count)
{
	struct baton_header header = *request;
	struct baton_builder builder;
	uint8_t *buf;
	unsigned i;

	buf = malloc(BATON_MESSAGE_MAX);
	header.flags = BATON_FLAG_RESPONSE;
	baton_build_begin(&builder, buf, BATON_MESSAGE_MAX, &header);
	if (statuses)
	{
		for (i = 0; i < count; i++)
		{
			baton_build_status(&builder, &statuses[i]);
		}
	}
	else
	{
		baton_build_error(&builder, (uint16_t)count);
	}
	send_(this, buf, baton_build_end(&builder));
	free(buf);
}

/**
 * Forget the connection, from the reading callback
 */
static void disconnected(private_baton_link_t *this)
{
	chunk_t *packet;

	this->mutex->lock(this->mutex);
	close(this->fd);
	this->fd = -1;
	while (this->queue->remove_first(this->queue, (void**)&packet) == SUCCESS)
	{
		packet_destroy(packet);
	}
	this->reconnect_ms = RECONNECT_MIN_MS;
	this->mutex->unlock(this->mutex);
	this->cbs.disconnected(this->cbs.data);
}

/**
 * Decode a packet and hand it up
 */
static void receive(private_baton_link_t *this, size_t len)
{
	struct baton_where where;
	int err;

	this->message.statuses = this->statuses;
	this->message.status_max = BATON_ITEMS_MAX;
	err = baton_message_decode(&this->message, this->buf, len, &where);
	if (err)
	{
		DBG1(DBG_CFG, "baton: message from batond refused: %s (payload %u, "
			 "offset %u, %s)", baton_strerror(err), where.payload, where.offset,
			 where.field);
	}
	else
	{
		this->cbs.received(this->cbs.data, &this->message);
	}
	baton_wipe(this->buf, len);
}

/**
 * Watcher callback: the socket is readable
 */
static bool readable(private_baton_link_t *this, int fd, watcher_event_t event)
{
	ssize_t len;

	len = recv(fd, this->buf, sizeof(this->buf), MSG_DONTWAIT);
	if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
	{
		return TRUE;
	}
	if (len <= 0)
	{
		DBG1(DBG_CFG, "baton: batond closed the connection, IKE_SAs go on without");
		disconnected(this);
		schedule_connect(this, RECONNECT_MIN_MS);
		return FALSE;
	}
	receive(this, (size_t)len);
	return TRUE;
}

/**
 * Open and connect a socket; -1 with errno if that fails
 */
static int open_socket(private_baton_link_t *this)
{
	struct sockaddr_un addr = {
		.sun_family = AF_UNIX,
	};
	int fd, size = BUFFER_SIZE;

	strncpy(addr.sun_path, this->path, sizeof(addr.sun_path) - 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
	{
		return -1;
	}
	if (connect(fd, (struct sockaddr*)&addr, sizeof(addr)) < 0)
	{
		close(fd);
		return -1;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
	{	/* not privileged: what the system allows must do */
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	return fd;
}

/**
 * Job: connect, or try again later
 */
static job_requeue_t connect_job(private_baton_link_t *this)
{
	uint32_t wait;
	int fd;

	fd = open_socket(this);
	if (fd < 0)
	{
		if (!this->complained)
		{
			DBG1(DBG_CFG, "baton: no connection to batond at %s: %s; trying again "
				 "for ever, IKE_SAs are not stored meanwhile", this->path,
				 strerror(errno));
			this->complained = TRUE;
		}
		wait = this->reconnect_ms;
		this->reconnect_ms = min(2 * wait, RECONNECT_MAX_MS);
		return JOB_RESCHEDULE_MS(wait);
	}
	DBG1(DBG_CFG, "baton: connected to batond at %s", this->path);
	this->complained = FALSE;

	this->mutex->lock(this->mutex);
	this->fd = fd;
	this->cbs.connected(this->cbs.data);
	this->mutex->unlock(this->mutex);

	lib->watcher->add(lib->watcher, fd, WATCHER_READ, (watcher_cb_t)readable, this);
	return JOB_REQUEUE_NONE;
}

/**
 * Schedule an attempt to connect
 */
static void schedule_connect(private_baton_link_t *this, uint32_t ms)
{
	lib->scheduler->schedule_job_ms(lib->scheduler, (job_t*)
			callback_job_create_with_prio((callback_job_cb_t)connect_job, this, NULL,
				(callback_job_cancel_t)return_false, JOB_PRIO_HIGH), ms);
}

METHOD(baton_link_t, start, void,
	private_baton_link_t *this)
{
	schedule_connect(this, 0);
}

METHOD(baton_link_t, destroy, void,
	private_baton_link_t *this)
{
	if (this->fd != -1)
	{
		lib->watcher->remove(lib->watcher, this->fd);
		close(this->fd);
	}
	this->queue->destroy_function(this->queue, (void*)packet_destroy);
	this->mutex->destroy(this->mutex);
	free(this->path);
	baton_locked_free(this, sizeof(*this));
}

/*
 * Described in header
 */
baton_link_t *baton_link_create(const char *path, const baton_link_cbs_t *cbs)
{
	private_baton_link_t *this;

	/* not INIT(): it is large, and packets hold keys */
	this = baton_locked_alloc(sizeof(*this));
	if (!this)
	{
		return NULL;
	}
	this->public.start = _start;
	this->public.send = _send_;
	this->public.request = _request;
	this->public.respond = _respond;
	this->public.destroy = _destroy;
	this->path = strdup(path);
	this->cbs = *cbs;
	this->mutex = mutex_create(MUTEX_TYPE_RECURSIVE);
	this->queue = linked_list_create();
	this->fd = -1;
	this->reconnect_ms = RECONNECT_MIN_MS;
	return &this->public;
}
