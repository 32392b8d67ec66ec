/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_elsewhere.h"
#include "baton_convert.h"

#include <daemon.h>
#include <collections/linked_list.h>
#include <threading/condvar.h>
#include <threading/mutex.h>

#define PATIENCE_MS 500

/**
 * A question under way, on the stack of who asks
 */
typedef struct {
	uint32_t msgid;
	bool answered;
	bool found;
} question_t;

static baton_link_t *batond;
static linked_list_t *questions;
static mutex_t *mutex;
static condvar_t *condvar;

/*
 * Described in header
 */
bool baton_is_elsewhere(host_t *vip)
{
	struct baton_header header = batond->request(batond, BATON_SA_RETR);
	question_t question = {
		.msgid = header.msgid,
	};
	struct baton_builder builder;
	struct baton_addr address;
	uint8_t buf[128];
	timeval_t until;
	bool timeout = FALSE;

	if (!baton_from_host(vip, &address))
	{
		return FALSE;
	}
	address.port = 0;
	baton_build_begin(&builder, buf, sizeof(buf), &header);
	baton_build_by_address(&builder, &address);

	time_monotonic(&until);
	timeval_add_ms(&until, PATIENCE_MS);
	mutex->lock(mutex);
	questions->insert_last(questions, &question);
	if (batond->send(batond, buf, baton_build_end(&builder)))
	{
		while (!question.answered && !timeout)
		{
			timeout = condvar->timed_wait_abs(condvar, mutex, until);
		}
	}
	questions->remove(questions, &question, NULL);
	mutex->unlock(mutex);
	if (question.found)
	{
		DBG1(DBG_CFG, "baton: %H is in use at another gateway, passed over", vip);
	}
	return question.found;
}

/*
 * Described in header
 */
void baton_elsewhere_answer(const struct baton_message *message)
{
	enumerator_t *enumerator;
	question_t *question;

	mutex->lock(mutex);
	enumerator = questions->create_enumerator(questions);
	while (enumerator->enumerate(enumerator, &question))
	{
		if (question->msgid == message->header.msgid)
		{
			question->answered = TRUE;
			question->found = !message->error && message->status_count;
		}
	}
	enumerator->destroy(enumerator);
	condvar->broadcast(condvar);
	mutex->unlock(mutex);
}

/*
 * Described in header
 */
void baton_elsewhere_init(baton_link_t *the_link)
{
	batond = the_link;
	questions = linked_list_create();
	mutex = mutex_create(MUTEX_TYPE_DEFAULT);
	condvar = condvar_create(CONDVAR_TYPE_DEFAULT);
}

/*
 * Described in header
 */
void baton_elsewhere_deinit(void)
{
	questions->destroy(questions);
	condvar->destroy(condvar);
	mutex->destroy(mutex);
}
