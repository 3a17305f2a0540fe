# stage.sh DB STAGE DUMP VOLUME IMAGE FILES LIVE: restore DUMP as the database STAGE, and link the filestore FILES as STAGE.
# May be repeated: what is there already and marked as whole is left alone.
set -u
LC_ALL=C; export LC_ALL
DB=$1 STAGE=$2 DUMP=$3 VOLUME=$4 IMAGE=$5 FILES=$6 LIVE=$7
sql() { docker exec "$DB" psql -XAtq -v ON_ERROR_STOP=1 -U postgres -d postgres -c "$1"; }
[ -s "$DUMP" ] || { echo "there is no dump $DUMP" >&2; exit 7; }
if [ "$(sql "select shobj_description(oid, 'pg_database') from pg_database where datname = '$STAGE'")" != 'slipway: whole' ]; then
  sql "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'slipway-$STAGE'" >/dev/null
  sql "drop database if exists \"$STAGE\"" || exit 8
  # A dump of one database doesn't say how it sorts: as the live one does, else names come in another order than before.
  order=$(sql "select format('lc_collate %L lc_ctype %L', datcollate, datctype) from pg_database where datname = '$LIVE'") || exit 8
  sql "create database \"$STAGE\" owner odoo template template0 encoding 'UTF8' ${order:-lc_collate 'C'}" || exit 8
  docker exec -i -e PGAPPNAME="slipway-$STAGE" "$DB" pg_restore -U postgres -d "$STAGE" --exit-on-error <"$DUMP" || exit 9
  sql "comment on database \"$STAGE\" is 'slipway: whole'" || exit 8
fi
docker run --rm --pull never --network none -u 0 --label slipway.managed=1 -v "$VOLUME:/var/lib/odoo" --entrypoint sh "$IMAGE" -c '
  cd /var/lib/odoo/filestore || exit 1
  [ -d "$1" ] || { echo "there are no files $1" >&2; exit 1; }
  rm -rf "$2.part" "$2" && cp -al "$1" "$2.part" && mv "$2.part" "$2"' sh "$FILES" "$STAGE" || exit 10
