# settle_dump.sh DIR SLUG DEP12 DB [CLONE]: turn the clone, if there is one, into a lasting, verified dump; print "dump_bytes N", "files N", "file_bytes N".
# May be repeated: a dump that is complete is left alone. The clone goes only when the dump can be read back.
set -u
umask 077
LC_ALL=C; export LC_ALL
DIR=$1 SLUG=$2 DEP=$3 DB=$4 CLONE=$5
SNAP=$DIR/snapshots/$DEP
mkdir -p "$SNAP" || exit 3
exists() { [ "$(docker exec "$DB" psql -XAtq -U postgres -d postgres -c "select 1 from pg_database where datname = '$1'")" = 1 ]; }

if [ ! -s "$SNAP/dump" ]; then
  exists "$CLONE" || { echo "there is no clone $CLONE to save" >&2; exit 7; }
  app=slipway-dump-$DEP
  # What an earlier attempt left running inside the container would go on reading beside us.
  docker exec "$DB" psql -XAtq -U postgres -d postgres -c \
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = '$app'" >/dev/null
  nice docker exec -e PGAPPNAME="$app" "$DB" pg_dump -U postgres -Fc "$CLONE" >"$SNAP/dump.part" || exit 8
  docker exec -i "$DB" pg_restore --list <"$SNAP/dump.part" >/dev/null || exit 9
  sync "$SNAP/dump.part" 2>/dev/null || sync
  mv "$SNAP/dump.part" "$SNAP/dump"
fi
if [ -n "$CLONE" ] && exists "$CLONE"; then
  docker exec "$DB" psql -XAtq -U postgres -d postgres -c "drop database if exists \"$CLONE\" with (force)" >&2 ||
    docker exec "$DB" psql -XAtq -U postgres -d postgres -c "drop database if exists \"$CLONE\"" >&2 || exit 10
fi
printf 'dump_bytes %s\n' "$(wc -c <"$SNAP/dump" | tr -d ' ')"
