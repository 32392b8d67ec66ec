/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The charon plugin "baton": captures the state of IKE_SAs for batond, and restores
 * it. Each part has its own file; here they are put together.
 */
#include "baton_capture.h"
#include "baton_client.h"
#include "baton_elsewhere.h"
#include "baton_msgid.h"
#include "baton_kernel.h"
#include "baton_keymat.h"
#include "baton_rekey.h"
#include "baton_remove.h"
#include "baton_restore.h"
#include "baton_move.h"
#include "baton_resume.h"
#include "baton_spi.h"
#include "baton_version.h"
#include "baton_vips.h"

#include <daemon.h>
#include <plugins/plugin.h>

#define DEFAULT_SOCKET "/run/baton/charon.sock"

typedef struct private_baton_plugin_t private_baton_plugin_t;

struct private_baton_plugin_t {

	/**
	 * Implements plugin_t
	 */
	plugin_t public;

	/**
	 * Link to batond
	 */
	baton_link_t *link;

	/**
	 * Holds responses back
	 */
	baton_hold_t *hold;

	/**
	 * Tells batond
	 */
	baton_teller_t *teller;

	/**
	 * Notices what there is to tell
	 */
	baton_capture_t *capture;

	/**
	 * Restores
	 */
	baton_restore_t *restore;

	/**
	 * In place of all of these: follows a gateway
	 */
	baton_client_t *client;
};

/**
 * Constructor, looked up by name
 */
__attribute__((visibility("default"))) plugin_t *baton_plugin_create(void);

METHOD(plugin_t, get_name, char*,
	private_baton_plugin_t *this)
{
	return "baton";
}

/**
 * Link callback: connected
 */
static void connected(void *data)
{
	private_baton_plugin_t *this = data;

	this->teller->connected(this->teller);
}

/**
 * Link callback: disconnected
 */
static void disconnected(void *data)
{
	private_baton_plugin_t *this = data;

	this->restore->disconnected(this->restore);
	this->hold->release(this->hold);
}

/**
 * Handle a request of batond
 */
static void handle_request(private_baton_plugin_t *this,
						   const struct baton_message *message)
{
	switch (message->header.exchange)
	{
		case BATON_SA_INSTALL:
			this->restore->install(this->restore, message);
			break;
		case BATON_SA_REMOVE:
			baton_remove(this->link, this->teller, message);
			break;
		case BATON_SA_REKEY:
			baton_rekey(this->link, message);
			break;
		default:
			this->link->respond(this->link, &message->header, NULL,
								BATON_E_EXCHANGE);
			break;
	}
}

/**
 * Link callback: message received
 */
static void received(void *data, const struct baton_message *message)
{
	private_baton_plugin_t *this = data;

	if (!(message->header.flags & BATON_FLAG_RESPONSE))
	{
		handle_request(this, message);
	}
	else if (message->header.exchange == BATON_SA_STOR)
	{
		this->teller->stored(this->teller, message);
	}
	else if (message->header.exchange == BATON_SA_ARM)
	{
		this->restore->armed(this->restore, message);
	}
	else if (message->header.exchange == BATON_SA_RETR)
	{
		baton_elsewhere_answer(message);
	}
}

/**
 * Create the parts
 */
static bool create_parts(private_baton_plugin_t *this)
{
	baton_link_cbs_t cbs = {
		.connected = connected,
		.disconnected = disconnected,
		.received = received,
		.data = this,
	};
	char *path;

	path = lib->settings->get_str(lib->settings, "%s.plugins.baton.socket",
								  DEFAULT_SOCKET, lib->ns);
	this->link = baton_link_create(path, &cbs);
	this->hold = baton_hold_create();
	this->teller = baton_teller_create(&this->link, this->hold);
	if (!this->link || !this->teller)
	{
		DBG1(DBG_LIB, "baton: out of memory");
		return FALSE;
	}
	this->capture = baton_capture_create(this->teller);
	this->restore = baton_restore_create(&this->link, this->teller);
	return TRUE;
}

/**
 * The same for the plugin of a client
 */
static bool client_cb(private_baton_plugin_t *this, bool reg)
{
	if (reg)
	{
		this->client = baton_client_create();
		charon->bus->add_listener(charon->bus, &this->client->listener);
	}
	else
	{
		charon->bus->remove_listener(charon->bus, &this->client->listener);
	}
	return TRUE;
}

static bool is_client(void)
{
	return lib->settings->get_bool(lib->settings, "%s.plugins.baton.client", FALSE,
								   lib->ns);
}

/**
 * Put the plugin to work, or to rest
 */
static bool plugin_cb(private_baton_plugin_t *this, plugin_feature_t *feature,
					  bool reg, void *data)
{
	if (reg ? is_client() : this->client != NULL)
	{
		return client_cb(this, reg);
	}
	if (reg)
	{
		if (!baton_layout_check() || !create_parts(this))
		{
			return FALSE;
		}
		baton_kernel_init();
		baton_elsewhere_init(this->link);
		baton_vips_init();
		baton_spi_init();
		baton_resume_init();
		baton_move_init(this->teller);
		baton_msgid_init(this->teller);
		keymat_register_constructor(IKEV2, baton_keymat_create);
		charon->bus->add_listener(charon->bus, &this->capture->listener);
		this->link->start(this->link);
	}
	else
	{
		charon->bus->remove_listener(charon->bus, &this->capture->listener);
		this->hold->stop(this->hold);
		keymat_register_constructor(IKEV2, NULL);
		baton_move_deinit();
		baton_resume_deinit();
		baton_spi_deinit();
		baton_vips_deinit();
		baton_elsewhere_deinit();
		baton_kernel_deinit();
	}
	return TRUE;
}

METHOD(plugin_t, get_features, int,
	private_baton_plugin_t *this, plugin_feature_t *features[])
{
	static plugin_feature_t f[] = {
		PLUGIN_CALLBACK((plugin_feature_callback_t)plugin_cb, NULL),
			PLUGIN_PROVIDE(CUSTOM, "baton"),
				PLUGIN_DEPENDS(CUSTOM, "libcharon-sa-managers"),
				PLUGIN_DEPENDS(CUSTOM, "libcharon-receiver"),
				PLUGIN_DEPENDS(CUSTOM, "kernel-ipsec"),
				PLUGIN_DEPENDS(CUSTOM, "socket"),
	};
	*features = f;
	return countof(f);
}

METHOD(plugin_t, destroy, void,
	private_baton_plugin_t *this)
{
	DESTROY_IF(this->client);
	DESTROY_IF(this->restore);
	DESTROY_IF(this->capture);
	DESTROY_IF(this->teller);
	DESTROY_IF(this->link);
	DESTROY_IF(this->hold);
	baton_vault_deinit();
	free(this);
}

/*
 * Described above
 */
plugin_t *baton_plugin_create(void)
{
	private_baton_plugin_t *this;

	if (!baton_version_check())
	{
		return NULL;
	}
	/* A shared address comes and goes by VRRP. To charon that looks like roaming, and
	 * it would lead the clients to this gateway's own address, from which no other
	 * gateway could take them over. Read by kernel-netlink after this. */
	if (!is_client())
	{
		lib->settings->set_default_str(lib->settings,
				"%s.plugins.kernel-netlink.roam_events", "no", lib->ns);
	}
	baton_vault_init();
	INIT(this,
		.public = {
			.get_name = _get_name,
			.get_features = _get_features,
			.destroy = _destroy,
		},
	);
	return &this->public;
}
