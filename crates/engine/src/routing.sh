set -u
umask 022
LC_ALL=C; export LC_ALL
DIR=$1 SLUG=$2 CERT=${3:-} KEY=${4:-}
SITE=$DIR/sites/$SLUG.caddy
mkdir -p "$DIR/sites" "$DIR/gate/$SLUG" "$DIR/certs" || exit 3
cat >"$SITE.new" || exit 3
trap 'rm -f "$SITE.new"' EXIT
changed=
if [ -n "$CERT" ]; then
  for pair in "$CERT:crt" "$KEY:key"; do
    from=${pair%:*} to=$DIR/certs/$SLUG.${pair##*:}
    case $from in '~'/*) from=$HOME/${from#'~/'} ;; esac
    cmp -s "$from" "$to" || { ( umask 077; cp "$from" "$to.new" ) && mv "$to.new" "$to" && changed=yes; } || { echo "cannot read $from" >&2; exit 13; }
  done
fi
[ -z "$changed" ] && cmp -s "$SITE.new" "$SITE" && exit 0
exec 9>>"$DIR/lock"
flock -x -w 900 9 || exit 12
[ -e "$SITE" ] && cp -p "$SITE" "$SITE.old"
mv "$SITE.new" "$SITE"
reload() { docker exec slipway-caddy caddy reload --config /etc/caddy/Caddyfile --adapter caddyfile 9>&- 2>&1; }
i=0
# A proxy that was started a moment ago may not listen for orders yet.
until said=$(reload); do
  i=$((i + 1))
  case $said in *refused*) [ "$i" -lt 40 ] && { sleep 0.25; continue; } ;; esac
  if [ -e "$SITE.old" ]; then mv "$SITE.old" "$SITE"; else rm -f "$SITE"; fi
  reload >/dev/null
  printf '%s\n' "$said" | tail -n 3 >&2
  exit 13
done
rm -f "$SITE.old"
echo changed
