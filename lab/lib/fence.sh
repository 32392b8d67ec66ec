# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# A gateway with SAs made by hand, and somebody who grants them sequence numbers (fence.c):
# no IKE daemon, no batond.
#
#   in --- gw --- peer      10.1.0.2  10.1.0.1 | 192.0.2.1  192.0.2.2 | 10.2.0.1, 10.2.0.2
#                           2001:db8::1, 2001:db8::2 outside as well
#
# ESP and AH end at peer's door, where they are counted and dropped.

FENCE_PORT=9

fence_network_up() {
	modprobe -aq esp4 esp6 ah4 ah6 xfrm_user nf_tables || true
	ip -batch - <<- END
		netns add ${NS}in
		netns add ${NS}gw
		netns add ${NS}peer
		link add in netns ${NS}gw type veth peer name gw netns ${NS}in
		link add wan netns ${NS}gw type veth peer name gw netns ${NS}peer
	END
	set_up peer 0 <<- END
		link set gw up
		addr add 192.0.2.2/24 dev gw
	END
	set_up gw 1 <<- END
		link set in up
		link set wan up
		addr add 10.1.0.1/24 dev in
		addr add 192.0.2.1/24 dev wan
		route add 10.2.0.0/24 via 192.0.2.2 src 10.1.0.1
	END
	set_up in 0 <<- END
		link set gw up
		addr add 10.1.0.2/24 dev gw
		route add default via 10.1.0.1
	END
	for h in gw peer; do
		# shellcheck disable=SC2016 # for that shell
		on $h /bin/sh -ec '
			echo 0 > /proc/sys/net/ipv6/conf/all/disable_ipv6
			echo 0 > "/proc/sys/net/ipv6/conf/$1/disable_ipv6"
			ip addr add "$2/64" dev "$1" nodad' sh \
			"$([ $h = gw ] && echo wan || echo gw)" "2001:db8::$([ $h = gw ] && echo 1 || echo 2)"
	done
	on peer nft -f - <<- END
		table netdev bench {
			counter arrived { }
			chain in {
				type filter hook ingress device gw priority 0;
				meta l4proto { 50, 51, 17 } counter name arrived drop
			}
		}
	END
}

# sa SPI INNER-DESTINATION OUTER-FAMILY PROTOCOL [encap | esn | limited]: an outbound SA with its policy.
sa() {
	local spi=$1 to=$2 protocol=$4 from=192.0.2.1 outer=192.0.2.2 keys
	[ "$3" = 4 ] || { from=2001:db8::1 outer=2001:db8::2; }
	keys=(aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128)
	[ "$protocol" = esp ] ||
		keys=(auth-trunc 'hmac(sha256)' 0x000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f 128)
	case ${5-} in
	encap) keys+=(encap espinudp 4500 4500 0.0.0.0) ;;
	esn) keys+=(replay-window 64 flag esn) ;;
	limited) keys+=(limit packet-hard 60) ;;
	esac
	on gw ip xfrm state add src $from dst $outer proto "$protocol" spi "$spi" reqid "$((spi))" mode tunnel \
		flag af-unspec "${keys[@]}"
	on gw ip xfrm policy add src 10.1.0.0/24 dst "$to/32" dir out \
		tmpl src $from dst $outer proto "$protocol" reqid "$((spi))" mode tunnel
}

no_sas() { on gw /bin/sh -c 'ip xfrm policy flush; ip xfrm state flush'; }

# The last number that the SA has used.
last_number() {
	local hex
	hex=$(on gw ip -s xfrm state list spi "$1" |
		sed -n 's/.*, oseq 0x\([0-9a-f]*\).*/\1/p')
	echo $((16#${hex:-0}))
}

has_sa() { [ -n "$(on gw ip xfrm state list spi "$1")" ]; }
has_no_sa() { ! has_sa "$1"; }

# send HOST DESTINATION COUNT: datagrams; those of a local sender may be refused.
send() {
	# shellcheck disable=SC2016 # for that shell
	on "$1" /bin/bash -c 'for ((i = 0; i < $3; i++)); do echo > "/dev/udp/$1/$2"; done' \
		bash "$2" $FENCE_PORT "$3" 2> /dev/null || true
}

# arriving HOST DESTINATION COUNT: how many of them arrive at peer.
arriving() {
	arrived peer > /dev/null
	send "$@"
	arrived peer
}

arrive() { # NUMBER HOST DESTINATION COUNT
	local got
	got=$(arriving "${@:2}")
	[ "$got" = "$1" ] || {
		say "        $got arrived, not $1"
		return 1
	}
}

# Who grants: a process that takes commands.
GRANTS='' ASKED=0
granter_up() {
	[ -e "$WORK/grants" ] || {
		mkfifo "$WORK/grants"
		exec {GRANTS}<> "$WORK/grants"
	}
	# shellcheck disable=SC2016 # for that shell
	run_on gw granter /bin/sh -c 'exec "$1" < "$2"' sh "$BUILD/lab/baton-fence" "$WORK/grants"
}

# granter COMMAND...: every one is answered; what the last one said is in $SAID.
granter() {
	local command
	for command in "$@"; do
		echo "$command" >&"$GRANTS"
		ASKED=$((ASKED + 1))
	done
	wait_for 20 "the granter has answered: $*" at_least $ASKED . "$OUT/gw/granter.out"
	SAID=$(tail -n 1 "$OUT/gw/granter.out")
}

# shellcheck disable=SC2053 # a pattern
granter_said() { [[ $SAID == $1 ]]; }

is_fenced() { on gw nft list set inet baton esp4_fenced | grep -q " $(($1))"; }
is_not_fenced() { ! is_fenced "$1"; }
no_table() { ! on gw nft list table inet baton > /dev/null 2>&1; }

# fenced SIDE NUMBER: the gateway has a fence for that many SAs, or none (bench-fence).
fenced() {
	SIDE=$1
	[ "$SIDE" != plain ] || return 0
	granter_up
	granter "open 65536" "grant 192.0.2.2 4096 esp 0 $((1 << 24))" "many $(($2 - 1)) 0 131071" flush
	say "  $2 SAs: $SAID"
}

# fence_blast NUMBER BYTES: through the SA; and the fence has gone after the last.
fence_blast() {
	blast "fence_$1_$2" peer in gw 10.1.0.2 10.2.0.1 "$(mac_of gw in)" "$2"
	[ "$SIDE" = baton ] && [ "$2" = 100 ] || return 0
	granter read
	check "the fence has let everything pass" granter_said 'ok refused 0 sas *'
	granter close
	end gw/granter
}
