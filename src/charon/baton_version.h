/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BATON_VERSION_H_
#define BATON_VERSION_H_

#include <library.h>

/**
 * Is this the strongSwan the plugin was built for? Says so in the log if not.
 * To be asked before anything of strongSwan but the log is used.
 */
bool baton_version_check(void);

/**
 * Do its objects look as our headers say? A build with other options (ME...)
 * differs in layout. Needs libcharon's SA managers.
 */
bool baton_layout_check(void);

#endif /** BATON_VERSION_H_ */
