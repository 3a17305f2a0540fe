# destroy.sh ROOT SLUG: remove everything of one environment, and nothing without its label.
set -u
LC_ALL=C; export LC_ALL
ROOT=$1 SLUG=$2
case $SLUG in ''|*[!a-z0-9-]*) exit 64 ;; esac
mine="--filter label=slipway.managed=1 --filter label=slipway.env=$SLUG"
lock 9 "$ROOT/caddy/lock" 300 || { echo 'a cut over on this server is under way' >&2; exit 12; }
rm -rf "$ROOT/caddy/gate/$SLUG"
if [ -e "$ROOT/caddy/sites/$SLUG.caddy" ]; then
  rm -f "$ROOT/caddy/sites/$SLUG.caddy"
  docker exec slipway-caddy caddy reload --config /etc/caddy/Caddyfile --adapter caddyfile >/dev/null 2>&1 9>&-
fi
# shellcheck disable=SC2086 # $mine is several words
{
  docker ps -aq $mine | while read -r id; do docker rm -fv "$id" >/dev/null && echo "container $id"; done
  docker network ls -q $mine | while read -r id; do
    docker network disconnect -f "$id" slipway-caddy >/dev/null 2>&1
    docker network rm "$id" >/dev/null && echo "network $id"
  done
  docker volume ls -q $mine | while read -r name; do docker volume rm "$name" >/dev/null && echo "volume $name"; done
  docker images -q $mine | sort -u | while read -r id; do docker rmi -f "$id" >/dev/null && echo "image $id"; done
}
# A table that can't be read is left alone, and others who change it are waited for.
if command -v crontab >/dev/null 2>&1 && lock 7 "$ROOT/boot.lock" 10 && table=$(crontab -l 2>/dev/null); then
  case $table in
    *"# slipway $SLUG "*) printf '%s\n' "$table" | grep -v "# slipway $SLUG " | crontab - ;;
  esac
fi
rm -rf "${ROOT:?}/$SLUG" || exit 5
# What could not be removed is somebody's data that nobody would look for any more: it isn't called gone.
# shellcheck disable=SC2086 # $mine is several words
left=$(docker ps -aq $mine && docker network ls -q $mine && docker volume ls -q $mine) || exit 6
[ -z "$left" ] || { echo "still there: $left" >&2; exit 6; }
prune_dependencies "$ROOT"
echo done
