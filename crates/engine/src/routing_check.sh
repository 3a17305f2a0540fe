set -u
umask 077
LC_ALL=C; export LC_ALL
DIR=$1 SLUG=$2
shift 2
home() { case $1 in '~'/*) printf %s "$HOME/${1#'~/'}" ;; *) printf %s "$1" ;; esac; }
trap 'rm -f "$DIR/sites/$SLUG.check" "$DIR/certs/$SLUG".check.*' EXIT
cat >"$DIR/sites/$SLUG.check" || exit 3
cmp -s "$DIR/sites/$SLUG.check" "$DIR/sites/$SLUG.caddy" && new= || new=yes
# Under other names, so that what is in force stays as it is.
edit='s#^##'
while [ $# -ge 2 ]; do
  from=$(home "$1")
  cat "$from" >"$DIR/certs/$SLUG.check.$2" || { echo "cannot read $from" >&2; exit 13; }
  cmp -s "$from" "$DIR/certs/$2" || new=yes
  edit="$edit;s#/certs/$2#/certs/$SLUG.check.$2#g"
  shift 2
done
[ -n "$new" ] || exit 0
said=$({ grep -v '^import sites/' "$DIR/Caddyfile"; sed "$edit" "$DIR/sites/$SLUG.check"; } |
  docker exec -i slipway-caddy caddy validate --adapter caddyfile --config - 2>&1) && exit 0
printf '%s\n' "$said" | tail -n 3 >&2
exit 13
