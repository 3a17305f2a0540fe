# stage.sh DB STAGE DUMP VOLUME FILES LIVE LIST: restore DUMP as the database STAGE, and link the filestore FILES as STAGE.
# Its files are checked against LIST, if there is one: what is missing is taken from the filestore LIVE, where a file of that name
# has that content; what can't be had is said in lines of "slipway-warns".
# May be repeated: what is there already and marked as whole is left alone.
set -u
umask 077
LC_ALL=C; export LC_ALL
DB=$1 STAGE=$2 DUMP=$3 VOLUME=$4 FILES=$5 LIVE=$6 LIST=$7
# The image that the database runs from is there, whatever image a newer Slipway would take.
IMAGE=$(docker inspect -f '{{.Image}}' "$DB") || exit 10
sql() { docker exec "$DB" psql -XAtq -v ON_ERROR_STOP=1 -U postgres -d "${SQLDB:-postgres}" -c "$1"; }
[ -s "$DUMP" ] || { echo "there is no dump $DUMP" >&2; exit 7; }
if [ "$(sql "select shobj_description(oid, 'pg_database') from pg_database where datname = '$STAGE'")" != 'slipway: whole' ]; then
  sql "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'slipway-$STAGE'" >/dev/null
  sql "drop database if exists \"$STAGE\"" || exit 8
  # A dump of one database doesn't say how it sorts: as the live one does, else names come in another order than before.
  order=$(sql "select format('lc_collate %L lc_ctype %L', datcollate, datctype) from pg_database where datname = '$LIVE'") || exit 8
  sql "create database \"$STAGE\" owner odoo template template0 encoding 'UTF8' ${order:-lc_collate 'C'}" || exit 8
  # The dump brings the extensions, and after them indexes that use what only the altered function allows: so it's altered in between.
  SQLDB=$STAGE sql "create schema slipway_restore;
    create function slipway_restore.indexable() returns event_trigger language plpgsql as \$\$ $INDEXABLE \$\$;
    create event trigger slipway_restore on ddl_command_end when tag in ('CREATE EXTENSION') execute procedure slipway_restore.indexable()" || exit 8
  docker exec -i -e PGAPPNAME="slipway-$STAGE" "$DB" pg_restore -U postgres -d "$STAGE" --exit-on-error <"$DUMP" || exit 9
  SQLDB=$STAGE sql "drop event trigger slipway_restore; drop function slipway_restore.indexable(); drop schema slipway_restore" || exit 8
  sql "comment on database \"$STAGE\" is 'slipway: whole'" || exit 8
fi

in_files() { # SCRIPT ARGUMENTS…: in the folder of the filestores
  docker run -i --rm --pull never --network none -u 0 --label slipway.managed=1 --label slipway.role=files \
    -v "$VOLUME:/var/lib/odoo" --entrypoint sh "$IMAGE" -c "cd /var/lib/odoo/filestore || exit 1
$1" sh "$STAGE" "$FILES" "$LIVE"; }
in_files '
  [ -d "$2" ] || { echo "there are no files $2" >&2; exit 1; }
  rm -rf "$1.part" "$1" && cp -al "$2" "$1.part"' </dev/null || exit 10

TMP=$(mktemp -d) || exit 10
trap 'rm -rf "$TMP"' EXIT
missing() { # what stands in LIST and isn't there, or has another size: SHA-1, size, path
  # Begins with an empty line: awk takes the second file for the first if that is empty.
  { echo; in_files 'find "$1.part" -type f -printf "%s\t%P\n"' </dev/null; } >"$TMP/have" || exit 10
  awk -F '\t' 'NR == FNR { have[$2] = $1; next } !($3 in have) || have[$3] != $2' "$TMP/have" "$LIST"; }
if [ -e "$LIST" ]; then
  missing >"$TMP/missing"
  if [ -s "$TMP/missing" ]; then
    in_files 'while IFS="$(printf "\t")" read -r sum size path; do
      case $path in */"$sum") ;; *) continue ;; esac
      [ "$(stat -c %s "$3/$path" 2>/dev/null)" = "$size" ] || continue
      mkdir -p "$1.part/${path%/*}" && chown --reference="$1.part" "$1.part/${path%/*}" && ln -f "$3/$path" "$1.part/$path"
    done' <"$TMP/missing"
    before=$(wc -l <"$TMP/missing")
    missing >"$TMP/missing.now"
    left=$(wc -l <"$TMP/missing.now")
    [ "$left" = "$before" ] || echo "slipway-says $((before - left)) files of the snapshot were gone, and were taken from what is live: same name, same content"
    if [ "$left" != 0 ]; then
      echo "slipway-warns $left of the snapshot's $(wc -l <"$LIST") files are missing or damaged, and can't be had from what is live:"
      head -n 10 "$TMP/missing.now" | awk -F '\t' '{ print "slipway-warns   " $3 " (" $2 " bytes)" }'
      [ "$left" -le 10 ] || echo "slipway-warns   and $((left - 10)) more; filestore.list beside the dump names all that there should be"
    fi
  fi
fi
in_files 'mv "$1.part" "$1"' </dev/null || exit 10
