# replace_proxy.sh DIR: puts the proxy that was created as slipway-caddy-next in the place of slipway-caddy, whose ports it takes: for a few
# seconds no site of the server answers. Nobody cuts over meanwhile, and no site changes. If the new one doesn't come up, the old
# one serves again. What an earlier call left in the middle is put right first.
# Exit: 0 replaced, or there was nothing to replace · 12 cutovers go on · 13 no network for the new one: the old one was not touched
# 14 the new one doesn't come up: the old one serves · 15 neither comes up
set -u
LC_ALL=C; export LC_ALL
DIR=$1
LIVE=slipway-caddy NEXT=slipway-caddy-next OLD=slipway-caddy-old
# A desktop that goes away in the middle must not leave the server without its proxy.
trap '' HUP TERM INT

is_there() { docker inspect "$1" >/dev/null 2>&1; }
answers() {
  turns=0
  until docker exec "$1" wget -q -T 3 -O /dev/null http://127.0.0.1:2019/config/ 2>/dev/null; do
    turns=$((turns + 1))
    [ "$turns" -lt 40 ] || return 1
    sleep 0.5
  done
}
serve_again() { # the one that was set aside, under its own name
  if is_there "$LIVE"; then docker rm -f -v "$LIVE" >/dev/null || return 1; fi
  docker rename "$OLD" "$LIVE" && docker start "$LIVE" >/dev/null && answers "$LIVE"
}

lock 9 "$DIR/lock" 900 || exit 12
if is_there "$OLD"; then
  if is_there "$LIVE" && answers "$LIVE"; then docker rm -f -v "$OLD" >/dev/null; else serve_again || exit 15; fi
fi
is_there "$NEXT" || exit 0

networks=$(docker inspect -f '{{range $name, $_ := .NetworkSettings.Networks}}{{println $name}}{{end}}' "$LIVE") || exit 13
for network in $networks; do
  case $(docker network connect "$network" "$NEXT" 2>&1) in
    ''|*'already exists'*) ;;
    *) echo "the new proxy could not be put on the network $network" >&2; exit 13 ;;
  esac
done

said='the old proxy could not be stopped and set aside'
if docker stop -t 5 "$LIVE" >/dev/null && docker rename "$LIVE" "$OLD" && docker rename "$NEXT" "$LIVE"; then
  if said=$(docker start "$LIVE" 2>&1) && answers "$LIVE"; then
    docker rm -f -v "$OLD" >/dev/null
    exit 0
  fi
fi
printf '%s\n' "$said" | tail -n 3 >&2
if is_there "$OLD"; then serve_again || exit 15; else docker start "$LIVE" >/dev/null && answers "$LIVE" || exit 15; fi
exit 14
