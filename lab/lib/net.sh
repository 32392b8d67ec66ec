# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The networks.
#
#   cl-1 .. cl-H --- wan (router; bridge net0) --- gw-a, gw-b --- srv (bridge net0)
#   10.10.H.2        10.20.0.1    .10 shared   .11   .12     .10 shared   10.30.0.2
#                                       gw-a --- cluster (bridge net0) --- gw-b
#                                      10.40.0.1         |           10.40.0.2
#                                                   st-1 .. st-S
#                                                    10.40.0.2S
#
# LAB_GATEWAYS names the gateways. With LAB_OWN_ADDRESSES each has its own address, in a network of its own:
# 10.21.0.11, 10.22.0.12 and so on; and nobody has the shared ones. LAB_NAT names client hosts behind a NAT:
# of cl-H the world sees 10.11.H.1. With LAB_IPV6 the hosts on the WAN have IPv6 addresses as well, and clients and
# gateways use these; the last four octets are those of the IPv4 address (v6_of).
#
# Every network is one bridge, and every packet is captured there, once. The name
# space of host X is baton-lab-X. Interfaces of a gateway: wan, prot, clus; of a node
# that only stores (LAB_STORES of them): clus.

NS=baton-lab-
WAN_VIP=10.20.0.10
PROT_VIP=10.30.0.10
SRV=10.30.0.2
POOL_NET=10.50.0.0/16
declare -A GW_NUMBER=([gw-a]=11 [gw-b]=12 [gw-c]=13 [gw-d]=14)
declare -A GW_CLUSTER=([gw-a]=10.40.0.1 [gw-b]=10.40.0.2 [gw-c]=10.40.0.3 [gw-d]=10.40.0.4
	[st-1]=10.40.0.21 [st-2]=10.40.0.22 [st-3]=10.40.0.23)
declare -A PEER=([gw-a]=gw-b [gw-b]=gw-a)
declare -A PORT=([wan]=wan [srv]=prot [cluster]=clus) # of a gateway in each network

# wan_network GW: the first three octets of the network in which it has its address outside.
wan_network() {
	if [ -z "$LAB_OWN_ADDRESSES" ]; then echo 10.20.0; else echo "10.2$((GW_NUMBER[$1] - 10)).0"; fi
}

# v6_of IPV4: the IPv6 address that goes with it, as the kernel writes it.
v6_of() {
	local o
	IFS=. read -ra o <<< "$1"
	[ "${o[2]}" != 0 ] || o[2]=''
	printf 'fd00:%s:%s:%s:%x:%x\n' "${o[0]}" "${o[1]}" "${o[2]:+${o[2]}:}" $((o[0] << 8 | o[1])) $((${o[2]:-0} << 8 | o[3]))
}

on() {
	local host=$1
	shift
	ip netns exec "$NS$host" "$@"
}

# Every process costs a twentieth of a second where the processor is emulated, so
# a host is one batch for ip, run beside those of the other hosts.
#
# set_up HOST FORWARD: standard input is a batch for ip on HOST, then, after a line
# "nft", rules for nft.
set_up() {
	local batch rules
	batch=$(cat)
	rules=${batch#*$'\n'nft$'\n'}
	[ "$rules" != "$batch" ] || rules=''
	batch=${batch%%$'\n'nft$'\n'*}
	on "$1" /bin/bash -ec '
		cd /proc/sys/net/ipv4
		echo 0 > conf/all/rp_filter
		echo 0 > conf/default/rp_filter
		echo 0 > conf/all/send_redirects
		echo 0 > conf/default/send_redirects
		echo 0 > conf/all/accept_redirects
		echo "$1" > ip_forward
		echo 1 > ../ipv6/conf/all/disable_ipv6
		echo 1 > ../ipv6/conf/default/disable_ipv6
		ip -batch - <<< "link set lo up
$2"
		[ -z "$3" ] || nft -f - <<< "$3"' bash "$2" "$batch" "$rules"
}

# A network: a bridge, its address, the ports it has, and counters that tell
# whether the capture is complete.
set_up_network() { # HOST FORWARD ADDRESS PORT...
	local host=$1 forward=$2 address=$3 port
	shift 3
	{
		echo "link add net0 address 02:00:00:00:00:${address##*.} type bridge mcast_snooping 0"
		echo "link set net0 up"
		echo "addr add $address/24 dev net0"
		for port in "$@"; do echo "link set $port up master net0"; done
		[ "$host" != srv ] || echo "route add default via $PROT_VIP"
		if [ "$host" = wan ]; then
			[ -z "$LAB_OWN_ADDRESSES" ] || for port in "$@"; do
				echo "addr add $(wan_network "$port").1/24 dev net0"
			done
			for port in $(seq "$LAB_HOSTS"); do
				echo "addr add 10.10.$port.1/24 dev cl-$port"
				echo "link set cl-$port up"
			done
		fi
		cat <<- END
			nft
			table netdev lab {
				counter esp_seen { }
				chain in {
					type filter hook ingress device net0 priority 0;
					ip protocol esp counter name esp_seen
					ip6 nexthdr esp counter name esp_seen
				}
				chain out {
					type filter hook egress device net0 priority 0;
					ip protocol esp counter name esp_seen
					ip6 nexthdr esp counter name esp_seen
				}
			}
		END
	} | set_up "$host" "$forward"
}

# Nothing for a client leaves in clear, however briefly its SA is missing. And what
# comes for a shared address that is the other gateway's by now is not sent back to the
# network it came from, where it would be seen twice. An ICMP error quotes what it
# answers: none leaves in clear to the other gateway (see dist/nftables/gateway.nft).
set_up_gateway() {
	local gw=$1 n=${GW_NUMBER[$1]}
	set_up "$gw" 1 <<- END
		addr add $(wan_network "$gw").$n/24 dev wan
		addr add 10.30.0.$n/24 dev prot
		addr add ${GW_CLUSTER[$gw]}/24 dev clus
		link set wan up
		link set prot up
		link set clus up
		${LAB_BALANCED:+addr add $WAN_VIP/32 dev lo}
		route add default via $(wan_network "$gw").1
		nft
		table inet lab {
			chain forward {
				type filter hook forward priority 0; policy accept;
				oifname "wan" ip daddr $POOL_NET rt ipsec missing counter drop
				iifname "wan" ip saddr $POOL_NET meta secpath missing counter drop
				iifname "wan" oifname "wan" counter drop
			}
			chain output {
				type filter hook output priority 0; policy accept;
				oifname "clus" icmp type destination-unreachable rt ipsec missing counter drop
			}
		}
	END
}

set_up_store() {
	set_up "$1" 0 <<- END
		addr add ${GW_CLUSTER[$1]}/24 dev clus
		link set clus up
		nft
		table inet lab {
			chain output {
				type filter hook output priority 0; policy accept;
				oifname "clus" icmp type destination-unreachable rt ipsec missing counter drop
			}
		}
	END
}

set_up_client_host() {
	set_up "cl-$1" 0 <<- END
		addr add 10.10.$1.2/24 dev wan
		link set wan up
		route add default via 10.10.$1.1
	END
}

# The switch of a power cut: an ip that waits for what to do (see crash).
power_switch() {
	local gw=$1 fd
	[ -e "$WORK/$gw.power" ] || mkfifo "$WORK/$gw.power"
	ip -n "$NS$gw" -batch - < "$WORK/$gw.power" > /dev/null 2>&1 &
	# shellcheck disable=SC2004 # an associative array (base.sh)
	PID[$gw/power]=$!
	disown "$!"
	exec {fd}> "$WORK/$gw.power"
	POWER[${GW_NUMBER[$gw]}]=$fd
}

# impair HOST INTERFACE SPEC: what netem(8) is to do, SPEC as in "loss=1%,delay=20ms=5ms".
impair() {
	local words
	[ -n "$3" ] || return 0
	words=${3//,/ }
	# shellcheck disable=SC2086 # the words of the option
	ip netns exec "$NS$1" tc qdisc replace dev "$2" root netem limit 100000 ${words//=/ }
}

# Both directions of every network: what the bridge sends to each of its ports.
impair_networks() {
	local h
	for h in $LAB_GATEWAYS; do
		impair wan "$h" "$LAB_WAN"
		impair srv "$h" "$LAB_PROTECTED"
		impair cluster "$h" "$LAB_CLUSTER"
	done
	for h in $(stores); do impair cluster "$h" "$LAB_CLUSTER"; done
	for h in $(seq "$LAB_HOSTS"); do impair wan "cl-$h" "$LAB_WAN"; done
}

# degrade NETWORK SPEC HOST...: from now on, both directions of those hosts' links.
degrade() {
	local network=$1 spec=$2 host
	shift 2
	for host in "$@"; do impair "$network" "$host" "$spec"; done
	say "the $network network gets bad: $spec"
}

mac_of() { on "$1" cat "/sys/class/net/$2/address"; }

# sever NETWORK A B: nothing passes between these two there, broadcasts neither; to all
# others both go on as before. mend NETWORK A B undoes it.
sever() {
	local port=${PORT[$1]}
	on "$1" nft -f - <<- END || fail "$2 and $3 cannot be cut off from each other"
		table netdev severed-$2-$3 {
			chain to-$3 {
				type filter hook egress device "$3" priority 0;
				ether saddr $(mac_of "$2" "$port") drop
			}
			chain to-$2 {
				type filter hook egress device "$2" priority 0;
				ether saddr $(mac_of "$3" "$port") drop
			}
		}
	END
}

mend() { on "$1" nft delete table netdev "severed-$2-$3"; }

# mute HOST...: what these clients send is dropped on the way ("cl-*": all); they hear all the same.
mute() {
	on wan nft -f - <<- END || fail "the clients cannot be muted"
		table ip mute {
			chain forward {
				type filter hook forward priority 0;
				$(printf 'iifname "%s" counter drop\n' "$@")
			}
		}
	END
}
unmute() { on wan nft delete table ip mute; }

# way HOST GW: what HOST sends to the shared address comes to GW, whoever holds it. way_no_more HOST GW.
way() {
	local n=${GW_NUMBER[$2]}
	ip -n "${NS}wan" -batch - <<- END
		rule add iif $1 lookup $n
		route replace $WAN_VIP/32 via 10.20.0.$n dev net0 table $n
	END
	[ -z "$LAB_IPV6" ] || ip -6 -n "${NS}wan" -batch - <<- END
		rule add iif $1 lookup $n
		route replace $(v6_of "$WAN_VIP")/128 via $(v6_of "10.20.0.$n") dev net0 table $n
	END
}
way_no_more() {
	ip -n "${NS}wan" rule del iif "$1" lookup "${GW_NUMBER[$2]}"
	[ -z "$LAB_IPV6" ] || ip -6 -n "${NS}wan" rule del iif "$1" lookup "${GW_NUMBER[$2]}"
}

# lead HOST GW: and what the protected host sends to HOST's client as well. lead_no_more HOST GW.
lead() {
	local n=${GW_NUMBER[$2]}
	way "$1" "$2"
	ip -n "${NS}srv" route add "$(vip_of "$1")/32" via "10.30.0.$n"
}

lead_no_more() {
	local n=${GW_NUMBER[$2]}
	way_no_more "$1" "$2"
	ip -n "${NS}srv" route del "$(vip_of "$1")/32" via "10.30.0.$n"
}

capture() {
	run_on "$2" "tcpdump-$1" tcpdump -Z root -i net0 -n -U -B 16384 -w "$OUT/$1.pcap"
}

# The first SA of a kernel waits for its ciphers to be loaded and tested, seconds
# where the processor is emulated: not while a client waits.
warm_kernel() {
	modprobe -aq aesni_intel veth bridge tun esp4 esp6 xfrm_user nft_queue nfnetlink_queue nft_fib_inet nf_conntrack nft_ct nft_dup_ipv4 nft_nat nft_chain_nat sch_netem || true
	unshare -n ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 reqid 1 \
		mode tunnel aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128
}

gateway_links() {
	local to
	for to in wan:wan prot:srv clus:cluster; do
		echo "link add ${to%:*} netns $NS$1 type veth peer name $1 netns $NS${to#*:}"
	done
}

# What the protected host sends to a client goes to the gateway that the client's packets came
# through last, as where gateways announce their clients to the routers.
ways_follow_clients() {
	local gw n
	{
		echo "table ip ways {"
		echo "chain in { type filter hook prerouting priority mangle;"
		for gw in $LAB_GATEWAYS; do
			echo "ip saddr $POOL_NET ether saddr $(mac_of "$gw" prot) ct mark set ${GW_NUMBER[$gw]}"
		done
		echo "}"
		echo "chain out { type route hook output priority -150; meta mark set ct mark; }"
		echo "}"
	} | on srv nft -f - || fail "the ways of the protected host cannot be set up"
	for gw in $LAB_GATEWAYS; do
		n=${GW_NUMBER[$gw]}
		printf '%s\n' "rule add fwmark $n lookup $n" \
			"route add default via 10.30.0.$n dev net0 table $n"
	done | ip -n "${NS}srv" -batch -
}

# ipv6_at HOST INTERFACE IPV4 [ROUTER]: its IPv6 address there, and the way to all others.
ipv6_at() {
	on "$1" /bin/sh -ec '
		echo 0 > "/proc/sys/net/ipv6/conf/$1/disable_ipv6"
		ip -6 addr replace "$2/64" dev "$1" nodad
		[ -z "$3" ] || ip -6 route replace default via "$3"' sh "$2" "$(v6_of "$3")" "${4:+$(v6_of "$4")}"
}
ipv6_at_gateway() {
	ipv6_at "$1" wan "$(wan_network "$1").${GW_NUMBER[$1]}" "$(wan_network "$1").1"
	[ -z "$LAB_BALANCED" ] || on "$1" /bin/sh -ec '
		echo 0 > /proc/sys/net/ipv6/conf/lo/disable_ipv6
		ip -6 addr replace "$1/128" dev lo nodad' sh "$(v6_of "$WAN_VIP")"
}

ipv6_up() {
	local h gw
	on wan /bin/sh -ec 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
	for h in $(seq "$LAB_HOSTS"); do
		ipv6_at wan "cl-$h" "10.10.$h.1"
		ipv6_at "cl-$h" wan "10.10.$h.2" "10.10.$h.1"
	done
	for gw in $LAB_GATEWAYS; do
		ipv6_at wan net0 "$(wan_network "$gw").1"
		ipv6_at_gateway "$gw"
	done
}

# A NAT with an address for each of these hosts. Its mappings and filters are independent of the other end (RFC 4787, 4.1 and 5); but to
# those of LAB_NAT_FILTERS nothing comes through from an address and port that the host has not written to.
nat_up() {
	local h
	{
		echo "table ip nat {"
		echo "chain out { type nat hook postrouting priority srcnat;"
		for h in $LAB_NAT; do echo "oifname net0 iifname cl-$h snat to 10.11.$h.1"; done
		echo "}"
		echo "chain in { type nat hook prerouting priority dstnat;"
		for h in $LAB_NAT; do
			[[ " $LAB_NAT_FILTERS " == *" $h "* ]] || echo "iifname net0 ip daddr 10.11.$h.1 dnat to 10.10.$h.2"
		done
		echo "}"
		echo "chain filter { type filter hook forward priority 0;"
		for h in $LAB_NAT; do echo "iifname net0 ip daddr 10.11.$h.1 drop"; done
		echo "}"
		echo "}"
	} | on wan nft -f - || fail "there is no NAT"
}

# The nodes that store and are no gateways.
stores() { seq -f 'st-%g' "$LAB_STORES"; }

network_up() {
	local h jobs=() stores gateways
	mapfile -t stores < <(stores)
	read -ra gateways <<< "$LAB_GATEWAYS"
	say "networks: $LAB_HOSTS client host(s), WAN router, ${LAB_GATEWAYS// /, },${stores[*]:+ ${stores[*]},} protected host"
	{
		for h in wan srv cluster "${gateways[@]}" "${stores[@]}" $(seq -f 'cl-%g' "$LAB_HOSTS"); do
			echo "netns add $NS$h"
		done
		for h in "${gateways[@]}"; do gateway_links "$h"; done
		for h in "${stores[@]}"; do
			echo "link add clus netns $NS$h type veth peer name $h netns ${NS}cluster"
		done
		for h in $(seq -f 'cl-%g' "$LAB_HOSTS"); do
			echo "link add wan netns $NS$h type veth peer name $h netns ${NS}wan"
		done
	} | ip -batch -
	set_up_network wan 1 10.20.0.1 "${gateways[@]}" & jobs+=($!)
	set_up_network srv 0 $SRV "${gateways[@]}" & jobs+=($!)
	set_up_network cluster 0 10.40.0.99 "${gateways[@]}" "${stores[@]}" & jobs+=($!)
	for h in "${gateways[@]}"; do
		set_up_gateway "$h" & jobs+=($!)
	done
	for h in "${stores[@]}"; do
		set_up_store "$h" & jobs+=($!)
	done
	for h in $(seq "$LAB_HOSTS"); do
		set_up_client_host "$h" & jobs+=($!)
	done
	for h in "${jobs[@]}"; do wait "$h" || fail "a network cannot be set up"; done
	capture wan wan
	capture protected srv
	capture cluster cluster
	for h in "${gateways[@]}"; do power_switch "$h"; done
	with_vrrp || ways_follow_clients
	[ -z "$LAB_NAT" ] || nat_up
	[ -z "$LAB_IPV6" ] || ipv6_up
	[ -z "$LAB_BALANCED" ] || for h in $(seq "$LAB_HOSTS"); do way "cl-$h" gw-a; done
	impair_networks
}

captures_ready() {
	local file
	for file in wan/tcpdump-wan srv/tcpdump-protected cluster/tcpdump-cluster; do
		wait_for 20 "the captures run" listens "$OUT/$file.out"
	done
}
listens() { [[ $(< "$1") == *'listening on'* ]]; }

# tcpdump_count HOST NETWORK WORD: how many packets it has "captured" (written), or
# "received" (they may lie in the kernel for a second).
tcpdump_count() {
	local out=$OUT/$1/tcpdump-$2.out lines
	lines=$(count_lines 'dropped by kernel' "$out")
	kill -USR1 "${PID[$1/tcpdump-$2]}" || return 0
	until_soon at_least $((lines + 1)) 'dropped by kernel' "$out"
	sed -n "s/.* \([0-9][0-9]*\) packets* $3.*/\1/p" "$out" | tail -n 1
}

captured() { [ "$(tcpdump_count "$1" "$2" captured)" -ge "$3" ]; }

# What the counters saw, beside what tcpdump caught, of all that came before.
# How many packets this kernel itself has dropped between the hosts, of all of them: it had no time.
backlog_dropped() {
	local line sum=0
	while read -ra line; do sum=$((sum + 16#${line[1]})); done < /proc/net/softnet_stat
	echo "$sum"
}
BACKLOG_DROPPED=0 # when the story began

network_totals() {
	local pair jobs=()
	for pair in wan:wan srv:protected cluster:cluster; do
		totals_of "${pair%:*}" "${pair#*:}" & jobs+=($!)
	done
	wait "${jobs[@]}"
}
totals_of() { # HOST NETWORK
	local received
	on "$1" nft list counters table netdev lab > "$OUT/$2.counters" || true
	[ -n "${PID[$1/tcpdump-$2]-}" ] || return 0
	received=$(tcpdump_count "$1" "$2" received)
	until_soon captured "$1" "$2" "${received:-0}"
}

network_down() {
	local name
	for name in /run/netns/"$NS"*; do echo "netns del ${name##*/}"; done | ip -batch -
}
