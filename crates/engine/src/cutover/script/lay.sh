# Lays a plan and the script on the server, and starts the cut over if it is told to.
# $1 Slipway's root, $2 the environment, $3 the cut over's folder, $4 the script's hash, $5 the plan, $6 `start` or nothing,
# $7 where the script is: `here`, or on standard input. Exit: 9 the script isn't here · else that of the start
set -e
umask 077
bin=$1/bin/$4
mkdir -p "$bin" "$3" "$1/$2" "$1/caddy/gate/$2"
# What ends a cutover after a power cut must be there after it.
durable() { sync "$@" 2>/dev/null || sync; }
chmod 755 "$1/caddy/gate" "$1/caddy/gate/$2"
if [ "$7" = here ]; then
	# It is a fourth of what a redeployment would send. Its name tells its content: one that a full disk or a bad one spoilt isn't used.
	case $(sha256sum <"$bin/cutover.sh") in "$4"*) ;; *) exit 9 ;; esac 2>/dev/null
else
	# Renamed into place: a shell that still reads the old file goes on reading the old file.
	cat >"$bin/cutover.sh.$$"
	mv -f "$bin/cutover.sh.$$" "$bin/cutover.sh"
fi
ln -f "$bin/cutover.sh" "$3/cutover.sh"
printf %s "$5" >"$3/plan.sh.$$"
mv -f "$3/plan.sh.$$" "$3/plan.sh"
durable "$bin/cutover.sh" "$bin" "$3/plan.sh" "$3/cutover.sh" "$3" "$1/$2/cutovers" "$1/$2" "$1"
[ "$6" != start ] || exec sh "$3/cutover.sh" start "$3/plan.sh" </dev/null
