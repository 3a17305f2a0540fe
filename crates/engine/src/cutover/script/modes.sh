# --- modes
lock() { # FD FILE SECONDS [-s]; busybox knows no flock -w. A dead run leaves short-lived subshells with our descriptor: revert waits for them.
  eval "exec $1>>\"\$2\""; until_s "$3" flock -n ${4:-} "$1"; }
locks() { lock 9 "$LOCK" "$1" && lock 8 "$SERVER_LOCK" 120 -s; }   # adding a site reloads Caddy, which fails what it holds: never during a cut over
cancelled() { ACT=cancel; j start; revert cancelled || exit 20; exit 11; }
run() {
  [ ! -e "$J" ] || { echo 'this journal was already used' >&2; exit 64; }
  # From here on the journal is there, whatever happens to its lines.
  : >>"$J" && durable || exit 1
  rm -f "$DIR/cancel"
  trap cancelled TERM INT; trap '' HUP
  echo $$ >"$DIR/pid"
  dd if=/dev/zero of="$DIR/ballast" bs=1048576 count=4 2>/dev/null
  ACT=begin; j start "$LANE" && durable
  # What takes long to start is started beside the first actions. The container for files was started by prepare, but that may be
  # long ago. No lane but this one links while the old release goes on: files that come until the dump are linked by `relink`.
  ( lone; running "$FILES" || files_up || exit 1; [ "$LANE" != code ] || files link ) >"$DIR/files.said" 2>&1 & FILES_UP=$!
  talk; if [ "$LANE" = code ]; then dump_ready; else crons_open; fi   # the code lane has time for it later, but not now
  if forward; then exit 0; fi
  revert reverted || exit 20; exit 10; }
guard() { # holds the same locks, by inherited descriptors
  sh "$SELF" _run "$PLAN" & G=$!
  trap 'kill -TERM $G 2>/dev/null' TERM INT; trap '' HUP
  while :; do wait $G; rc=$?; kill -0 $G 2>/dev/null || break; done
  ended || { [ -e "$J" ] || exit $rc; ACT=guard; j lost "exit status $rc"; revert || exit 20; exit 10; }
  exit $rc; }
alive() { ! flock -n -s "$LOCK" true; }
status() {
  for _e in committed reverted cancelled revert_failed; do has end $_e && { echo $_e; return; }; done
  if [ ! -e "$J" ]; then echo none; elif alive; then echo running; else echo dead; fi; }
detach() { # a session whose end kills its processes (logind's KillUserProcesses) needs a unit of the user's own manager
  if busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager KillUserProcesses 2>/dev/null | grep -q true && [ "$(id -u)" != 0 ]; then
    loginctl enable-linger && systemd-run --user --collect --quiet --unit "$APP" sh "$SELF" guard "$PLAN" && return
  fi
  setsid nohup sh "$SELF" guard "$PLAN" </dev/null >"$DIR/guard.out" 2>&1 & G=$!; }
start() {
  [ ! -e "$J" ] || { echo 'this journal was already used' >&2; exit 64; }
  G=; detach
  until_s 150 begun; [ -s "$J" ] && exit 0
  rc=1; [ -z "$G" ] || { wait "$G"; rc=$?; }; cat "$DIR/guard.out" >&2; [ $rc != 0 ] || rc=1; exit $rc; }
begun() { [ -s "$J" ] || { [ -n "$G" ] && dead_pid "$G"; }; }
cancel() {
  alive && ! ended || { echo not_running; exit 0; }
  has commit start && { echo too_late; exit 0; }
  : >"$DIR/cancel"; _p=$(cat "$DIR/pid" 2>/dev/null)
  tr '\0' ' ' 2>/dev/null <"/proc/${_p:-none}/cmdline" | grep -qF "$PLAN" && kill -TERM "$_p"
  echo cancelling; }
follow() {
  _off=${1:-0} _quiet=0 _over=
  while :; do
    # Whether it is over is asked before the size is, never after: what is sent after that is all there is.
    _size=$(wc -c 2>/dev/null <"$J" || echo 0)
    if [ "$_size" -gt "$_off" ]; then
      _over=; ! ended || _over=ended
      _size=$(wc -c <"$J"); tail -c +$((_off+1)) "$J" | head -c $((_size-_off)) || exit 0; _off=$_size _quiet=0
      [ -z "$_over" ] || exit 0
    elif [ -n "$_over" ]; then [ $_over = ended ] || printf '{"ev":"dead"}\n'; exit 0
    elif [ $(( _quiet % 5 )) = 4 ]; then
      if ended; then _over=ended; elif ! alive; then _over=dead; ! ended || _over=ended; fi
      [ -z "$_over" ] || continue
    fi
    _quiet=$((_quiet+1)); nap 0.1
  done; }
SELF=$(cd "$(dirname "$0")" && pwd)/${0##*/}
PLAN=$(cd "$(dirname "$PLAN")" && pwd)/${PLAN##*/}
busy() { echo "another cut over holds $LOCK, or a site is being added" >&2; exit 12; }
case $MODE in
  start)  start ;;
  guard)  locks 5 || busy; guard ;;
  run)    locks 5 || busy; run ;;
  _run)   run ;;
  revert) locks 30 || busy; revert; exit $? ;;
  boot)   locks 30 || busy; until_s 900 docker_up; REVERT_S=900; revert; exit $? ;;
  status) status ;;
  follow) follow "${3:-0}" ;;
  cancel) cancel ;;
  *)      exit 64 ;;
esac
