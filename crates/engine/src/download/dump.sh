# dump.sh DB DUMP: a snapshot's dump as SQL that any role may load, compressed.
set -u
LC_ALL=C; export LC_ALL
[ -s "$2" ] || { echo "there is no dump $2" >&2; exit 7; }
# A pipe tells the end of its last command only.
failed=$(mktemp) || exit 10
trap 'rm -f "$failed"' EXIT
{ docker exec -i "$1" pg_restore --no-owner --no-privileges --file=- <"$2" || echo "$?" >"$failed"; } | gzip -1c
[ ! -s "$failed" ]
