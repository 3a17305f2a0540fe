set -u
umask 022
LC_ALL=C; export LC_ALL
DIR=$1 SLUG=$2
shift 2
SITE=$DIR/sites/$SLUG.caddy
mkdir -p "$DIR/sites" "$DIR/gate/$SLUG" "$DIR/certs" || exit 3
cat >"$SITE.new" || exit 3
trap 'rm -f "$SITE.new"' EXIT
home() { case $1 in '~'/*) printf %s "$HOME/${1#'~/'}" ;; *) printf %s "$1" ;; esac; }

# Is everything as it should be? Then the proxy is left alone.
changed=
[ $# = 0 ] || for word in "$@"; do
  if [ -z "${from:-}" ]; then from=$(home "$word"); continue; fi
  [ -r "$from" ] || { echo "cannot read $from" >&2; exit 13; }
  cmp -s "$from" "$DIR/certs/$word" || changed=yes
  from=
done
[ -z "$changed" ] && cmp -s "$SITE.new" "$SITE" && exit 0

lock 9 "$DIR/lock" 900 || exit 12
# What was there is kept until the proxy has taken what is new: at its next start it would fail for all sites otherwise.
replaced=
replace() { # NEW OLD
  rm -f "$2.old"
  [ ! -e "$2" ] || cp -p "$2" "$2.old" || return 1
  mv "$1" "$2" && replaced="$replaced ${2#"$DIR"/}"; }
put_back() {
  for name in $replaced; do
    if [ -e "$DIR/$name.old" ]; then mv "$DIR/$name.old" "$DIR/$name"; else rm -f "$DIR/$name"; fi
  done; }
while [ $# -ge 2 ]; do
  from=$(home "$1") to=$DIR/certs/$2
  shift 2
  # Born as nobody else's to read: a key is among them.
  { rm -f "$to.new" && ( umask 077; cat "$from" >"$to.new" ) && replace "$to.new" "$to"; } ||
    { rm -f "$to.new"; put_back; echo "cannot copy $from" >&2; exit 13; }
done
replace "$SITE.new" "$SITE" || { put_back; exit 3; }
# Forced: of a certificate that was renewed in its file, the configuration says nothing new.
reload() { docker exec slipway-caddy caddy reload --force --config /etc/caddy/Caddyfile --adapter caddyfile 9>&- 2>&1; }
i=0
# A proxy that was started a moment ago may not listen for orders yet.
until said=$(reload); do
  i=$((i + 1))
  case $said in *refused*) [ "$i" -lt 40 ] && { sleep 0.25; continue; } ;; esac
  put_back
  reload >/dev/null
  printf '%s\n' "$said" | tail -n 3 >&2
  exit 13
done
for name in $replaced; do rm -f "$DIR/$name.old"; done
echo changed
