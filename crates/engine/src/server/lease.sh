# lease.sh acquire|renew|release DIR DEPLOYMENT OWNER SECONDS [take]
# One desktop at a time may prepare a deployment of an environment. The lease is a file of one JSON object; it expires
# by the server's own clock, so that desktops with wrong clocks can't steal or keep it.
# Exit: 0 ours now · 4 somebody else holds it (the file is printed) · 3 can't write
set -u
umask 077
MODE=$1 DIR=$2 DEPLOYMENT=$3 OWNER=$4 SECONDS_=$5 TAKE=${6:-}
mkdir -p "$DIR" || exit 3
FILE=$DIR/lock.json
lock 8 "$DIR/lease.flock" 10 || exit 3
now=$(date +%s)
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" "$FILE" 2>/dev/null | head -n 1; }
mine() { [ "$(field deployment)" = "$DEPLOYMENT" ]; }
held() { [ -s "$FILE" ] && [ "$(field expires)" -gt "$now" ] 2>/dev/null; }
write() {
  printf '{"deployment":"%s","owner":"%s","taken":%s,"expires":%s}\n' "$DEPLOYMENT" "$OWNER" "$now" "$((now + SECONDS_))" >"$FILE.new" &&
    mv "$FILE.new" "$FILE" || exit 3
}
case $MODE in
  acquire) if held && ! mine && [ "$TAKE" != take ]; then cat "$FILE"; exit 4; fi; write ;;
  renew)   if [ -s "$FILE" ] && ! mine; then cat "$FILE"; exit 4; fi; write ;;
  release) if mine; then rm -f "$FILE"; fi ;;
  *) exit 64 ;;
esac
exit 0
