# --- conversations: each `docker exec` costs a tenth of a second and more, while users may be held. So one psql (fds 3 and 4), one
# shell in the proxy (5 and 6) and the psql that will hold the crons (7) are kept open, between two pipes each. The line
# `slipway-end STATUS` ends an answer. They end with us: their input does. One that broke isn't used again, and each call is an exec.
converse() { # NAME COMMAND…
  _n=$1; shift
  rm -f "$DIR/$_n.in" "$DIR/$_n.out" "$DIR/$_n.broken"
  : >"$DIR/$_n.by"
  mkfifo "$DIR/$_n.in" "$DIR/$_n.out" || return 1
  ( lone; exec "$@" <"$DIR/$_n.in" >"$DIR/$_n.out" 2>&1 ) & }
talk() {
  converse psql $DOCKER exec -i -e PGAPPNAME="$APP" -e PGOPTIONS='-c client_min_messages=error' "$PG" psql -XAtq -U postgres -d postgres &&
    exec 4>"$DIR/psql.in" 3<"$DIR/psql.out" || : >"$DIR/psql.broken"
  converse proxy $DOCKER exec -i -e SITE="$SITE" -e HEALTH_PATH="$HEALTH_PATH" "$PROXY" sh -c "$IN_PROXY"'
    while read -r a b c d; do "$a" "$b" "$c" "$d" </dev/null; echo "slipway-end $?"; done' &&
    exec 6>"$DIR/proxy.in" 5<"$DIR/proxy.out" || : >"$DIR/proxy.broken"
  TALKS=1
  ( interrupt ) & INTERRUPTS=$!; }
talks() { [ -n "$TALKS" ] && [ ! -e "$DIR/$1.broken" ]; }
hush() {
  : >"$DIR/dump.no"
  [ -z "$INTERRUPTS" ] || kill "$INTERRUPTS" 2>/dev/null
  exec 3<&- 4>&- 5<&- 6>&- 7>&-
  TALKS='' CRONS='' INTERRUPTS=''
  rm -f "$DIR"/psql.* "$DIR"/proxy.* "$DIR/crons.in"; }
# Reading can't be given up. So what isn't answered in time is answered by us, with the time by which it should have been.
interrupt() {
  lone
  exec </dev/null >/dev/null 2>&1
  while nap 1 && kill -0 $$ 2>/dev/null; do
    for _n in psql proxy; do
      _late=
      read -r _late 2>/dev/null <"$DIR/$_n.by"
      now_s
      [ "$_now" -ge "${_late:-$((_now + 1))}" ] && [ -p "$DIR/$_n.out" ] || continue
      : >"$DIR/$_n.by"
      echo "slipway-end late $_late" >"$DIR/$_n.out"
    done
  done; }
hear_by() { # NAME SECONDS: how long its answer may take
  now_s
  _due=$((_now + $2))
  echo "$_due" >"$DIR/$1.by"; }
hear() { # NAME, its output as our input: the answer, or what went wrong and 1
  _heard=
  while IFS= read -r _l; do
    case $_l in
      'slipway-end 0'|'slipway-end false') : >"$DIR/$1.by"; [ -z "$_heard" ] || printf '%s\n' "$_heard"; return 0 ;;
      *"slipway-end late $_due") _heard=$_heard${_heard:+ }'no answer in time'; break ;;
      *'slipway-end late '*) continue ;;     # for an answer that came just then
      'slipway-end '*) : >"$DIR/$1.by"; printf '%s\n' "$_heard" >&2; return 1 ;;
    esac
    _heard=$_heard${_heard:+
}$_l
  done
  : >"$DIR/$1.broken"; printf '%s\n' "$_heard" >&2; return 1; }
sql() { # STATEMENT [in the database SQLDB, within LIMIT seconds], or what else psql understands
  if ! talks psql; then
    printf '%s\n;\n' "$1" | within "${LIMIT:-$TALK_S}" $DOCKER exec -i -e PGAPPNAME="$APP" "$PG" \
      psql -XAtq -v ON_ERROR_STOP=1 -U postgres -d "${SQLDB:-postgres}" -f -
    return
  fi
  hear_by psql "${LIMIT:-$TALK_S}"
  # In a subshell: writing to one that is gone ends who writes.
  ( [ -z "${SQLDB:-}" ] || printf '\\connect "%s"\n' "$SQLDB"; printf '%s\n;\n\\set failed :ERROR\n' "$1"
    [ -z "${SQLDB:-}" ] || printf '\\connect postgres\n'; printf '\\echo slipway-end :failed\n' ) >&4 2>/dev/null
  hear psql <&3; }
proxy() { # WORD [ARGUMENT…]: one of the words below, asked in the proxy's network
  if talks proxy; then
    hear_by proxy "$TALK_S"
    ( echo "$*" ) >&6 2>/dev/null
    hear proxy <&5
  else
    within "$TALK_S" $DOCKER exec -e SITE="$SITE" -e HEALTH_PATH="$HEALTH_PATH" "$PROXY" sh -c "$IN_PROXY"'"$@"' sh "$@"
  fi; }
IN_PROXY='
  now() { read -r now _ </proc/uptime; echo "${now%%.*}"; }
  # Whether a page answers, and with no error. One that sends its visitors elsewhere, to log in for instance, has answered: where to is
  # not asked, since it need not be reached from here.
  ask() { # SECONDS ADDRESS [SLOT]
    sh -c "echo \$\$; exec wget -qS -O /dev/null -T \"\$@\" 2>&1" sh "$1" --header "Host: $SITE" \
      --header "X-Forwarded-Proto: https" ${3:+--header "X-Slipway-Slot: $3"} "$2" | answered "$2"; }
  answered() { # ADDRESS, what wget says as our input
    here=${1#http://}
    here=http://${here%%/*}
    status=
    read -r wget
    while read -r line; do
      case $status-$line in
        *-HTTP/*) status=${line#* } ;;
        3*-[Ll]ocation:" "/[!/]* | 3*-[Ll]ocation:" "/ | 3*-[Ll]ocation:" $here"/*) ;;
        3*-[Ll]ocation:*) kill -PIPE "$wget" 2>/dev/null; return 0 ;;
        *-wget:*) echo "$line"; return 1 ;;
      esac
    done
    case $status in 2*) ;; *) echo "it answers ${status:-nothing}"; return 1 ;; esac; }
  in_flight() { wget -q -T 3 -O - http://127.0.0.1:2019/reverse_proxy/upstreams | tr "{" "\n" | sed -n "s/.*\"address\":\"$1\".*\"num_requests\":\([0-9]*\).*/\1/p"; }
  answers() { # ADDRESS SECONDS: both pages; ten tries a second, at least one
    end=$(( $(now) + $2 ))
    until said=$(ask 10 "http://$1$HEALTH_PATH" && ask 20 "http://$1/web/login"); do [ "$(now)" -lt $end ] || { echo "$said"; return 1; }; sleep 0.1; done; }
'

