/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A charon that does not keep to docs/protocol.md, for the lab: it has the keys, so what it sends
 * is authentic, and has to be refused for what it says. What is wrong is one word in the file
 * `orders` (strongswan.conf, rogue.orders), read with each INFORMATIONAL message that is sent;
 * without the file, or with another word, it behaves.
 */
#include <daemon.h>
#include <plugins/plugin.h>

#include "charon/baton_update.h"

#include <stdio.h>
#include <string.h>

#define ORDER_MAX 32

typedef struct {
	const char *order;
	/** of a request, or of a response */
	bool request;
	notify_type_t type;
	void (*spoil)(chunk_t *data);
} rogue_t;

typedef struct {
	plugin_t plugin;
	listener_t listener;
} rogue_plugin_t;

__attribute__((visibility("default"))) plugin_t *rogue_plugin_create(void);

static void shorten(chunk_t *data)
{
	data->len = data->len > 3 ? 3 : 0;
}

/** 0 is an epoch that nobody has ever had */
static void backdate(chunk_t *data)
{
	memset(data->ptr, 0, data->len);
}

static void flip(chunk_t *data)
{
	if (data->len)
	{
		data->ptr[0] ^= 0xff;
	}
}

static const rogue_t rogues[] = {
	{ "length", TRUE, BATON_ADDRESS_UPDATE, shorten },
	{ "epoch", TRUE, BATON_ADDRESS_UPDATE, backdate },
	{ "cookie", FALSE, COOKIE2, flip },
	{ "sync", FALSE, IKEV2_MESSAGE_ID_SYNC, flip },
	{ "raise", TRUE, IPSEC_REPLAY_COUNTER_SYNC, shorten },
};

/**
 * The word, "" for none
 */
static void read_order(char order[ORDER_MAX])
{
	char *path = lib->settings->get_str(lib->settings, "%s.plugins.rogue.orders", "", lib->ns);
	FILE *file = fopen(path, "re");

	order[0] = '\0';
	if (file)
	{
		if (!fgets(order, ORDER_MAX, file))
		{
			order[0] = '\0';
		}
		order[strcspn(order, "\n")] = '\0';
		fclose(file);
	}
}

static void obey(const rogue_t *rogue, message_t *message)
{
	notify_payload_t *notify = message->get_notify(message, rogue->type);
	chunk_t data;

	if (notify && message->get_request(message) == rogue->request)
	{
		data = chunk_clone(notify->get_notification_data(notify));
		DBG1(DBG_IKE, "rogue: %s", rogue->order);
		rogue->spoil(&data);
		notify->set_notification_data(notify, data);
		chunk_free(&data);
	}
}

static bool on_message(listener_t *listener, ike_sa_t *ike_sa, message_t *message, bool incoming,
					   bool plain)
{
	char order[ORDER_MAX];
	u_int i;

	if (incoming || !plain || message->get_exchange_type(message) != INFORMATIONAL)
	{
		return TRUE;
	}
	read_order(order);
	for (i = 0; i < countof(rogues); i++)
	{
		if (streq(order, rogues[i].order))
		{
			obey(&rogues[i], message);
		}
	}
	if (streq(order, "role") && message->get_request(message))
	{	/* what only a gateway may ask of a client */
		DBG1(DBG_IKE, "rogue: %s", order);
		message->add_notify(message, FALSE, BATON_ADDRESS_UPDATE, chunk_from_chars(0, 0, 0, 9));
	}
	return TRUE;
}

static char *get_name(plugin_t *plugin)
{
	return "rogue";
}

static bool set_listener(plugin_t *plugin, plugin_feature_t *feature, bool reg, void *data)
{
	rogue_plugin_t *this = (rogue_plugin_t*)plugin;

	if (reg)
	{
		charon->bus->add_listener(charon->bus, &this->listener);
	}
	else
	{
		charon->bus->remove_listener(charon->bus, &this->listener);
	}
	return TRUE;
}

static int get_features(plugin_t *plugin, plugin_feature_t *features[])
{
	static plugin_feature_t provided[] = {
		PLUGIN_CALLBACK(set_listener, NULL),
			PLUGIN_PROVIDE(CUSTOM, "rogue"),
				PLUGIN_DEPENDS(CUSTOM, "baton"), /* to hear a message after it */
	};

	*features = provided;
	return countof(provided);
}

static void destroy(plugin_t *plugin)
{
	free(plugin);
}

/*
 * Constructor, looked up by name
 */
plugin_t *rogue_plugin_create(void)
{
	rogue_plugin_t *this;

	INIT(this,
		.plugin = {
			.get_name = get_name,
			.get_features = get_features,
			.destroy = destroy,
		},
		.listener = {
			.message = on_message,
		},
	);
	return &this->plugin;
}
