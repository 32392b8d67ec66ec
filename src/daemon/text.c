/* SPDX-License-Identifier: BSD-2-Clause */
/* Server IDs and addresses as people write them. */
#include "daemon/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int baton_id_parse(struct baton_id *id, const char *text)
{
	size_t len = strlen(text);

	*id = (struct baton_id){0};
	if (inet_pton(AF_INET, text, id->data) == 1) {
		id->type = BATON_ID_IPV4;
		id->len = 4;
		return 0;
	}
	if (inet_pton(AF_INET6, text, id->data) == 1) {
		id->type = BATON_ID_IPV6;
		id->len = 16;
		return 0;
	}
	if (len == 0 || len >= BATON_NAME_MAX)
		return -BATON_E_VALUE;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("-._", text[i]))
			return -BATON_E_VALUE;
	id->type = BATON_ID_FQDN;
	id->len = (uint16_t)len;
	memcpy(id->data, text, len);
	return 0;
}

const char *baton_id_print(const struct baton_id *id, char *buf, size_t size)
{
	size_t n = 0;

	if (id->type == BATON_ID_IPV4 && id->len == 4)
		return inet_ntop(AF_INET, id->data, buf, (socklen_t)size);
	if (id->type == BATON_ID_IPV6 && id->len == 16)
		return inet_ntop(AF_INET6, id->data, buf, (socklen_t)size);
	for (size_t i = 0; i < id->len && n + 5 < size; i++)
		n += (size_t)snprintf(buf + n, size - n,
				      isgraph(id->data[i]) && id->data[i] != '"' ? "%c" : "\\x%02x",
				      id->data[i]);
	buf[n] = '\0';
	return buf;
}

static int parse_port(const char *text, uint16_t *port)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end || v < 1 || v > 65535)
		return -BATON_E_VALUE;
	*port = (uint16_t)v;
	return 0;
}

int baton_addr_parse(struct baton_addr *a, const char *text, uint16_t default_port)
{
	char buf[80];
	char *colon, *end;

	*a = (struct baton_addr){.port = default_port};
	if (strlen(text) >= sizeof(buf))
		return -BATON_E_VALUE;
	strcpy(buf, text);
	if (buf[0] == '[') {
		end = strchr(buf, ']');
		a->family = AF_INET6;
		if (!end || (end[1] != ':' && end[1] != '\0'))
			return -BATON_E_VALUE;
		if (end[1] == ':' && parse_port(end + 2, &a->port))
			return -BATON_E_VALUE;
		*end = '\0';
		return inet_pton(AF_INET6, buf + 1, a->ip) == 1 ? 0 : -BATON_E_VALUE;
	}
	colon = strchr(buf, ':');
	if (colon && strchr(colon + 1, ':')) {
		a->family = AF_INET6;
		return inet_pton(AF_INET6, buf, a->ip) == 1 ? 0 : -BATON_E_VALUE;
	}
	if (colon) {
		*colon = '\0';
		if (parse_port(colon + 1, &a->port))
			return -BATON_E_VALUE;
	}
	a->family = AF_INET;
	return inet_pton(AF_INET, buf, a->ip) == 1 ? 0 : -BATON_E_VALUE;
}

const char *baton_addr_print(const struct baton_addr *a, char *buf, size_t size)
{
	char ip[INET6_ADDRSTRLEN] = "-";

	if (a->family)
		inet_ntop(a->family, a->ip, ip, sizeof(ip));
	if (a->port)
		snprintf(buf, size, a->family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip, a->port);
	else
		snprintf(buf, size, "%s", ip);
	return buf;
}
