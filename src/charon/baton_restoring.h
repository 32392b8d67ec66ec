/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * What the calling thread is restoring, if anything. strongSwan's constructors
 * and kernel calls are overridden in places (keymat, add_sa(), reqids, lifetimes);
 * the overrides look here, and do as always for every other thread.
 */
#ifndef BATON_RESTORING_H_
#define BATON_RESTORING_H_

#include <library.h>
#include <baton/session.h>

typedef struct {
	/** session being restored */
	const struct baton_session *session;
	/** CHILD_SA of it being installed, NULL if none */
	const struct baton_child *child;
	/** its SAs are expected to be in the kernel, and stay as they are */
	bool adopt;
	/** set if one of them was not to be found there */
	bool lost;
} baton_restoring_t;

/** NULL if this thread restores nothing; in baton_kernel.c */
extern __thread baton_restoring_t *baton_restoring;

#endif /** BATON_RESTORING_H_ */
