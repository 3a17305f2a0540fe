# Lays the script (standard input) and a plan on the server.
# $1 Slipway's root, $2 the environment, $3 the cut over's folder, $4 the script's hash, $5 the plan
set -e
umask 077
bin=$1/bin/$4
mkdir -p "$bin" "$3" "$1/$2" "$1/caddy/gate/$2"
chmod 755 "$1/caddy/gate" "$1/caddy/gate/$2"
# Renamed into place: a shell that still reads the old file goes on reading the old file.
cat >"$bin/cutover.sh.$$"
mv -f "$bin/cutover.sh.$$" "$bin/cutover.sh"
ln -f "$bin/cutover.sh" "$3/cutover.sh"
printf %s "$5" >"$3/plan.sh.$$"
mv -f "$3/plan.sh.$$" "$3/plan.sh"
