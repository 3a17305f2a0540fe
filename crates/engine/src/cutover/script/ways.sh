# --- forward
forward() {
  STRICT=1
  step look && step room && step boot_entry || return 1       # a look takes as long as psql's start
  case $LANE in
    first)   step fresh && step create_db && step update || return 1 ;;
    code)    step states && step link linked && crons_open && step dump_start && relink || return 1 ;;
    update)  quiesce && step clone && step link files link && step stopped && step unseal && step states && { [ -z "$UPD" ] || step update; } || return 1 ;;
    restore) quiesce && step stopped && step swap && { ! exists "$DB" || step unseal; } && step states && { [ -z "$UPD" ] || step update; } || return 1 ;;
  esac
  step hold_crons && { [ "$LANE" != code ] || step note_bundles; } && step start_new && websocket_ask && step healthy healthy "$NEW" "$NEW_AT" && step proof && step websocket || return 1
  [ -z "$STATIC" ] || step served || return 1
  [ "$LANE" != code ] || step relink relinked || return 1
  step probe && step keep || return 1
  trap '' TERM INT HUP; [ ! -e "$DIR/cancel" ] || cancelled
  step commit || has commit start || return 1           # from here recovery goes forward
  STRICT=; finish; }
quiesce() { # without an old container, too: a gate that was left open leads to the new one as soon as it starts
  step gate_close && { [ -z "$OLD" ] || { step drain && step stop_old; }; } && step seal; }
finish() { # after the commit: repeatable, and nothing in it may stop the rest
  if [ "${1:-}" = late ]; then until_s 60 lasting >/dev/null 2>&1; until_s 60 start_new; step healthy healthy "$NEW" "$NEW_AT"; fi
  if [ "$LANE" = code ]; then
    # The old release's stop takes longest: what can go beside it does, here and on the desktop, which settles from `retire_old` on.
    step gate_switch; step release_crons; step drain_old drain_out; stop_old; [ -s "$SNAPSHOT/dump" ] || step dump_end
    step retire_old until_s 60 retire; [ -z "$OLD" ] || ( lone; d rm -v "$OLD" ) >/dev/null 2>&1 &
  else step gate_open; step release_crons; fi
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
  case $LANE in
    update) ! changed || sql "do \$\$ begin
      if exists (select 1 from pg_database where datname='$SNAP') then
        if exists (select 1 from pg_database where datname='$DB') then alter database \"$DB\" rename to \"$FAILED\"; end if;
        alter database \"$SNAP\" rename to \"$DB\";
      end if; end \$\$" || return 1 ;;
    restore) ! has swap start || sql "do \$\$ begin
      if exists (select 1 from pg_database where datname='$DB') and not exists (select 1 from pg_database where datname='$STAGE') and not exists (select 1 from pg_database where datname='$FAILED') then
        alter database \"$DB\" rename to \"$FAILED\"; end if;
      if exists (select 1 from pg_database where datname='$SNAP') then alter database \"$SNAP\" rename to \"$DB\"; end if; end \$\$" || return 1 ;;
  esac
  _there=$(sql "select count(*) from pg_database where datname='$DB'") || return 1
  [ "$_there" = 0 ] && [ -z "$OLD" ] || unseal; }
fs_back() { case $LANE in update) changed ;; *) has swap start ;; esac || return 0; files back; }
unmake()  { until_s 60 quiet "$DB" && drop_db "$DB" && files drop "$DB"; }
start_old() {
  _was=$(cat "$DIR/old.state" 2>/dev/null)
  [ -n "$OLD" ] && [ "$_was" != stopped ] || { echo 'it did not run'; return 0; }
  # A stop that was begun goes on in Docker without us: starting it before it has ended would do nothing, and then it ends.
  ! has stop_old start || stopped || return 1
  d start "$OLD" >/dev/null && { [ "$_was" = running ] || healthy "$OLD" "$OLD_AT"; } && d update --restart unless-stopped "$OLD"; }
undo() {
  case $LANE in
    first) step stop_new && { ! has create_db start || step unmake; } ;;
    code)  step stop_new && step quiet until_s 60 quiet &&
      { step bundles_back until_s 60 bundles_back || warn 'bundles of before were not all put back: Odoo makes them again when they are asked for'; } ;;
    *) if ! has gate_close start; then step stop_new
       elif ! has stop_old start && ! has seal start; then gate_back && step stop_new
       else rm -f "$GATES/a" "$GATES/b"; step stop_new && step db_back && step fs_back && step start_old && gate_back; fi ;;
  esac; }
tidy() {
  _left=$(sql "select datname from pg_database where datname in ('$FAILED','$SNAP','$STAGE')") || return 1
  for _x in $_left; do drop_db "$_x" || return 1; done
  files drop "$FAILED" "$SNAP" "$STAGE" && rm -rf "$SNAPSHOT"; }
revert() { # [END-EVENT]
  STRICT=
  SQLDB=                              # a signal comes in the middle of a `SQLDB=x sql …`, and shells keep that for what its trap does
  trap '' TERM INT HUP
  [ -n "$CHILD" ] && kill "$CHILD" 2>/dev/null
  rm -f "$DIR/ballast"                # a full disk: room for the journal
  [ -s "$J" ] || return 0
  [ -z "$(tail -c 1 "$J")" ] || echo >>"$J"             # a line that a full disk or a power cut left unfinished
  has end committed || has end reverted || has end cancelled && return 0
  hush; talk                          # anew: what was asked before may be answered late
  if has commit start; then until_s "$REVERT_S" docker_up; finish late; return 0; fi
  ACT=revert; j start; _try=0
  until has revert ok || { until_s "$REVERT_S" docker_up && undo && ACT=revert && j ok; }; do
    _try=$((_try+1)); [ $_try -lt 6 ] || { ACT=end; j revert_failed; return 20; }
    nap $((_try*2))
  done
  step tidy || warn 'left something behind: it is removed with the next clean-up'
  d rm -f "$FILES" >/dev/null 2>&1; hush
  boot_clear; ACT=end; j "${1:-$(if has cancel start; then echo cancelled; else echo reverted; fi)}"; }

