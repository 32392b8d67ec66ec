# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# bash completion of batonctl(8).

# Server IDs of this node and its peers, as far as batond tells.
_batonctl_servers() {
	batonctl "$@" --json status 2> /dev/null | sed -n 's/.*"server_id": "\([^"]*\)".*/\1/p' | sort -u
}

_batonctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i word verb='' socket=()

	COMPREPLY=()
	case $prev in
	-s | --socket)
		compopt -o filenames 2> /dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-s | --socket)
			i=$((i + 1))
			socket=(--socket "${COMP_WORDS[i]}")
			;;
		-*) ;;
		*) verb=${verb:-$word} ;;
		esac
	done
	case $verb in
	'')
		mapfile -t COMPREPLY < <(compgen -W 'status sessions takeover drain move release resume version
			--socket --json --help --version' -- "$cur")
		;;
	sessions | takeover | drain)
		[ "$prev" = "$verb" ] || return
		mapfile -t COMPREPLY < <(compgen -W "$(_batonctl_servers "${socket[@]}")" -- "$cur")
		;;
	esac
}

complete -F _batonctl batonctl
