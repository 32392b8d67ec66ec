# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Beginnings and endings that several scenarios share.

# Networks, gateways, connected clients, traffic that flows.
begin() {
	network_up
	gateways_up
	clients_up
	traffic_up
	wait_traffic 30
	if [ "$LAB_MODE" = baton ]; then
		wait_for 30 "gw-b stores all sessions" all_stored gw-a "$LAB_CLIENTS"
	fi
	remember_spis start
	fact sessions "$LAB_CLIENTS"
	# not always at the same point of a sender's interval
	pause "0.$((RANDOM % 900 + 100))"
}

# What is left to do before the captures are read.
finish() {
	[ -z "${PID[srv/traffic]-}" ] || traffic_down
	network_totals
}
