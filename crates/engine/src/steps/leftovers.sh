# leftovers.sh DIR POSTGRES DATABASE WEB OWN: databases and folders of files that cutovers have left and that nothing needs any more.
# Each is a full copy. It goes only when the cutover that it belongs to is known to have ended, never while that may still be needed.
# Prints one line for each: `database NAME` or `files NAME` when it was removed; `unsaved DEP12` for a clone of a release that
# serves or has served: whoever deployed it did not come back to make a snapshot of it.
# Exit: 3 the database server could not be asked, or the live database isn't there
set -u
LC_ALL=C; export LC_ALL
DIR=$1 POSTGRES=$2 DATABASE=$3 WEB=$4 OWN=$5
COPY='(before|failed|restore)_[0-9a-f]{12}'

ask() { docker exec "$POSTGRES" psql -XAtq -v ON_ERROR_STOP=1 -U postgres -d postgres -c "$1"; }
drop() {
  ask "alter database \"$1\" allow_connections false" >/dev/null &&
    ask "select pg_terminate_backend(pid) from pg_stat_activity where datname = '$1'" >/dev/null &&
    ask "drop database \"$1\"" >/dev/null && echo "database $1"
}
# How a cutover ended: committed, undone, unfinished; gone when retention has removed what told of it.
end_of() {
  journal=$DIR/cutovers/$1/journal.jsonl
  [ -e "$journal" ] || { echo gone; return; }
  case $(tail -n 5 "$journal") in
    *'"ev":"committed"'*) echo committed ;;
    *'"ev":"reverted"'*|*'"ev":"cancelled"'*) echo undone ;;
    *) echo unfinished ;;
  esac
}
# Which of what is left may go, by its kind and by how its cutover ended.
fate() { # KIND DEP12
  [ "$2" != "$OWN" ] || { echo stays; return; }
  case $1-$(end_of "$2") in
    *-unfinished) echo stays ;;
    before-committed|before-gone) echo unsaved ;;
    *) echo goes ;;
  esac
}

databases=$(ask "select datname from pg_database where datname ~ '^$COPY\$' or datname = '$DATABASE'") || exit 3
printf '%s\n' "$databases" | grep -qxF "$DATABASE" || { echo "there is no database $DATABASE" >&2; exit 3; }
for name in $databases; do
  [ "$name" != "$DATABASE" ] || continue
  dep=${name#*_}
  case $(fate "${name%%_*}" "$dep") in
    goes) drop "$name" ;;
    unsaved) echo "unsaved $dep" ;;
  esac
done

# The files of a snapshot have the name of its clone, and stay with its dump.
folders=$(docker exec -u 0 "$WEB" sh -c 'cd /var/lib/odoo/filestore && ls -1' 2>/dev/null | grep -xE "$COPY")
for name in $folders; do
  kind=${name%%_*} dep=${name#*_}
  case $kind-$(fate "$kind" "$dep") in
    *-stays|before-unsaved) continue ;;
  esac
  [ "$kind" != before ] || [ ! -e "$DIR/snapshots/$dep" ] || continue
  docker exec -u 0 "$WEB" rm -rf -- "/var/lib/odoo/filestore/$name" && echo "files $name"
done
exit 0
