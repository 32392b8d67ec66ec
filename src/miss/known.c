/* SPDX-License-Identifier: BSD-2-Clause */
#include "miss/known.h"

#include <stdlib.h>
#include <string.h>

static size_t slot(const struct baton_known *k, const void *key)
{
	uint64_t h = 0;
	size_t i;

	for (size_t at = 0; at < k->key_len; at += 4) {
		uint32_t part;

		memcpy(&part, (const uint8_t *)key + at, sizeof(part));
		h = (h ^ part) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	i = (size_t)h & (k->size - 1);
	while (k->states[i].used && memcmp(baton_known_key(k, i), key, k->key_len) != 0)
		i = (i + 1) & (k->size - 1);
	return i;
}

static bool is_of_use(const struct baton_known_state *s)
{
	return s->used && (s->count || s->changed || s->told);
}

/* Room for four times what is there. */
static bool grow(struct baton_known *k)
{
	struct baton_known old = *k;
	size_t live = 0;

	for (size_t i = 0; i < old.size; i++)
		live += is_of_use(&old.states[i]);
	for (k->size = 1024; k->size < live * 4;)
		k->size *= 2;
	k->keys = calloc(k->size, k->key_len);
	k->states = calloc(k->size, sizeof(*k->states));
	if (!k->keys || !k->states) {
		free(k->keys);
		free(k->states);
		*k = old;
		return false;
	}
	k->used = live;
	for (size_t i = 0; i < old.size; i++)
		if (is_of_use(&old.states[i])) {
			size_t at = slot(k, baton_known_key(&old, i));

			memcpy(k->keys + at * k->key_len, baton_known_key(&old, i), k->key_len);
			k->states[at] = old.states[i];
		}
	free(old.keys);
	free(old.states);
	return true;
}

static void note_change(struct baton_known *k, size_t at)
{
	if (k->states[at].changed)
		return;
	if (k->change_count == k->change_size) {
		size_t size = k->change_size ? k->change_size * 2 : 256;
		uint8_t *more = realloc(k->changes, size * k->key_len);

		if (!more)
			return;
		k->changes = more;
		k->change_size = size;
	}
	memcpy(k->changes + k->change_count++ * k->key_len, baton_known_key(k, at), k->key_len);
	k->states[at].changed = true;
}

void baton_known_free(struct baton_known *k)
{
	free(k->keys);
	free(k->states);
	free(k->changes);
	*k = (struct baton_known){.key_len = k->key_len};
}

void baton_known_set(struct baton_known *k, const void *key, bool known)
{
	struct baton_known_state *s;
	size_t at;

	if (k->used * 2 >= k->size && !grow(k))
		return;
	at = slot(k, key);
	s = &k->states[at];
	if (!known && (!s->used || !s->count))
		return;
	if (!s->used) {
		*s = (struct baton_known_state){.used = true};
		memcpy(k->keys + at * k->key_len, key, k->key_len);
		k->used++;
	}
	s->count += known ? 1u : UINT32_MAX; /* one less */
	if (s->count != (known ? 1u : 0u))
		return;
	k->count += known ? 1u : UINT32_MAX;
	note_change(k, at);
}

const uint8_t *baton_known_key(const struct baton_known *k, size_t at)
{
	return k->keys + at * k->key_len;
}

struct baton_known_state *baton_known_change(const struct baton_known *k, size_t i,
					     const uint8_t **key)
{
	*key = k->changes + (k->change_count - 1 - i) * k->key_len;
	return &k->states[slot(k, *key)];
}

void baton_known_done(struct baton_known *k, size_t count)
{
	for (; count; count--) {
		const uint8_t *key;
		struct baton_known_state *s = baton_known_change(k, 0, &key);

		s->changed = false;
		s->told = s->count > 0;
		k->change_count--;
	}
}

void baton_known_all_done(struct baton_known *k)
{
	for (size_t i = 0; i < k->size; i++) {
		k->states[i].told = k->states[i].used && k->states[i].count;
		k->states[i].changed = false;
	}
	k->change_count = 0;
}
