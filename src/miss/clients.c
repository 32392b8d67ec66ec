/* SPDX-License-Identifier: BSD-2-Clause */
#include "miss/clients.h"

#include "wire/clients.h"
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define CHAINS 4096u /* power of two */

struct said {
	SLIST_ENTRY(said) next;
	uint64_t spi_i, spi_r;
	unsigned count;
	struct baton_addr of[BATON_CLIENTS_MAX];
};
SLIST_HEAD(chain, said);

struct baton_clients {
	struct chain chains[CHAINS];
};

struct baton_clients *baton_clients_new(void)
{
	return calloc(1, sizeof(struct baton_clients));
}

void baton_clients_free(struct baton_clients *c)
{
	struct said *s;

	for (unsigned i = 0; c && i < CHAINS; i++)
		while ((s = SLIST_FIRST(&c->chains[i]))) {
			SLIST_REMOVE_HEAD(&c->chains[i], next);
			free(s);
		}
	free(c);
}

static struct chain *chain_of(struct baton_clients *c, const struct baton_record *r)
{
	return &c->chains[(r->spi_r ^ r->spi_r >> 32 ^ r->spi_r >> 48) & (CHAINS - 1)];
}

static bool is_among(const struct baton_addr *a, const struct baton_addr *of, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (baton_addr_equal(a, &of[i]))
			return true;
	return false;
}

/* What is among the first and not among the others. */
static void tell(struct baton_guard *g, const struct baton_addr *of, unsigned count,
		 const struct baton_addr *others, unsigned other_count, bool known)
{
	for (unsigned i = 0; i < count; i++)
		if (!is_among(&of[i], others, other_count))
			baton_guard_know_address(g, &of[i], known);
}

void baton_clients_look(struct baton_clients *c, struct baton_guard *g,
			const struct baton_record *r, bool here)
{
	struct chain *chain = chain_of(c, r);
	struct baton_addr of[BATON_CLIENTS_MAX];
	unsigned count = here && r->body ? baton_session_clients(r->body, r->body_len, of) : 0;
	struct said *s;

	SLIST_FOREACH(s, chain, next)
		if (s->spi_i == r->spi_i && s->spi_r == r->spi_r)
			break;
	if (!s && count) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return; /* its packets are asked about, and we answer ourselves */
		s->spi_i = r->spi_i;
		s->spi_r = r->spi_r;
		SLIST_INSERT_HEAD(chain, s, next);
	}
	if (!s)
		return;
	tell(g, s->of, s->count, of, count, false);
	tell(g, of, count, s->of, s->count, true);
	s->count = count;
	memcpy(s->of, of, count * sizeof(*of));
	if (!count) {
		SLIST_REMOVE(chain, s, said, next);
		free(s);
	}
}
