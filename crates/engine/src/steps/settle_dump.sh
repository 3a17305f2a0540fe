# settle_dump.sh DIR SLUG DEP12 DB WEB [CLONE]: turn the clone, if there is one, into a lasting, verified dump, and list the files
# that go with it, by way of the web container that runs; print "dump_bytes N", "files N", "file_bytes N".
# May be repeated: what is complete is left alone. The clone goes only when the dump can be read back.
set -u
umask 077
LC_ALL=C; export LC_ALL
DIR=$1 SLUG=$2 DEP=$3 DB=$4 WEB=$5 CLONE=${6:-}
SNAP=$DIR/snapshots/$DEP
mkdir -p "$SNAP" || exit 3
# Half a dump helps nobody, and takes the room that the next attempt needs.
trap 'rm -f "$SNAP/dump.part" "$SNAP/filestore.list.part"' EXIT
# Who could not ask knows nothing of a clone: neither that it is there, nor that it is gone.
exists() {
  count=$(docker exec "$DB" psql -XAtq -U postgres -d postgres -c "select count(*) from pg_database where datname = '$1'") || exit 12
  [ "$count" = 1 ]
}

if [ ! -s "$SNAP/dump" ]; then
  [ -n "$CLONE" ] && exists "$CLONE" || { echo "there is no clone $CLONE to save" >&2; exit 7; }
  app=slipway-dump-$DEP
  # What an earlier attempt left running inside the container would go on reading beside us.
  docker exec "$DB" psql -XAtq -U postgres -d postgres -c \
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = '$app'" >/dev/null
  nice docker exec -e PGAPPNAME="$app" "$DB" pg_dump -U postgres -Fc "$CLONE" >"$SNAP/dump.part" || exit 8
  docker exec -i "$DB" pg_restore --list <"$SNAP/dump.part" >/dev/null || exit 9
  sync "$SNAP/dump.part" 2>/dev/null || sync
  mv "$SNAP/dump.part" "$SNAP/dump"
fi

# A line a file: SHA-1 of its content, size, path, with tabs between. Odoo names a file by the SHA-1 of its content: those needn't
# be read. `checklist` is only Odoo's note of what to look at when it next removes unused files.
if [ ! -e "$SNAP/filestore.list" ]; then
  docker exec -u 0 "$WEB" sh -c '
    set -f
    cd "/var/lib/odoo/filestore/$1" || exit 1
    by_content="-regextype posix-extended -regex ./[0-9a-f]{2}/[0-9a-f]{40}"
    find . -path ./checklist -prune -o -type f $by_content -printf "%f\t%s\t%P\n" || exit 1
    find . -path ./checklist -prune -o -type f ! \( $by_content \) -print | while read -r path; do
      sum=$(sha1sum <"$path") || exit 1
      printf "%s\t%s\t%s\n" "${sum%% *}" "$(stat -c %s "$path")" "${path#./}"
    done' sh "before_$DEP" </dev/null >"$SNAP/filestore.list.part" || exit 11
  sync "$SNAP/filestore.list.part" 2>/dev/null || sync
  mv "$SNAP/filestore.list.part" "$SNAP/filestore.list" || exit 11
fi

if [ -n "$CLONE" ] && exists "$CLONE"; then
  docker exec "$DB" psql -XAtq -U postgres -d postgres -c "drop database if exists \"$CLONE\" with (force)" >&2 ||
    docker exec "$DB" psql -XAtq -U postgres -d postgres -c "drop database if exists \"$CLONE\"" >&2 || exit 10
fi
printf 'dump_bytes %s\n' "$(wc -c <"$SNAP/dump" | tr -d ' ')"
awk -F '\t' '{ n++; bytes += $2 } END { printf "files %d\nfile_bytes %.0f\n", n, bytes }' "$SNAP/filestore.list"
