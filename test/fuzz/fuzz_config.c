/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz.h"

#include "daemon/config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct baton_config c;

static void check_addr(const struct baton_addr *a)
{
	struct baton_addr again;
	char text[80];

	baton_addr_print(a, text, sizeof(text));
	FUZZ_CHECK(baton_addr_parse(&again, text, 1) == 0);
	FUZZ_CHECK(baton_addr_equal(a, &again) && a->port == again.port);
}

static void check_id(const struct baton_id *id)
{
	struct baton_id again;
	char text[300];

	FUZZ_CHECK(id->type == BATON_ID_FQDN || id->type == BATON_ID_IPV4 ||
		   id->type == BATON_ID_IPV6);
	baton_id_print(id, text, sizeof(text));
	FUZZ_CHECK(baton_id_parse(&again, text) == 0 && baton_id_equal(id, &again));
}

/* What batond relies on in a configuration that was accepted. */
static void check_accepted(void)
{
	check_id(&c.server_id);
	FUZZ_CHECK(strlen(c.run_dir) < sizeof(c.run_dir) && c.run_dir[0] == '/');
	FUZZ_CHECK(c.peer_count <= BATON_PEERS_MAX && (!c.peer_count || c.listen.family));
	FUZZ_CHECK(c.mtu >= 512 && c.mtu <= 65000 && c.reqid > 0);
	FUZZ_CHECK(c.counter_age_ms >= 10 && c.counter_age_ms <= 60000);
	FUZZ_CHECK(c.lease >= 64 && c.lease <= 1u << 28 && c.max_sessions >= 1 &&
		   c.max_sessions <= 10000000);
	if (c.listen.family)
		check_addr(&c.listen);
	for (unsigned i = 0; i < c.peer_count; i++) {
		check_id(&c.peers[i].id);
		check_addr(&c.peers[i].addr);
		FUZZ_CHECK(c.peers[i].addr.family == c.listen.family);
		FUZZ_CHECK(!baton_id_equal(&c.peers[i].id, &c.server_id));
	}
	FUZZ_CHECK(baton_config_fixed(&c, &c) == NULL);
}

void fuzz_config(const uint8_t *data, size_t size)
{
	static int fd = -1;
	char path[32], *said = NULL;
	size_t said_len;
	FILE *err;
	int result;

	if (fd < 0)
		fd = memfd_create("batond.conf", MFD_CLOEXEC);
	FUZZ_CHECK(fd >= 0 && ftruncate(fd, 0) == 0);
	FUZZ_CHECK(pwrite(fd, data, size, 0) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = open_memstream(&said, &said_len);
	FUZZ_CHECK(err);
	result = baton_config_read(&c, path, err);
	fclose(err);
	FUZZ_CHECK(result == 0 || result == -BATON_E_CONFIG);
	FUZZ_CHECK((result == 0) == (said_len == 0)); /* refused: with a reason */
	FUZZ_CHECK(said_len == 0 || strncmp(said, path, strlen(path)) == 0);
	free(said);
	if (result == 0)
		check_accepted();
}
