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
    begin|room|look|boot_entry|note_texts|identify|on_disk|gate_close|drain|stop_old|seal|clone|link|stopped|unseal|states|dump_start|relink) _s=taking_snapshot ;;
    fresh|create_db|swap|update) _s=initializing_database ;;
    hold_crons|note_bundles|start_new)  _s=starting_container ;;
    healthy|websocket|proof|served) _s=health_check ;;
    probe|keep|commit|release_crons|number_release|gate_open|gate_switch|lasting|drain_old|dump_end) _s=configuring_routing ;;
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
  [ -z "$STRICT" ] || recorded || return 1              # a power cut must not forget what has been begun
  [ "${KILL_AT:-}" = "$ACT" ] && kill -9 $$             # test hooks
  [ -n "${KILL_IN:-}" ] && [ "${KILL_IN%:*}" = "$ACT" ] && { ( lone; sleep "${KILL_IN#*:}"; kill -9 $$ ) & }
  if "$@" >"$DIR/$ACT.out" 2>&1; then if [ -s "$DIR/$ACT.out" ]; then j ok "$(tail -c 300 "$DIR/$ACT.out")"; else j ok; fi
  else j fail "$(tail -c 1500 "$DIR/$ACT.out" 2>/dev/null)"; return 1; fi; }

