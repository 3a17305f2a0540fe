# Tells how Docker can be reached on this machine. $1: its socket, empty to look for it.
socket=$1
state=missing
if [ -z "$socket" ]; then
	case ${DOCKER_HOST-} in
	unix://*) socket=${DOCKER_HOST#unix://} ;;
	?*) state=elsewhere ;;
	*)
		for candidate in /var/run/docker.sock "${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/docker.sock" "$HOME/.docker/run/docker.sock"; do
			[ -S "$candidate" ] || continue
			socket=$candidate
			break
		done
		: "${socket:=/var/run/docker.sock}"
		;;
	esac
fi
if [ -S "$socket" ]; then
	state=closed
	[ -r "$socket" ] && [ -w "$socket" ] && state=open
fi
printf 'state=%s\nsocket=%s\nuser=%s\n' "$state" "$socket" "$(id -un)"
command -v docker >/dev/null && echo cli=yes
exit 0
