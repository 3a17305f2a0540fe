# --- time, by a clock that nobody sets: a limit means the same when the wall clock is put right meanwhile
now_s() { # sets _now: seconds since the machine's start
  read -r _now _ 2>/dev/null </proc/uptime && _now=${_now%%.*} || _now=$(date +%s); }
until_s() { # SECONDS COMMAND…
  now_s
  _end=$((_now + $1)) _turn=0
  shift
  until "$@"; do
    now_s
    [ "$_now" -lt "$_end" ] || return 1
    _turn=$((_turn + 1))
    if [ $_turn -lt 6 ]; then nap 0.05; else nap 0.2; fi
  done; }

# --- calls. Every child closes fds 3 to 9: a docker client that outlives us must not keep our locks or conversations.
nap()  { sleep "$1" 3<&- 4>&- 5<&- 6>&- 7>&- 8>&- 9>&-; }
lone() { exec 3<&- 4>&- 5<&- 6>&- 7>&- 8>&- 9>&-; }     # first in a subshell
# Each call to Docker has a limit, after which it counts as failed: a daemon that hangs must not hold requests for ever.
CALL_S=${CALL_S:-60}                  # for a call to Docker that does little
UP_S=${UP_S:-10}                       # for its version
TALK_S=${TALK_S:-120}                 # for an answer of PostgreSQL or of the proxy
FILES_S=${FILES_S:-900}               # for links and removals in the filestore
d() { within "$CALL_S" $DOCKER "$@"; }
within() { # SECONDS COMMAND…: 124 or 137 when it took longer
  case $DOCKER in
    sudo*) forsake "$@" ;;
    *) timeout -s KILL "$@" 3<&- 4>&- 5<&- 6>&- 7>&- 8>&- 9>&- ;;
  esac; }
# What runs as root is not ours to end, and holds what it writes to: it writes to files, and is left behind with them.
forsake() { # SECONDS COMMAND…
  now_s
  _give_up=$((_now + $1))
  shift
  _said=$(mktemp "$DIR/call.XXXXXX") || return 1
  { ( exec <&3 >"$_said" 2>"$_said.err"; lone; "$@"; echo $? >"$_said.rc" ) & } 3<&0
  until [ -s "$_said.rc" ]; do
    now_s
    [ "$_now" -lt "$_give_up" ] || { echo 'Docker did not answer in time' >&2; return 124; }
    nap 0.02
  done
  cat "$_said"
  cat "$_said.err" >&2
  read -r _rc <"$_said.rc"
  rm -f "$_said" "$_said.err" "$_said.rc"
  return "$_rc"; }
# A child in the foreground delays our traps until it ends (dash). So: in the background, and `wait`, which a signal interrupts.
bg() { # SECONDS COMMAND…
  case $DOCKER in
    sudo*) ( lone; forsake "$@" ) & CHILD=$! ;;
    *) ( lone; exec timeout -s KILL "$@" ) & CHILD=$! ;;
  esac
  wait "$CHILD"
  _rc=$?
  CHILD=
  return $_rc; }
docker_up() { within "$UP_S" $DOCKER version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# --- what is known of a container. Who could not ask knows nothing: neither that it runs, nor that it doesn't.
state()   { d ps -a --filter "name=^/$1\$" --format '{{.State}}'; }   # empty: no such container
running() { _st=$(state "$1") && case $_st in running|restarting|paused) ;; *) return 1 ;; esac; }
exited()  { _st=$(state "$1") && case $_st in running|restarting|paused) return 1 ;; esac; }
gone()    { _st=$(state "$1") && [ -z "$_st" ]; }

