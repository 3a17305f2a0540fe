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
TALKS='' CRONS='' FILES_UP='' STOP='' WS='' RELINK=''
STRICT=                               # set on the way forward: what the journal can't record isn't done

# --- small words. Every child closes fds 3 to 9: a docker client that outlives us must not keep our locks or conversations.
d()   { $DOCKER "$@" 3<&- 4>&- 5<&- 6>&- 7>&- 8>&- 9>&-; }
nap() { sleep "$1" 3<&- 4>&- 5<&- 6>&- 7>&- 8>&- 9>&-; }
lone() { exec 3<&- 4>&- 5<&- 6>&- 7>&- 8>&- 9>&-; }     # first in a subshell
# A child in the foreground delays our traps until it ends (dash). So: in the background, and `wait`, which a signal interrupts.
bg()  { ( lone; exec "$@" ) & CHILD=$!; wait "$CHILD"; _rc=$?; CHILD=; return $_rc; }
until_s()   { _end=$(( $(date +%s) + $1 )) _turn=0; shift
  until "$@"; do [ "$(date +%s)" -lt "$_end" ] || return 1; _turn=$((_turn+1)); if [ $_turn -lt 6 ]; then nap 0.05; else nap 0.2; fi; done; }
durable()   { sync "$J" "$DIR" 2>/dev/null || sync; }
docker_up() { d version --format '{{.Server.Version}}' >/dev/null 2>&1; }
state()     { d ps -a --filter "name=^/$1\$" --format '{{.State}}'; }   # empty: no such container; failure: Docker doesn't answer
running()   { case $(state "$1") in running|restarting|paused) ;; *) return 1 ;; esac; }
gone()      { _st=$(state "$1") && [ -z "$_st" ]; }

# --- conversations: each `docker exec` costs a tenth of a second and more, while users may be held. So one psql (fds 3 and 4), one
# shell in the proxy (5 and 6) and the psql that will hold the crons (7) are kept open, between two pipes each. The line
# `slipway-end STATUS` ends an answer. They end with us: their input does. One that broke isn't used again, and each call is an exec.
converse() { # NAME COMMAND…
  _n=$1; shift
  rm -f "$DIR/$_n.in" "$DIR/$_n.out" "$DIR/$_n.broken"; mkfifo "$DIR/$_n.in" "$DIR/$_n.out" || return 1
  ( lone; exec "$@" <"$DIR/$_n.in" >"$DIR/$_n.out" 2>&1 ) & }
talk() {
  converse psql $DOCKER exec -i -e PGAPPNAME="$APP" -e PGOPTIONS='-c client_min_messages=error' "$PG" psql -XAtq -U postgres -d postgres &&
    exec 4>"$DIR/psql.in" 3<"$DIR/psql.out" || : >"$DIR/psql.broken"
  converse proxy $DOCKER exec -i -e SITE="$SITE" -e HEALTH_PATH="$HEALTH_PATH" "$PROXY" sh -c "$IN_PROXY"'
    while read -r a b c d; do "$a" "$b" "$c" "$d" </dev/null; echo "slipway-end $?"; done' &&
    exec 6>"$DIR/proxy.in" 5<"$DIR/proxy.out" || : >"$DIR/proxy.broken"
  TALKS=1; }
talks() { [ -n "$TALKS" ] && [ ! -e "$DIR/$1.broken" ]; }
hush()  { : >"$DIR/dump.no"; exec 3<&- 4>&- 5<&- 6>&- 7>&-; TALKS='' CRONS=''; rm -f "$DIR"/psql.* "$DIR"/proxy.* "$DIR/crons.in"; }
hear() { # NAME, its output as our input: the answer, or what went wrong and 1
  _heard=
  while IFS= read -r _l; do
    case $_l in
      'slipway-end 0'|'slipway-end false') [ -z "$_heard" ] || printf '%s\n' "$_heard"; return 0 ;;
      'slipway-end '*) printf '%s\n' "$_heard" >&2; return 1 ;;
    esac
    _heard=$_heard${_heard:+
}$_l
  done
  : >"$DIR/$1.broken"; printf '%s\n' "$_heard" >&2; return 1; }
sql() { # STATEMENT [in the database SQLDB], or what else psql understands
  if ! talks psql; then printf '%s\n;\n' "$1" | d exec -i -e PGAPPNAME="$APP" "$PG" psql -XAtq -v ON_ERROR_STOP=1 -U postgres -d "${SQLDB:-postgres}" -f -; return; fi
  # In a subshell: writing to one that is gone ends who writes.
  ( [ -z "${SQLDB:-}" ] || printf '\\connect "%s"\n' "$SQLDB"; printf '%s\n;\n\\set failed :ERROR\n' "$1"
    [ -z "${SQLDB:-}" ] || printf '\\connect postgres\n'; printf '\\echo slipway-end :failed\n' ) >&4 2>/dev/null
  hear psql <&3; }
proxy() { # WORD [ARGUMENT…]: one of the words below, asked in the proxy's network
  if talks proxy; then ( echo "$*" ) >&6 2>/dev/null; hear proxy <&5
  else d exec -e SITE="$SITE" -e HEALTH_PATH="$HEALTH_PATH" "$PROXY" sh -c "$IN_PROXY"'"$@"' sh "$@"; fi; }
IN_PROXY='
  ask() { wget -q -T "$1" -O /dev/null --header "Host: $SITE" --header "X-Forwarded-Proto: https" ${3:+--header "X-Slipway-Slot: $3"} "$2" 2>&1; }
  in_flight() { wget -q -T 3 -O - http://127.0.0.1:2019/reverse_proxy/upstreams | tr "{" "\n" | sed -n "s/.*\"address\":\"$1\".*\"num_requests\":\([0-9]*\).*/\1/p"; }
  answers() { # ADDRESS SECONDS: both pages; ten tries a second, at least one
    end=$(( $(date +%s) + $2 ))
    until said=$(ask 10 "http://$1$HEALTH_PATH" && ask 20 "http://$1/web/login"); do [ "$(date +%s)" -lt $end ] || { echo "$said"; return 1; }; sleep 0.1; done; }
'

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
lines() { step_of "$ACT"; $AWK -v MODE=line -v MAX="${LOG_MAX:-8000000}" -v DEP="$DEP" -v STEP="$_s" -v ACT="$ACT" "$JSON"; }
text()  { $AWK -v MODE=text "$JSON"; }
step_of() { # which of the fifteen steps an action belongs to; what undoes belongs to none
  case $1 in
    begin|room|look|boot_entry|gate_close|drain|stop_old|seal|clone|link|stopped|unseal|states|dump_start|relink) _s=taking_snapshot ;;
    fresh|create_db|swap|update) _s=initializing_database ;;
    hold_crons|note_bundles|start_new)  _s=starting_container ;;
    healthy|websocket|proof|served) _s=health_check ;;
    probe|keep|commit|release_crons|gate_open|gate_switch|drain_old|dump_end) _s=configuring_routing ;;
    retire_old) _s=completed ;;
    *) _s= ;;
  esac; }
j() { # EVENT [TEXT]
  step_of "$ACT"; _text=
  [ -z "${2:-}" ] || _text=',"text":"'$(printf %s "$2" | text)'"'
  printf '{"t":"%s","id":"%s",%s"action":"%s","ev":"%s"%s}\n' "$(date -u "$NOW")" "$DEP" "${_s:+\"step\":\"$_s\",}" "$ACT" "$1" "$_text" 2>/dev/null >>"$J" || [ -z "$STRICT" ]; }
warn() { j warn "$1"; }
has()  { grep -aq "\"action\":\"$1\",\"ev\":\"$2\"" "$J" 2>/dev/null; }   # a quote inside a text is escaped: no text can pretend
ended() { grep -aqE '"action":"end","ev":"(committed|reverted|cancelled|revert_failed)"' "$J" 2>/dev/null; }
step() { # ACTION [COMMAND…]: journal, do, journal
  ACT=$1; [ $# -gt 1 ] && shift
  j start || return 1
  [ "${KILL_AT:-}" = "$ACT" ] && kill -9 $$             # test hooks
  [ -n "${KILL_IN:-}" ] && [ "${KILL_IN%:*}" = "$ACT" ] && { ( lone; sleep "${KILL_IN#*:}"; kill -9 $$ ) & }
  if "$@" >"$DIR/$ACT.out" 2>&1; then if [ -s "$DIR/$ACT.out" ]; then j ok "$(tail -c 300 "$DIR/$ACT.out")"; else j ok; fi
  else j fail "$(tail -c 1500 "$DIR/$ACT.out" 2>/dev/null)"; return 1; fi; }

