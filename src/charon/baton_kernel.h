/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Overrides of charon's calls into the kernel, so that the thread that restores
 * (baton_restoring.h) can adopt SAs the kernel still has, with their reqids, and
 * so that lifetimes continue.
 */
#ifndef BATON_KERNEL_H_
#define BATON_KERNEL_H_

#include <config/child_cfg.h>

/**
 * Put the overrides into charon->kernel, or take them out again.
 */
void baton_kernel_init(void);
void baton_kernel_deinit(void);

/**
 * While this is in effect the CHILD_SA that the thread restores gets its remaining
 * lifetimes from its configuration. To be ended as soon as it is installed.
 */
void baton_kernel_lifetimes_begin(child_cfg_t *config);
void baton_kernel_lifetimes_end(child_cfg_t *config);

#endif /** BATON_KERNEL_H_ */
