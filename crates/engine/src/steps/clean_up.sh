# clean_up.sh DIR SLUG DEP12 DB: remove what a deployment left that never reached its cut over.
# Its other containers are only removed while they don't run; its staging database and filestore (of a restore) go as well.
set -u
DIR=$1 SLUG=$2 DEP=$3 DB=$4
case $DEP in ''|*[!0-9a-f]*) exit 64 ;; esac
[ -e "$DIR/cutovers/$DEP/journal.jsonl" ] && exit 0
docker rm -f "slipway-$SLUG-$DEP-files" >/dev/null 2>&1   # its own helper, which serves nobody
docker ps -aq --filter label=slipway.managed=1 --filter "label=slipway.env=$SLUG" --filter "name=^slipway-$SLUG-$DEP" |
  while read -r id; do
    [ "$(docker inspect -f '{{.State.Running}}' "$id")" = true ] || docker rm -v "$id" >/dev/null
  done
docker exec "$DB" psql -XAtq -U postgres -d postgres -c "drop database if exists \"restore_$DEP\"" >/dev/null 2>&1
docker rmi "slipway/$SLUG:$DEP" >/dev/null 2>&1
rm -rf "${DIR:?}/releases/$DEP" "${DIR:?}/cutovers/$DEP"
exit 0
