/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Reqids, in the place of strongSwan's own allocator: that one counts from 1
 * after every start and cannot be given a number, but SAs that a crashed charon
 * left in the kernel keep theirs. Ours are random, so that a new charon's do not
 * meet an old one's; spread numbers are good for the kernel's hash as well.
 */
#ifndef BATON_REQID_H_
#define BATON_REQID_H_

#include <kernel/kernel_interface.h>

void baton_reqid_init(void);
void baton_reqid_deinit(void);

/**
 * Same as kernel_interface_t.alloc_reqid().
 *
 * @param exact		TRUE to use *reqid for a new entry, if nobody else has it
 */
status_t baton_reqid_alloc(linked_list_t *local_ts, linked_list_t *remote_ts,
						mark_t mark_in, mark_t mark_out, uint32_t if_id_in,
						uint32_t if_id_out, sec_label_t *label, bool exact,
						uint32_t *reqid);

/**
 * Same as kernel_interface_t.release_reqid().
 */
status_t baton_reqid_release(uint32_t reqid);

#endif /** BATON_REQID_H_ */
