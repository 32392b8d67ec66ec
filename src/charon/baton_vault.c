/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_vault.h"

#include <collections/linked_list.h>
#include <threading/mutex.h>

/**
 * Slots per block
 */
#define BLOCK_SLOTS 64

typedef union slot_t slot_t;

/**
 * A slot holds keys, or the pointer to the next free slot
 */
union slot_t {
	slot_t *next;
	baton_ike_keys_t ike;
	baton_child_keys_t child;
};

/**
 * All blocks, as slot_t[BLOCK_SLOTS]; they are kept until the vault goes
 */
static linked_list_t *blocks;

/**
 * First free slot
 */
static slot_t *unused;

/**
 * Lock for both
 */
static mutex_t *mutex;

/**
 * Get another block of free slots
 */
static bool add_block(void)
{
	slot_t *block;
	int i;

	block = baton_locked_alloc(BLOCK_SLOTS * sizeof(slot_t));
	if (!block)
	{
		return FALSE;
	}
	for (i = 0; i < BLOCK_SLOTS; i++)
	{
		block[i].next = unused;
		unused = &block[i];
	}
	blocks->insert_last(blocks, block);
	return TRUE;
}

/*
 * Described in header
 */
void *baton_vault_alloc(size_t size)
{
	slot_t *slot = NULL;

	if (size > sizeof(slot_t))
	{
		return NULL;
	}
	mutex->lock(mutex);
	if (unused || add_block())
	{
		slot = unused;
		unused = slot->next;
		slot->next = NULL;
	}
	mutex->unlock(mutex);
	return slot;
}

/*
 * Described in header
 */
void baton_vault_free(void *p)
{
	slot_t *slot = p;

	if (slot)
	{
		baton_wipe(slot, sizeof(*slot));
		mutex->lock(mutex);
		slot->next = unused;
		unused = slot;
		mutex->unlock(mutex);
	}
}

/*
 * Described in header
 */
void baton_vault_init(void)
{
	blocks = linked_list_create();
	mutex = mutex_create(MUTEX_TYPE_DEFAULT);
}

/*
 * Described in header
 */
void baton_vault_deinit(void)
{
	slot_t *block;

	while (blocks->remove_first(blocks, (void**)&block) == SUCCESS)
	{
		baton_locked_free(block, BLOCK_SLOTS * sizeof(slot_t));
	}
	unused = NULL;
	blocks->destroy(blocks);
	mutex->destroy(mutex);
}
