# prune.sh DIR SLUG VOLUME IMAGE LIVE KEEP_RELEASES KEEP_SNAPSHOTS SNAPSHOT_DAYS PROTECTED…
# Remove what retention no longer wants: releases with their images and containers, snapshots, cut over folders, filestore links.
# Never the live release, never the PROTECTED ones (short ids that a rollback may need), never anything without our label.
# Prints one line for each thing removed: KIND NAME.
set -u
LC_ALL=C; export LC_ALL
DIR=$1 SLUG=$2 VOLUME=$3 IMAGE=$4 LIVE=$5 KEEP=$6 SNAPS=$7 DAYS=$8
shift 8
case $LIVE in ''|*[!0-9a-f]*) echo "no live release given" >&2; exit 64 ;; esac
PROTECTED=" $LIVE $* "
wanted() { case $PROTECTED in *" $1 "*) return 0 ;; esac; return 1; }
newest_first() { ls -1t "$1" 2>/dev/null | grep -E '^[0-9a-f]{12}$'; }

n=0
gone=$(newest_first "$DIR/releases" | while read -r dep; do
  n=$((n + 1))
  { [ "$n" -le $((KEEP + 1)) ] || wanted "$dep"; } && continue
  # -a: also of a deployment that failed before its container ever ran.
  docker ps -aq --filter label=slipway.managed=1 --filter "label=slipway.env=$SLUG" --filter "name=^slipway-$SLUG-$dep" |
    while read -r id; do
      [ "$(docker inspect -f '{{.State.Running}}' "$id")" = true ] && continue
      docker rm -v "$id" >/dev/null && echo "container $id"
    done
  docker rmi "slipway/$SLUG:$dep" >/dev/null 2>&1 && echo "image slipway/$SLUG:$dep"
  rm -rf "${DIR:?}/releases/$dep" "${DIR:?}/cutovers/$dep" && echo "release $dep"
done)
[ -z "$gone" ] || printf '%s\n' "$gone"

# The web and update containers of releases that are kept but not live: only the image is needed to bring one back. This and the
# stages below go beside the rest, since each waits for Docker.
docker ps -a --filter label=slipway.managed=1 --filter "label=slipway.env=$SLUG" --filter status=exited --filter status=created \
  --format '{{.ID}} {{.Label "slipway.role"}} {{.Names}}' | while read -r id role name; do
  case $role in web|update|files) ;; *) continue ;; esac
  case $name in *"-$LIVE") continue ;; esac
  docker rm -v "$id" >/dev/null && echo "container $name"
done &

# Image stages that no kept release stands on any more. Docker refuses to remove one that is still a parent or in use.
docker images --filter label=slipway.managed=1 --filter label=slipway.role=stage --filter "label=slipway.env=$SLUG" \
  --filter dangling=true -q | sort -u | while read -r id; do docker rmi "$id" >/dev/null 2>&1 && echo "image $id"; done &

# The newest SNAPS stay however old they are, and the others until they are DAYS old, as long as the disk has room for twice what
# all of them take, and 2 GiB: a database that finds no room is worse than a snapshot less. So the oldest go first.
has_room() {
  df -Pk "$DIR" | awk -v kept="$(du -sk "$DIR/snapshots" | cut -f1)" 'NR==2{exit !($4 >= 2 * kept + 2097152)}'
}
snapshots=$(newest_first "$DIR/snapshots")
n=$(printf '%s\n' "$snapshots" | grep -c .)
now=$(date +%s)
printf '%s\n' "$snapshots" | sed '1!G;h;$!d' | while read -r dep; do
  place=$n
  n=$((n - 1))
  [ -n "$dep" ] || continue
  wanted "$dep" && continue
  [ "$place" -le "$SNAPS" ] && continue
  age=$(( (now - $(stat -c %Y "$DIR/snapshots/$dep")) / 86400 ))
  [ "$age" -lt "$DAYS" ] && has_room && continue
  # The files of the snapshot: hard links beside the live filestore, on the data volume.
  docker run --rm --pull never --network none -u 0 --label slipway.managed=1 --label "slipway.env=$SLUG" \
    -v "$VOLUME:/var/lib/odoo" --entrypoint rm "$IMAGE" -rf "/var/lib/odoo/filestore/before_$dep" || continue
  rm -rf "${DIR:?}/snapshots/$dep" && echo "snapshot $dep"
done

# The name by content of a release image (k-…) lets a redeployment of the same content do without a build. It goes with the last
# release of that content, or the image would stay for ever.
named=$(docker images --filter label=slipway.managed=1 --format '{{.ID}} {{.Tag}}' "slipway/$SLUG")
printf '%s\n' "$named" | grep ' k-' | while read -r id tag; do
  printf '%s\n' "$named" | grep -qE "^$id [0-9a-f]{12}\$" && continue
  docker rmi "slipway/$SLUG:$tag" >/dev/null 2>&1 && echo "image slipway/$SLUG:$tag"
done

wait

# Nothing stands less on them than before unless a release went.
[ -z "$gone" ] || prune_dependencies "${DIR%/*}"

# What is kept now, for the forecast: KIND COUNT KILOBYTES. Hard links count once.
printf 'kept snapshots %s %s\n' "$(newest_first "$DIR/snapshots" | wc -l)" "$(du -sk "$DIR/snapshots" 2>/dev/null | cut -f1)"
printf 'kept releases %s %s\n' "$(newest_first "$DIR/releases" | wc -l)" "$(du -sk "$DIR/releases" 2>/dev/null | cut -f1)"
df -Pk "$DIR" | awk 'NR==2{print "free_kb", $4}'
exit 0
