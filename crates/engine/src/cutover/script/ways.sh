# --- forward
forward() {
  STRICT=1
  step look && step room && step boot_entry || return 1       # a look takes as long as psql's start
  write_all
  case $LANE in
    first)   step on_disk && step fresh && step create_db && step update || return 1 ;;
    code)    step states && step link linked && crons_open && step dump_start && relink || return 1 ;;
    update)  step note_texts && step on_disk && step identify && quiesce && step clone && step link files link && step stopped && step unseal && step states && { [ -z "$UPD" ] || step update; } || return 1 ;;
    restore) step on_disk && step identify && quiesce && step stopped && step swap && { absent "$DB" || step unseal; } && step states && { [ -z "$UPD" ] || step update; } || return 1 ;;
  esac
  step hold_crons && { [ "$LANE" != code ] || step note_bundles; } && step start_new && websocket_ask && step healthy healthy "$NEW" "$NEW_AT" && step proof && step websocket || return 1
  [ -z "$STATIC" ] || step served || return 1
  [ "$LANE" != code ] || step relink relinked || return 1
  step probe && step keep || return 1
  [ "$LANE" != code ] || step on_disk || return 1
  trap '' TERM INT HUP; [ ! -e "$DIR/cancel" ] || cancelled
  step commit || has commit start || return 1           # from here recovery goes forward
  STRICT=; finish; }
quiesce() { # without an old container, too: a gate that was left open leads to the new one as soon as it starts
  step gate_close && { [ -z "$OLD" ] || { step drain && step stop_old; }; } && step seal; }
# What was prepared, and the entry that ends us after a reboot, must outlive a power cut: images and files of Docker's too, which
# nobody has written to the disk yet. Begun early, beside the rest; nothing that matters is touched before it has ended.
write_all() { ( lone; exec sync ) </dev/null >/dev/null 2>&1 & WRITES=$!; }
on_disk() {
  until_s 600 dead_pid "$WRITES" || { echo 'the disk has not taken within 600 s what was written: see what keeps it busy'; return 1; }
  wait "$WRITES"; }
outlives_reboots() {
  step lasting until_s 60 lasting || warn "Docker does not start it again after a reboot: docker update --restart unless-stopped $NEW"; }
finish() { # after the commit: repeatable, and nothing in it may stop the rest
  if [ "${1:-}" = late ]; then until_s 60 start_new; step healthy healthy "$NEW" "$NEW_AT"; fi
  if [ "$LANE" = code ]; then
    # The old release's stop takes longest: what can go beside it does, here and on the desktop, which settles from `retire_old` on.
    step gate_switch; step release_crons; step number_release; outlives_reboots; step drain_old drain_out
    flock -u 8                        # nobody's requests are held any more, and the dump may take hours
    stop_old; [ -s "$SNAPSHOT/dump" ] || step dump_end
    step retire_old until_s 60 retire; [ -z "$OLD" ] || ( lone; d rm -v "$OLD" ) >/dev/null 2>&1 &
  else step gate_open; step release_crons; step number_release; outlives_reboots; fi
  ( lone; d rm -f "$FILES" ) >/dev/null 2>&1 &
  hush; rm -f "$DIR/ballast"; boot_clear; ACT=end; j committed ${1:+"$1"}; durable; }

# --- back
stop_new() {
  [ -z "$FILES_UP" ] || { wait "$FILES_UP"; FILES_UP=; }
  for _x in "$NEW" ${UPD:+"$UPD"} "$FILES"; do
    gone "$_x" && continue
    [ "$_x" != "$NEW" ] || d logs --tail 20000 "$NEW" >"$DIR/new.log" 2>&1
    d rm -f -v "$_x"; gone "$_x" || return 1
  done; }
# `docker exec` dies with us, the psql inside doesn't: end what it left, or the clone appears after we looked.
quiet() { [ "$(sql "select count(pg_terminate_backend(pid)) from pg_stat_activity where pid<>pg_backend_pid() and (application_name ~ '^$APP'${1:+ or datname='$1'})")" = 0 ]; }
changed() { has update start || has start_new start; }   # in the update lane: the database may be another than its clone
db_back() {
  until_s 60 quiet "$DB" || return 1
  _goal=$(goal)
  db_by_number "$_goal" || return 1
  [ "$_goal" = none ] || { absent "$DB" && [ -z "$OLD" ]; } || unseal; }
# By what is there: in a restore the live files have that name only once they were swapped.
fs_back() { [ "$LANE" = restore ] || changed || [ "$(number clone)" = "$(goal)" ] || return 0; files back; }
unmake()  { until_s 60 quiet "$DB" && drop_db "$DB" && files drop "$DB"; }
start_old() {
  _was=$(cat "$DIR/old.state" 2>/dev/null)
  [ -n "$OLD" ] && [ "$_was" != stopped ] || { echo 'it did not run'; return 0; }
  # A stop that was begun goes on in Docker without us: starting it before it has ended would do nothing, and then it ends.
  ! has stop_old start || stopped || return 1
  d start "$OLD" >/dev/null && { [ "$_was" = running ] || healthy "$OLD" "$OLD_AT"; } && d update --restart unless-stopped "$OLD"; }
undo() {
  case $LANE in
    first) step stop_new && { ! made_db || step unmake; } ;;
    code)  step stop_new && step quiet until_s 60 quiet &&
      { step bundles_back until_s 60 bundles_back || warn 'bundles of before were not all put back: Odoo makes them again when they are asked for'; } ;;
    *) _touched=0
       if is_blind; then looks_touched || _touched=$?; fi
       if [ $_touched = 2 ]; then return 1
       elif [ $_touched = 1 ]; then step stop_new
       elif ! is_blind && ! has gate_close start; then step stop_new
       elif ! is_blind && ! has stop_old start && ! has seal start; then gate_back && step stop_new
       else rm -f "$GATES/a" "$GATES/b"; step stop_new && step db_back && step fs_back && step start_old && gate_back; fi ;;
  esac; }
# A journal that has lost its lines.
is_blind() { ! has begin start; }
# May somebody be held, or nothing serve, by what we began? Not while a release serves: what we had stopped doesn't, and if it is a
# later one, this is long past. 2 when that can't be known.
looks_touched() {
  _seen=$(d ps --filter "label=slipway.env=$SLUG" --filter label=slipway.slot --format '{{.Label "slipway.slot"}} {{.Names}}') || return 2
  _db=$(sql "select datallowconn||' '||oid from pg_database where datname='$DB'") || return 2
  case $_db in true\ *) ;; *) return 0 ;; esac
  _live=$(number live)
  while read -r _s _c; do
    [ -n "$_c" ] && [ -e "$GATES/$_s" ] || continue
    [ "$_c" = "$OLD" ] || return 1
    case $_live in ''|none|"${_db#* }") return 1 ;; esac
  done <<SEEN
$_seen
SEEN
  return 0; }
made_db() { # a database that we began to make
  ! has create_db start || return 0
  is_blind && half_made; }
tidy() {
  _left=$(leftover_dbs) || return 1
  for _x in $_left; do drop_db "$_x" || return 1; done
  files drop "$FAILED" "$SNAP" "$STAGE" && rm -rf "$SNAPSHOT"; }
revert() { # [END-EVENT]
  STRICT=
  SQLDB=                              # a signal comes in the middle of a `SQLDB=x sql …`, and shells keep that for what its trap does
  trap '' TERM INT HUP
  [ -n "$CHILD" ] && kill "$CHILD" 2>/dev/null
  rm -f "$DIR/ballast"                # a full disk: room for the journal
  [ -e "$J" ] || return 0
  [ -z "$(tail -c 1 "$J")" ] || echo >>"$J"             # a line that a full disk or a power cut left unfinished
  has end committed || has end reverted || has end cancelled && return 0
  # Nothing but the gate was touched yet: nobody waits for Docker to answer.
  ! has gate_close start || has stop_old start || has seal start || gate_back
  hush; talk                          # anew: what was asked before may be answered late
  if has commit start || { is_blind && [ -e "$GATES/$NEW_SLOT" ] && running "$NEW"; }; then until_s "$REVERT_S" docker_up; finish late; return 0; fi
  ACT=revert; j start; _try=0
  until has revert ok || { until_s "$REVERT_S" docker_up && undo && ACT=revert && j ok; }; do
    _try=$((_try+1)); [ $_try -lt 6 ] || { ACT=end; j revert_failed; return 20; }
    nap $((_try*2))
  done
  durable
  step tidy || warn 'left something behind: it is removed with the next clean-up'
  d rm -f "$FILES" >/dev/null 2>&1; hush
  boot_clear; ACT=end; j "${1:-$(if has cancel start; then echo cancelled; else echo reverted; fi)}"; durable; }

