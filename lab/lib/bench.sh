# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Measuring one gateway with baton and without, by turns, in one guest (bench/README.md).
#
# A turn begins with a gw-a that has just been started: with baton (plugin, batond that
# stores to gw-b), or plain (strongSwan with the same configuration and nothing of ours).
# SIDE is what it is. gw-b is only there to store. While gw-a is plain its charon sleeps
# and its batond is away: a listener for the kernel's replay events in one network
# namespace makes SAs report, and pay for it, in all of them.

BENCH_GROUP='' # control group of gw-a's processes

# Nothing is captured or counted while something is measured.
captures_down() {
	local pair
	for pair in wan:wan srv:protected cluster:cluster; do
		end "${pair%:*}/tcpdump-${pair#*:}"
		on "${pair%:*}" nft flush table netdev lab
	done
}

# Networks; gw-b; the shared addresses at gw-a, where they stay: no keepalived.
bench_up() {
	# what udev loads elsewhere: ESP without it would cost many times more
	modprobe -aq aesni_intel ghash_clmulni_intel || true
	network_up
	captures_down
	ip -n "${NS}gw-a" addr add "$WAN_VIP/24" dev wan
	ip -n "${NS}gw-a" addr add "$PROT_VIP/24" dev prot
	gateway_up gw-b
	charon_ready gw-b
	load_connections gw-b
}

peer_sleeps() {
	end gw-b/batond
	kill -STOP "${PID[gw-b/charon]}"
}

peer_wakes() {
	kill -CONT "${PID[gw-b/charon]}"
	batond_up gw-b
}

# turn SIDE NUMBER: gw-a is that from here on.
turn() {
	SIDE=$1
	[ "$SIDE" = plain ] || peer_wakes
	LAB_MODE=$SIDE gateway_up gw-a
	charon_ready gw-a
	load_connections gw-a
	[ "$SIDE" = plain ] || cluster_ready
	[ -z "$BENCH_GROUP" ] || confine gw-a
	say "turn $2: gw-a is $SIDE"
}

# turn_over NUMBER: gw-a has no sessions any more, and goes.
turn_over() {
	[ "$SIDE" = plain ] || wait_for 60 "gw-b has forgotten the sessions" all_stored gw-a 0
	end gw-a/charon
	[ "$SIDE" = plain ] || end gw-a/batond
	[ "$SIDE" = plain ] || peer_sleeps
	mv "$OUT/gw-a/charon.log" "$OUT/gw-a/charon-$1-$SIDE.log"
	on gw-a /bin/sh -c 'ip xfrm policy flush; ip xfrm state flush'
	# the fence stays when batond goes: plain would pay for it
	[ "$SIDE" = plain ] || on gw-a nft delete table inet baton
	rm -rf "${WORK:?}/gw-a"/{swanctl,baton,run}
}

bench_down() {
	kill -CONT "${PID[gw-b/charon]}"
	[ -z "$BENCH_GROUP" ] || rmdir "$BENCH_GROUP"
}

# result NAME VALUE: of this side; summary.json has one list of them for each side.
declare -A RESULTS=()
result() {
	RESULTS[${SIDE}_$1]+=" $2"
	say "  $SIDE $1 $2"
}

results() {
	local name
	for name in "${!RESULTS[@]}"; do fact "$name" "${RESULTS[$name]# }"; done
}

# confined_to PERCENT GW: the processes of GW share a part of one processor, in percent, so that
# it, and not who connects to it, is the slowest.
confined_to() {
	mkdir -p "$WORK/cgroup"
	mount -t cgroup2 none "$WORK/cgroup"
	echo +cpu > "$WORK/cgroup/cgroup.subtree_control"
	BENCH_GROUP=$WORK/cgroup/baton-bench
	mkdir "$BENCH_GROUP"
	echo "${1}00 10000" > "$BENCH_GROUP/cpu.max"
	say "$2 has $1 % of one processor"
}

# confine GW: now that it runs.
confine() {
	local key
	for key in charon batond; do
		[ -z "${PID[$1/$key]-}" ] || echo "${PID[$1/$key]}" > "$BENCH_GROUP/cgroup.procs"
	done
}

# set_free GW: of that part.
set_free() {
	local key
	for key in charon batond; do echo "${PID[$1/$key]}" > "$WORK/cgroup/cgroup.procs"; done
	rmdir "$BENCH_GROUP"
}

# cpu_ms PROCESS GW: processor time that a process of GW has used.
cpu_ms() {
	local stat
	[ -n "${PID[$2/$1]-}" ] || {
		echo 0
		return
	}
	read -ra stat < "/proc/${PID[$2/$1]}/stat"
	echo $(((stat[13] + stat[14]) * 1000 / CLOCK_TICKS))
}
CLOCK_TICKS=$(getconf CLK_TCK)

# quotient A B: A / B, either may be a product
quotient() { awk "BEGIN { printf \"%.3f\", ($1) / ($2) }"; }

# at_all_hosts COMMAND: COMMAND HOST for each of the clients' hosts, at the same time.
at_all_hosts() {
	local h jobs=()
	for h in $(seq "$LAB_HOSTS"); do
		"$1" "cl-$h" & jobs+=($!)
	done
	wait "${jobs[@]}"
}

# disconnect_many HOST: every connection of a host at once.
disconnect_many() {
	sed -i '/start_action = start/d' "$WORK/$1/swanctl/conf.d"/*.conf
	load_connections "$1"
}

# gateway_logged GW PATTERN: as many lines as there are clients; asked seldom, asking costs.
gateway_logged() {
	pause 1
	at_least "$LAB_CLIENTS" "$2" "$OUT/$1/charon.log"
}

# logged_ms GW FIRST LAST: from the first line of the gateway's log with FIRST to the last with LAST.
logged_ms() {
	awk -v first_is="$2" -v last_is="$3" '
		function ms(t, part) {
			split(t, part, /[:.]/)
			return ((part[1] * 60 + part[2]) * 60 + part[3]) * 1000 + part[4]
		}
		$0 ~ first_is && !first { first = $1 }
		$0 ~ last_is { last = $1 }
		END {
			took = ms(last) - ms(first)
			print took < 0 ? took + 86400000 : took
		}' "$OUT/$1/charon.log"
}
# storm_ms GW: milliseconds from the first IKE_SA_INIT request to the last CHILD SA.
storm_ms() { logged_ms "$1" 'parsed IKE_SA_INIT request' 'CHILD_SA net.* established with SPIs'; }

# Every client connects at once.
storm() {
	local charon batond took
	: > "$OUT/gw-a/charon.log"
	charon=$(cpu_ms charon gw-a)
	batond=$(cpu_ms batond gw-a)
	at_all_hosts connect_many
	wait_for 300 "all $LAB_CLIENTS clients are connected" gateway_logged gw-a \
		'CHILD_SA net.* established with SPIs'
	[ "$SIDE" = plain ] || wait_for 60 "gw-b stores all sessions" all_stored gw-a "$LAB_CLIENTS"
	charon=$(($(cpu_ms charon gw-a) - charon))
	batond=$(($(cpu_ms batond gw-a) - batond))
	took=$(storm_ms gw-a)
	result setups_per_s "$(quotient "$LAB_CLIENTS * 1000" "$took")"
	result setups_per_cpu_s "$(quotient "$LAB_CLIENTS * 1000" "$charon + $batond")"
	result charon_ms_per_setup "$(quotient "$charon" "$LAB_CLIENTS")"
	result batond_ms_per_setup "$(quotient "$batond" "$LAB_CLIENTS")"
	result retransmissions "$(count_lines 'received retransmit' "$OUT/gw-a/charon.log")"
}

# And leaves.
calm() {
	at_all_hosts disconnect_many
	wait_for 120 "all clients have left" gateway_logged gw-a 'IKE_SA deleted'
}

# Throughput: the kernel's packet generator (pktgen) sends as fast as its processor goes,
# and the packets are counted and dropped where they have left the gateway. All of it, with
# what gw-a's own programs need, is the work of one processor, the last.
BENCH_PORT=9

generators_pinned() {
	BENCH_CPU=$(($(nproc) - 1))
	modprobe pktgen || fail "no pktgen"
	# It must not outrun what it feeds: it goes on when ksoftirqd has nothing to do.
	# There is one for each network namespace.
	pgrep -x "kpktgend_$BENCH_CPU" | xargs renice -n 19 -p > /dev/null
	echo 20000 > /proc/sys/net/core/netdev_max_backlog
}

# A device of cl-1 from where pktgen's packets enter as if forwarded: into the tunnel.
generators_up() {
	generators_pinned
	# SAs of cl-1, whose kernel also hears of gw-a's listener, report seldom
	on cl-1 /bin/sh -ec '
		echo 1000000 > /proc/sys/net/core/xfrm_aevent_rseqth
		ip link add gen0 type veth peer name gen1
		ip link set gen0 up
		ip link set gen1 up
		cd /proc/sys/net/ipv4
		echo 1 > conf/gen1/accept_local
		echo 1 > ip_forward'
	sink wan 'ip protocol esp'
	sink srv "udp dport $BENCH_PORT"
}

# sink HOST WHAT: the end of what comes from gw-a.
sink() {
	on "$1" nft -f - <<- END
		table netdev bench {
			counter arrived { }
			chain in {
				type filter hook ingress device gw-a priority 0;
				$2 counter name arrived drop
			}
		}
	END
}

# arrived HOST: and begins to count anew.
arrived() {
	on "$1" nft reset counter netdev bench arrived | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

# generate HOST DEVICE SOURCE DESTINATION NEXT-MAC BYTES COUNT: returns when all have been
# sent; prints the microseconds it took. BYTES: of the inner packet.
generate() {
	# shellcheck disable=SC2016 # for that shell
	on "$1" /bin/bash -ec '
		cd /proc/net/pktgen
		echo rem_device_all > "kpktgend_$1"
		echo "add_device $2" > "kpktgend_$1"
		for line in "src_min $3" "src_max $3" "dst_min $4" "dst_max $4" "dst_mac $5" \
			"pkt_size $(($6 + 14))" "count $7" "udp_dst_min $8" "udp_dst_max $8" "delay 0"; do
			echo "$line" > "$2"
		done
		echo start > pgctrl
		sed -n "s/^Result: OK: \([0-9]*\).*/\1/p" "$2"' \
		bash "$BENCH_CPU" "${@:2}" $BENCH_PORT
}

# blast NAME SINK-HOST HOST DEVICE SOURCE DESTINATION NEXT-MAC BYTES
blast() {
	local name=$1 to=$2 took got
	arrived "$to" > /dev/null
	took=$(generate "${@:3}" "$LAB_PACKETS")
	got=$(arrived "$to")
	[ "$got" -ge $((LAB_PACKETS * 99 / 100)) ] ||
		verdict failed "$SIDE $name: $got of $LAB_PACKETS packets arrived"
	result "${BLAST_PREFIX-}${name}_packets_per_s" "$(quotient "$got * 1000000" "$took")"
}

# In: the gateway decrypts; but the client's encryption is in the figure, too.
blasts() {
	local vip
	vip=$(vip_of cl-1)
	pin
	blast in_1400 srv cl-1 gen0 "$vip" "$SRV" "$(mac_of cl-1 gen1)" 1400
	blast out_1400 wan srv gw-a "$SRV" "$vip" "$(mac_of gw-a prot)" 1400
	blast in_100 srv cl-1 gen0 "$vip" "$SRV" "$(mac_of cl-1 gen1)" 100
	blast out_100 wan srv gw-a "$SRV" "$vip" "$(mac_of gw-a prot)" 100
}

# gw-a's programs share the processor of its packets.
pin() {
	local key
	for key in charon batond; do
		[ -z "${PID[gw-a/$key]-}" ] || taskset -acp "$BENCH_CPU" "${PID[gw-a/$key]}" > /dev/null
	done
}

# batond has followed the counters all the while.
followed() {
	[ "$SIDE" = plain ] || result xfrm_events "$(from_status gw-a xfrm_events)"
}

# sides NUMBER: the order of a turn; who came second has the first place next time.
sides() { if (($1 % 2)); then echo baton plain; else echo plain baton; fi; }
