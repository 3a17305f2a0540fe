# remove_snapshot.sh DIR SLUG VOLUME DEPLOYMENT
# Removes the snapshot that was taken for a deployment (its short id): dump and links of the filestore.
# 10: no image of this environment is there to remove the links with.
set -eu
DIR=$1 SLUG=$2 VOLUME=$3 DEP=$4
case $DEP in ''|*[!0-9a-f]*) echo "no deployment given" >&2; exit 64 ;; esac
image=$(docker images -q --filter label=slipway.managed=1 --filter "label=slipway.env=$SLUG" | head -n 1)
[ -n "$image" ] || exit 10
# The files of the snapshot are hard links beside the live filestore, on the data volume.
docker run --rm --pull never --network none -u 0 --label slipway.managed=1 --label "slipway.env=$SLUG" \
  -v "$VOLUME:/var/lib/odoo" --entrypoint rm "$image" -rf "/var/lib/odoo/filestore/before_$DEP"
rm -rf "${DIR:?}/snapshots/$DEP"
