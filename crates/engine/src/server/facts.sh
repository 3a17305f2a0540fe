# facts.sh ROOT SLUG [sudo]: everything a deployment needs to know of a server, in one round trip.
# Prints "key<TAB>value" lines; a key may come more than once. Leaves nothing behind but ROOT.
set -u
LC_ALL=C; export LC_ALL
umask 077
ROOT=$1 SLUG=$2 SUDO=${3:-}
# sudo clears the environment.
[ -z "$SUDO" ] || docker() { sudo -n docker ${DOCKER_HOST:+-H "$DOCKER_HOST"} "$@"; }
case $ROOT in '~'/*) ROOT=$HOME/${ROOT#'~/'} ;; esac
say() { printf '%s\t%s\n' "$1" "$2"; }

mkdir -p "$ROOT" || { say error "cannot make $ROOT"; exit 3; }
ROOT=$(cd "$ROOT" && pwd -P) || exit 3
say root "$ROOT"
say time "$(date +%s)"
say path "$PATH"
say os "$(uname -s)"
say arch "$(uname -m)"
say cpus "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 0)"
say memory_kb "$(awk '/^MemTotal:/{print $2}' /proc/meminfo 2>/dev/null)"
say memory_free_kb "$(awk '/^MemAvailable:/{print $2}' /proc/meminfo 2>/dev/null)"
say root_disk_kb "$(df -Pk "$ROOT" | awk 'NR==2{print $2" "$4}')"
for tool in flock setsid timeout tar gzip awk crontab systemctl; do
  command -v "$tool" >/dev/null 2>&1 && say tool "$tool"
done
say boot "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"

command -v docker >/dev/null 2>&1 || { say docker_error missing; exit 0; }
# What asks Docker takes a tenth of a second each, much of it work: as few as can be, all at once, each into a file of its own.
work=$(mktemp -d "$ROOT/.facts.XXXXXX") || { say error "cannot write in $ROOT"; exit 3; }
trap 'rm -rf "$work"' EXIT
docker info --format '{{.ServerVersion}}	{{.DockerRootDir}}' >"$work/info" 2>"$work/info.err" &
# One line a container of ours: id, name, state, labels, and the networks that it is on.
docker ps -a --no-trunc --filter label=slipway.managed=1 --format \
 'container	{{.ID}}	{{.Names}}	{{.State}}	{{.Label "slipway.env"}}	{{.Label "slipway.role"}}	{{.Label "slipway.deployment"}}	{{.Label "slipway.slot"}}	{{.Label "slipway.commit"}}	{{.Label "slipway.cpus"}}	{{.Label "slipway.memory_mb"}}	{{.Label "slipway.disk_mb"}}	{{.Label "slipway.recipe"}}	{{.Networks}}' >"$work/containers" 2>"$work/containers.err" &
containers=$!
if [ -n "$SLUG" ]; then
  # Nothing where there is no such container, or none that runs. A database that lets nobody in ends it after its first line.
  name=$(printf '%s' "$SLUG" | tr - _)
  docker exec "slipway-$SLUG-db" psql -XAtq -F '	' -U postgres -d postgres \
    -c "select 'database', coalesce((select case when datallowconn then 'open' else 'closed' end
          from pg_database where datname = '$name'), 'none')" \
    -c "\\connect \"$name\"" \
    -c "select 'db_bytes', pg_database_size(current_database())" \
    -c "select 'max_connections', current_setting('max_connections')" \
    -c "select 'demo', count(*) from ir_module_module where demo" \
    -c "select 'database_version', latest_version from ir_module_module where name = 'base'" \
    -c "select 'module', name, state, coalesce(to_jsonb(m)->>'imported', '') from ir_module_module m where state not in ('uninstalled','uninstallable') order by name" \
    >"$work/database" 2>/dev/null &
fi
# Without a whole answer nothing may be concluded from what is missing in it.
wait "$containers" || { wait; say docker_error "$(tr '\n' ' ' <"$work/containers.err")"; exit 0; }
wait
IFS='	' read -r version data <"$work/info"
case $version in [0-9]*) ;; *) say docker_error "$(cat "$work/info.err" "$work/info" | tr '\n' ' ')"; exit 0 ;; esac
say docker "$version"
# A user who isn't root may not see Docker's folder; its disk is that of the nearest folder above that can be seen.
data=${data:-/}
until df -Pk "$data" >/dev/null 2>&1 || [ "$data" = / ]; do data=$(dirname "$data"); done
say docker_disk_kb "$(df -Pk "$data" 2>/dev/null | awk 'NR==2{print $2" "$4}')"
cat "$work/containers"

[ -n "$SLUG" ] || exit 0
cat "$work/database"
for slot in a b; do [ -e "$ROOT/caddy/gate/$SLUG/$slot" ] && say gate "$slot"; done
[ -s "$ROOT/$SLUG/lock.json" ] && say lease "$(tr -d '\n' <"$ROOT/$SLUG/lock.json")"
[ -s "$ROOT/$SLUG/db_password" ] && say db_password present
[ -s "$ROOT/caddy/sites/$SLUG.caddy" ] && say site "$(cksum <"$ROOT/caddy/sites/$SLUG.caddy")"
for release in "$ROOT/$SLUG"/releases/*/release.json; do
  [ -s "$release" ] && say release "$(tr -d '\n' <"$release")"
done
# As many as Facts::HISTORY_LINES. A tab inside a line stands escaped there: it is JSON.
[ -s "$ROOT/$SLUG/history.jsonl" ] && tail -n 15 "$ROOT/$SLUG/history.jsonl" | while read -r line; do say history "$line"; done
for dump in "$ROOT/$SLUG"/snapshots/*/dump; do
  dir=${dump%/dump}
  [ -s "$dump" ] && say snapshot "${dir##*/} $(stat -c %s "$dump")"
done
for journal in "$ROOT/$SLUG"/cutovers/*/journal.jsonl; do
  # An empty one has lost its lines: what it began may be in the middle.
  [ -e "$journal" ] || continue
  dir=${journal%/journal.jsonl}
  end=$(tail -n 5 "$journal" | grep -E '"ev":"(committed|reverted|cancelled)"')
  case $end in
    '') say unfinished "${dir##*/}" ;;
    *'"ev":"reverted"'*|*'"ev":"cancelled"'*) say undone "${dir##*/}" ;;
    *'"ev":"committed"'*)
      at=${end#*'"t":"'}
      say committed "${dir##*/}	${at%%'"'*}	$(cat "$dir/release.number" 2>/dev/null)" ;;
  esac
done
exit 0
