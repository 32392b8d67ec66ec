/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What strongSwan's ./configure would have written, as far as it reaches public
 * headers, for Debian's build. A wrong set of USE_*, ME changes the layout of
 * ike_sa_t, peer_cfg_t, daemon_t: baton_version.c looks for that when loaded.
 */
#ifndef BATON_STRONGSWAN_CONFIG_H_
#define BATON_STRONGSWAN_CONFIG_H_

#define CONFIG_H_INCLUDED 1
#define ME 1
#define USE_IKEV1 1
#define USE_IKEV2 1
#define HAVE__BOOL 1
#define HAVE_CLOSEFROM 1
#define HAVE_EXPLICIT_BZERO 1
#define HAVE_MEMRCHR 1
#define HAVE_FMEMOPEN 1
#define HAVE_CLOCK_GETTIME 1
#define HAVE_CONDATTR_CLOCK_MONOTONIC 1
#define HAVE_SIGWAITINFO 1

#endif /** BATON_STRONGSWAN_CONFIG_H_ */
