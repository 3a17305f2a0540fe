#!/bin/sh
# One cut over of one environment. It finishes, or it undoes itself, whether or not a desktop is there.
#   cutover.sh start  PLAN          detach a guarded run, return once its journal has begun
#   cutover.sh guard  PLAN          the run, and its undoing should the run die without a last word
#   cutover.sh run    PLAN          the run alone
#   cutover.sh revert PLAN          end an unfinished run whose process is gone: back before the commit, forward after it
#   cutover.sh boot   PLAN          the same after a reboot: waits for Docker first
#   cutover.sh status PLAN          none | running | dead | committed | reverted | cancelled | revert_failed
#   cutover.sh follow PLAN OFFSET   the journal from that byte on, until its end or {"ev":"dead"}
#   cutover.sh cancel PLAN          cancelling | too_late | not_running
# Exit: 0 committed (or nothing to do) · 10 failed and reverted · 11 cancelled and reverted · 12 lock held · 20 revert failed · 64 usage
# Journal: one JSON object a line. The line `"action":"commit","ev":"start"` is the point of no return.
set -u
umask 077
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin
export LC_ALL PATH
[ $# -ge 2 ] || { sed -n '2,12p' "$0" >&2; exit 64; }
MODE=$1 PLAN=$2
case $PLAN in */*) ;; *) PLAN=./$PLAN ;; esac           # `. name` would search PATH
. "$PLAN" || exit 64
J=$DIR/journal.jsonl
APP=slipway-$DEP                      # marks our sessions in PostgreSQL
FILES=slipway-$SLUG-$DEP-files         # the container that moves files in the data volume
OLD_AT=$SLUG-${OLD_SLOT:-none}:8069 NEW_AT=$SLUG-$NEW_SLOT:8069
ACT=
CHILD=
STRICT=                               # set on the way forward: what the journal can't record isn't done

# --- small words. Every child closes fds 8 and 9: a docker client that outlives us must not keep our locks.
d()   { $DOCKER "$@" 8>&- 9>&-; }
nap() { sleep "$1" 8>&- 9>&-; }
# A child in the foreground delays our traps until it ends (dash). So: in the background, and `wait`, which a signal interrupts.
bg()  { ( exec 8>&- 9>&-; exec "$@" ) & CHILD=$!; wait "$CHILD"; _rc=$?; CHILD=; return $_rc; }
sql() { d exec -e PGAPPNAME="$APP" "$PG" psql -XAtq -v ON_ERROR_STOP=1 -U postgres -d "${SQLDB:-postgres}" -c "$1"; }
until_s()   { _end=$(( $(date +%s) + $1 )); shift; until "$@"; do [ "$(date +%s)" -lt "$_end" ] || return 1; nap 0.2; done; }
durable()   { sync "$J" "$DIR" 2>/dev/null || sync; }
docker_up() { d version --format '{{.Server.Version}}' >/dev/null 2>&1; }
state()     { d ps -a --filter "name=^/$1\$" --format '{{.State}}'; }   # empty: no such container; failure: Docker doesn't answer
running()   { case $(state "$1") in running|restarting|paused) ;; *) return 1 ;; esac; }
gone()      { _st=$(state "$1") && [ -z "$_st" ]; }
wget_in_proxy() { d exec "$PROXY" wget -q -T "$1" -O /dev/null --header "Host: $SITE" --header 'X-Forwarded-Proto: https' ${3:+--header "X-Slipway-Slot: $3"} "$2"; }

# --- the journal
case $(date +%N) in *[!0-9]*|'') NOW=+%Y-%m-%dT%H:%M:%SZ ;; *) NOW=+%Y-%m-%dT%H:%M:%S.%NZ ;; esac   # busybox may know no %N
AWK='awk'; awk -W version 2>&1 </dev/null | grep -q mawk && AWK='awk -W interactive'   # mawk fills its buffer before it looks at a pipe
# Any bytes to the inside of a JSON string: UTF-8 stays, other bytes become the character of that number. MODE line: one event
# for each line of `docker logs -t`, at most MAX bytes in all; MODE text: everything as one string.
JSON='function esc(s,  o,i,n,k,c,v,w) {
    if (length(s) > 8000) s = substr(s, 1, 8000)
    if (s !~ /[\001-\037\200-\377]/) { gsub(/[\\"]/, "\\\\&", s); return s }
    n = length(s)
    for (i = 1; i <= n; i++) { c = substr(s, i, 1); v = ord[c]
      if (c == "\"" || c == "\\") o = o "\\" c
      else if (v < 32) o = o sprintf("\\u%04x", v)
      else if (v < 128) o = o c
      else {
        k = v >= 240 && v <= 244 ? 3 : v >= 224 && v < 240 ? 2 : v >= 194 && v < 224 ? 1 : 0
        w = ord[substr(s, i + 1, 1)] + 0
        if (v == 224 && w < 160 || v == 237 && w > 159 || v == 240 && w < 144 || v == 244 && w > 143) k = 0
        for (w = 1; w <= k; w++) if (ord[substr(s, i + w, 1)] < 128 || ord[substr(s, i + w, 1)] > 191) k = 0
        if (k) { o = o substr(s, i, k + 1); i += k } else o = o sprintf("\\u%04x", v)
      } }
    return o }
  BEGIN { for (i = 1; i < 256; i++) ord[sprintf("%c", i)] = i }
  MODE == "text" { printf "%s%s", (NR > 1 ? "\\n" : ""), esc($0); next }
  total > MAX { next }
  { t = $1; s = substr($0, length(t) + 2); if (t !~ /^[0-9TZ:.+-]+$/) { s = $0; t = "" }
    s = esc(s); total += length(s) + 120
    print "{\"t\":\"" t "\",\"id\":\"" DEP "\",\"step\":\"" STEP "\",\"action\":\"" ACT "\",\"ev\":\"line\",\"text\":\"" s "\"}"
    if (total > MAX) print "{\"t\":\"" t "\",\"id\":\"" DEP "\",\"step\":\"" STEP "\",\"action\":\"" ACT "\",\"ev\":\"warn\",\"text\":\"output cut here: the rest is in update.log\"}"
    fflush() }'
lines() { $AWK -v MODE=line -v MAX="${LOG_MAX:-8000000}" -v DEP="$DEP" -v STEP="$(step_of "$ACT")" -v ACT="$ACT" "$JSON"; }
text()  { $AWK -v MODE=text "$JSON"; }
step_of() { # which of the fifteen steps an action belongs to; what undoes belongs to none
  case $1 in
    begin|room|look|boot_entry|gate_close|drain|stop_old|seal|clone|link|unseal|dump_start|relink) echo taking_snapshot ;;
    fresh|create_db|swap|update) echo initializing_database ;;
    hold_crons|start_new)  echo starting_container ;;
    healthy|websocket|proof) echo health_check ;;
    probe|keep|commit|release_crons|gate_open|gate_switch|drain_old|retire_old|dump_end) echo configuring_routing ;;
  esac; }
j() { # EVENT [TEXT]
  _s=$(step_of "$ACT") _text=
  [ -z "${2:-}" ] || _text=',"text":"'$(printf %s "$2" | text)'"'
  printf '{"t":"%s","id":"%s",%s"action":"%s","ev":"%s"%s}\n' "$(date -u "$NOW")" "$DEP" "${_s:+\"step\":\"$_s\",}" "$ACT" "$1" "$_text" 2>/dev/null >>"$J" || [ -z "$STRICT" ]; }
warn() { j warn "$1"; }
has()  { grep -aq "\"action\":\"$1\",\"ev\":\"$2\"" "$J" 2>/dev/null; }   # a quote inside a text is escaped: no text can pretend
ended() { has end committed || has end reverted || has end cancelled || has end revert_failed; }
step() { # ACTION [COMMAND…]: journal, do, journal
  ACT=$1; [ $# -gt 1 ] && shift
  j start || return 1
  [ "${KILL_AT:-}" = "$ACT" ] && kill -9 $$             # test hooks
  [ -n "${KILL_IN:-}" ] && [ "${KILL_IN%:*}" = "$ACT" ] && { ( exec 8>&- 9>&-; sleep "${KILL_IN#*:}"; kill -9 $$ ) & }
  if "$@" >"$DIR/$ACT.out" 2>&1; then j ok "$(tail -c 300 "$DIR/$ACT.out" 2>/dev/null)"
  else j fail "$(tail -c 1500 "$DIR/$ACT.out" 2>/dev/null)"; return 1; fi; }

