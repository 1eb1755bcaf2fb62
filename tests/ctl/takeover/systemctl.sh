#!/bin/sh
# systemctl as far as loncctl takeover asks it; see classic.rs.
cd "$SITE/systemd" || exit 1
verb=$1
shift
[ "$1" != -- ] || shift

word() { if [ -e "$1" ]; then echo "$2"; else echo "$3"; fi; }

id_of() { id=${1#lonc@}; id=${id%.*}; }

# Whether the process does at the path; another may, at one that had the path before.
listens() {
	for inode in $(awk -v path="$2" '$4 == "00010000" && $8 == path { print $7 }' /proc/self/net/unix); do
		! ls -l "/proc/$1/fd" 2>/dev/null | grep -qF "socket:[$inode]" || return 0
	done
	return 1
}

start() {
	case $1 in
	# It has ended when it has done its work.
	lonc-hosts.service) return 0 ;;
	lonc@*.socket)
		id_of "$1"
		[ ! -e "$1.active" ] || return 0
		rm -f "$SITE/sockets/$id"
		setsid "$LONC" --config "$SITE/lonc.toml" "$id" >>"$id.log" 2>&1 </dev/null &
		echo $! >"$id.pid"
		# As systemd does: the file is there a moment before anybody listens at it.
		until listens "$(cat "$id.pid")" "$SITE/sockets/$id"; do
			kill -0 "$(cat "$id.pid")" || return 1
			sleep 0.02
		done
		;;
	lonc@*.service)
		id_of "$1"
		[ -e "lonc@$id.socket.active" ] || start "lonc@$id.socket"
		;;
	esac
	: >"$1.active"
}

stop() {
	case $1 in
	lonc@*)
		id_of "$1"
		if [ -e "$id.pid" ]; then
			kill "$(cat "$id.pid")"
			# One that has ended has no command line, whoever is to take note of its end.
			while grep -q . "/proc/$(cat "$id.pid")/cmdline" 2>/dev/null; do sleep 0.02; done
			# As RemoveOnStop= does, whosever it is.
			rm -f "$id.pid" "$SITE/sockets/$id"
		fi
		rm -f "lonc@$id.service.active" "lonc@$id.socket.active"
		;;
	*) rm -f "$1.active" ;;
	esac
}

case $verb in
is-active) for unit; do word "$unit.active" active inactive; done ;;
is-enabled) for unit; do word "$unit.enabled" enabled disabled; done ;;
show)
	id_of "$2"
	echo "Listen=$SITE/sockets/$id (Stream)"
	;;
*)
	echo "$verb $*" >>orders
	[ "$(wc -l <orders)" != "$FAIL" ] || { echo "this one fails" >&2; exit 1; }
	for unit; do
		case $verb in
		start) start "$unit" || exit 1 ;;
		stop) stop "$unit" ;;
		enable) : >"$unit.enabled" ;;
		disable) rm -f "$unit.enabled" ;;
		*) exit 1 ;;
		esac
	done
	;;
esac
