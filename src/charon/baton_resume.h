/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * What the peer was in the middle of when its gateway failed: requests that come for a
 * restored IKE_SA are compared with what was stored.
 */
#ifndef BATON_RESUME_H_
#define BATON_RESUME_H_

#include <encoding/message.h>
#include <sa/ike_sa.h>
#include <baton/session.h>

/**
 * Watch the requests of a restored IKE_SA. To be called before charon gets it.
 */
void baton_resume(ike_sa_t *ike_sa, const struct baton_session *session);

/**
 * Remember a response to the peer that is being sent, if the IKE_SA is a restored one: it is sent
 * again when the request comes again.
 */
void baton_resume_keep(ike_sa_t *ike_sa, message_t *response);

/**
 * Set up, clean up.
 */
void baton_resume_init(void);
void baton_resume_deinit(void);

#endif /** BATON_RESUME_H_ */
