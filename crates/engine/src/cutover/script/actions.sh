# --- before anything is touched
room() { # a full disk under PostgreSQL is the one thing that no revert undoes
  _said=$(sql "select coalesce(sum(pg_database_size(oid))/1024, 0)::bigint from pg_database where datname='$DB';
show data_directory \\gset
\\echo \`df -Pk :'data_directory' | tail -n 1\`") || return 1
  _db=${_said%%[!0-9]*} _free=$(echo "$_said" | awk 'NR==2{print $4}')
  _here=$(df -Pk "$DIR" | awk 'NR==2{print $4}')
  case $LANE in update) _need=$(( _db + _db/5 + MARGIN_K )) ;; *) _need=$MARGIN_K ;; esac
  CLONE_S=$((CALL_S + _db / 5120))      # 5 MiB a second at least: a slower disk should hold no requests
  echo "database $_db KiB, needed $_need KiB, free $_free KiB for PostgreSQL, $_here KiB for snapshots"
  [ "$_free" -gt "$_need" ] || return 1
  [ "$LANE" != code ] || [ "$_here" -gt $(( _db/2 + MARGIN_K )) ]; }
look() { # what was there before, so that going back asks no more of the old release than it could do
  # A container's image never changes: asked for while nobody waits.
  [ -z "$IMAGE_ID" ] || [ "$(d inspect -f '{{.Image}}' "$NEW")" = "$IMAGE_ID" ] || { echo 'the image of the new container is not the planned one'; return 1; }
  _seen=$(d ps --filter "label=slipway.env=$SLUG" --filter label=slipway.slot --format '{{.Label "slipway.slot"}} {{.Names}}') || return 1
  _was=stopped
  while read -r _s _c; do
    case $_s in
      "$NEW_SLOT") [ "$_c" = "$NEW" ] || { echo "another container answers in slot $NEW_SLOT: $_c"; return 1; } ;;
      # A plan that lay for long (its desktop was gone): somebody else may have deployed since, and would go on serving beside us.
      "${OLD_SLOT:-none}") [ "$_c" = "$OLD" ] || { echo "what served when this was prepared was replaced since: $_c serves"; return 1; }
        if proxy answers "$OLD_AT" 0; then _was=healthy; else _was=running; fi ;;
    esac
  done <<SEEN
$_seen
SEEN
  [ -z "$OLD" ] || { echo "$_was" >"$DIR/old.state" && durable "$DIR/old.state" && echo "old release: $_was"; }; }

# --- the gate: a file for each slot. Caddy looks ten times a second, and holds requests while there is none.
gate_open()   { ( umask 022; : >"$GATES/$NEW_SLOT" ) && rm -f "$GATES/$(other)"; }
gate_back()   { [ -z "$OLD" ] || { rm -f "$GATES/$NEW_SLOT"; ( umask 022; : >"$GATES/$OLD_SLOT" ); }; }
gate_close()  { rm -f "$GATES/a" "$GATES/b"; nap 0.3; }
gate_switch() { gate_open; }
drain_out()   { nap 0.15; drain; }         # with the release of the crons, two looks of Caddy's; a request that still comes to the old one is answered by it
other()       { case $NEW_SLOT in a) echo b ;; *) echo a ;; esac; }
drained() { _n=$(proxy in_flight "$OLD_AT") && [ "$_n" = 0 ]; }
drain() { # says how many there are left
  until_s "$DRAIN_S" drained || { [ -n "$_n" ] && warn "$_n requests still in flight after $DRAIN_S s: the stop ends them"; } || return 1
  echo "$_n left"; }
stop_old() { # that it has ended is waited for by `stopped`, while the database is cloned
  # One that has ended stays as it is.
  [ -n "$STOP" ] || { ( lone; within "$((STOP_S + CALL_S))" $DOCKER stop -t "$STOP_S" "$OLD" ) >/dev/null 2>&1 & STOP=$!; }; }
stopped() { # once the database is sealed, nothing that it still does leads anywhere: no need to let it take its time
  [ -z "$STOP" ] || { ! has seal ok || dead_pid "$STOP" || d kill "$OLD" >/dev/null 2>&1; wait "$STOP"; STOP=''; }
  [ -n "$OLD" ] || { echo 'there is none'; return 0; }
  _st=$(state "$OLD") || return 1     # Docker doesn't answer: nobody knows
  case $_st in running|restarting|paused) bg "$((STOP_S + CALL_S))" $DOCKER stop -t "$STOP_S" "$OLD" ;; esac; }
retire()  { stopped; }

# --- database
alone()  { [ "$(sql "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname='$1' and pid<>pg_backend_pid()")" = 0 ]; }
# Each is true only when it is known. Who could not ask must not do what only the other answer allows.
exists() { [ "$(sql "select count(*) from pg_database where datname='$1'")" = 1 ]; }
absent() { [ "$(sql "select count(*) from pg_database where datname='$1'")" = 0 ]; }
seal()   { # what nothing uses may not be there: going back brings it. A connection limit doesn't bind superusers. Jobs of the old release may end what they have begun, as long as it has to stop
  [ -n "$OLD" ] || ! absent "$DB" || return 0
  sql "alter database \"$DB\" allow_connections false" && { until_s "$STOP_S" calm || :; } && until_s 20 alone "$DB"; }
calm()   { [ -z "$STOP" ] || dead_pid "$STOP" || [ "$(sql "select count(*) from pg_stat_activity where datname='$DB' and state <> 'idle' and backend_type='client backend'")" = 0 ]; }
unseal() { sql "alter database \"$DB\" allow_connections true"; }
clone() { # the default strategy, WAL_LOG, makes PostgreSQL panic on a full disk; before 15 there's no such word, and it copies files anyway
  _how=; [ "$(sql 'show server_version_num')" -ge 150000 ] && _how='strategy file_copy'
  bg "$CLONE_S" $DOCKER exec -e PGAPPNAME="$APP" "$PG" \
    psql -XAtq -v ON_ERROR_STOP=1 -U postgres -c "create database \"$SNAP\" template \"$DB\" $_how" || return 1
  settings "$SNAP" && note_number "$SNAP" clone; }
settings() { # DATABASE: gets of DB what neither a clone has nor a dump: owner, grants, settings, comment
  sql "do \$\$ declare o oid; r record; d pg_database; begin
    select * into d from pg_database where datname='$DB'; select oid into o from pg_database where datname='$DB';
    execute format('alter database %I owner to %I', '$1', pg_get_userbyid(d.datdba));
    execute format('alter database %I connection limit %s', '$1', d.datconnlimit);
    execute format('comment on database %I is %L', '$1', shobj_description(o,'pg_database'));
    if d.datacl is not null then
      execute format('revoke all on database %I from public', '$1');
      for r in select a.privilege_type p, a.is_grantable g, case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end w from aclexplode(d.datacl) a loop
        execute format('grant %s on database %I to %s%s', r.p, '$1', r.w, case when r.g then ' with grant option' else '' end); end loop;
    end if;
    for r in select setrole, split_part(s,'=',1) k, substr(s, strpos(s,'=')+1) v from pg_db_role_setting, unnest(setconfig) s where setdatabase=o loop
      -- by way of the session, so that a list such as search_path stays one
      begin perform set_config(r.k, r.v, true);
        execute case when r.setrole=0 then format('alter database %I', '$1') else format('alter role %I in database %I', pg_get_userbyid(r.setrole), '$1') end || format(' set %s from current', r.k);
      exception when others then
        execute case when r.setrole=0 then format('alter database %I', '$1') else format('alter role %I in database %I', pg_get_userbyid(r.setrole), '$1') end || format(' set %s to %L', r.k, r.v); end;
    end loop; end \$\$"; }
fresh() { # or undoing would drop what we didn't make
  absent "$DB" || left_half_made || { echo "database $DB is already there"; return 1; }
  files fresh || { echo "filestore of $DB is already there"; return 1; }; }
create_db() { # by us and not by Odoo, whose role may not create databases
  sql "create database \"$DB\" owner \"$ROLE\" encoding 'UTF8' lc_collate 'C' template template0" &&
    sql "comment on database \"$DB\" is '$HALF_MADE $DEP'" && extensions "$DB"; }
# Until its commit a database that we make says so.
HALF_MADE='slipway: being made by'
half_made() { [ "$(sql "select coalesce(shobj_description(oid, 'pg_database'), '') ~ '^$HALF_MADE ' from pg_database where datname='$DB'")" = t ]; }
left_half_made() { half_made && drop_db "$DB" && files drop "$DB" && echo 'removed what an earlier first deployment had left'; }
swap_db() { # STAGE takes the name of DB, what was DB is kept as SNAP: both renames at once, there is never none or two
  until_s 20 alone "$STAGE" && { absent "$DB" || settings "$STAGE"; } && sql "do \$\$ begin
    if exists (select 1 from pg_database where datname='$STAGE') then
      if exists (select 1 from pg_database where datname='$DB') then alter database \"$DB\" rename to \"$SNAP\"; alter database \"$SNAP\" allow_connections true; end if;
      alter database \"$STAGE\" rename to \"$DB\"; alter database \"$DB\" owner to \"$ROLE\";
    end if; end \$\$"; }
swap() { exists "$STAGE" && swap_db && files swap; }
drop_db() {
  ! absent "$1" || return 0
  sql "alter database \"$1\" allow_connections false" && until_s 20 alone "$1" && LIMIT=$FILES_S sql "drop database if exists \"$1\""; }
# The start of pg_dump takes time: it stands ready and waits for a word, which comes when there is a file for it. (A pipe that nobody
# has opened yet would lose the word.) Nobody who gives up or dies leaves it waiting.
dump_ready() {
  mkdir -p "$SNAPSHOT" || return 1
  ( lone; { until [ -e "$DIR/dump.go" ]; do [ ! -e "$DIR/dump.no" ] && kill -0 $$ 2>/dev/null || exit 1; nap 0.05; done; echo go; } |
    $DOCKER exec -i -e PGAPPNAME="$APP-dump" "$PG" sh -c '
      read -r word; [ "$word" = go ] || exit 1
      exec pg_dump -U postgres -Fc -Z "$2" -d "$1"' sh "$DB" "$(compression </dev/null)" >"$SNAPSHOT/dump.part" 2>"$DIR/dump.err"; echo $? >"$DIR/dump.rc" ) & }
compression() { # zstd isn't in PostgreSQL before 16, nor in every build: tried once, and again after a dump that failed
  [ -s "$ROOT/$SLUG/dump.how" ] || { if d exec "$PG" pg_dump -U postgres -Fc -Z zstd:3 --schema-only -d postgres >/dev/null 2>&1; then echo zstd:3; else echo 6; fi >"$ROOT/$SLUG/dump.how"; }
  cat "$ROOT/$SLUG/dump.how"; }
dump_start() { # what it saves is the moment it starts: wait for its snapshot, not for its end
  : >"$DIR/dump.go" || return 1
  until_s 60 dump_begun && { [ ! -s "$DIR/dump.rc" ] || [ "$(cat "$DIR/dump.rc")" = 0 ] || { cat "$DIR/dump.err"; rm -f "$ROOT/$SLUG/dump.how"; return 1; }; }; }
dump_begun() { [ -s "$DIR/dump.rc" ] || [ "$(sql "select count(*) from pg_stat_activity where application_name='$APP-dump' and backend_xmin is not null")" != 0 ]; }
dump_end() {
  until_s "$DUMP_S" dump_over && [ "$(cat "$DIR/dump.rc")" = 0 ] && sync "$SNAPSHOT/dump.part" && mv -f "$SNAPSHOT/dump.part" "$SNAPSHOT/dump" && return 0
  cat "$DIR/dump.err"; quiet; rm -f "$SNAPSHOT/dump.part"; return 1; }
dump_over() { [ -s "$DIR/dump.rc" ] || { [ "$(sql "select count(*) from pg_stat_activity where application_name='$APP-dump'")" = 0 ] && nap 1 && { [ -s "$DIR/dump.rc" ] || echo 1 >"$DIR/dump.rc"; }; }; }

# --- filestore: hard links, since Odoo never writes into a file that it has (they're named by their content)
# One container for all of it, started beside the first actions: its start takes longer than the links do.
files_up() {
  d rm -f "$FILES" >/dev/null 2>&1
  d run -d --rm --pull never --name "$FILES" --label slipway.managed=1 --label "slipway.env=$SLUG" --label slipway.role=files --network none -u 0 \
    -v "$VOLUME:/var/lib/odoo" --entrypoint sleep "$IMAGE" 86400 >/dev/null; }
linked() { if [ -n "$FILES_UP" ]; then wait "$FILES_UP"; _rc=$?; FILES_UP=''; cat "$DIR/files.said"; return $_rc; else files link; fi; }
relink() { ( lone; files relink ) >"$DIR/files.said" 2>&1 & RELINK=$!; }
relinked() { wait "$RELINK"; _rc=$?; cat "$DIR/files.said"; return $_rc; }
files() { # fresh|link|relink|swap|back|drop|again|unused
  [ -z "$FILES_UP" ] || { wait "$FILES_UP"; FILES_UP=; }
  running "$FILES" || files_up || return 1
  bg "$FILES_S" $DOCKER exec -u 0 "$FILES" sh -c '
    what=$1 db=$2 snap=$3 failed=$4 stage=$5; cd /var/lib/odoo || exit 1
    [ -d filestore ] || { mkdir filestore && chown --reference=. filestore; } || exit 1; cd filestore || exit 1
    into() { find "$db" -type d | while read -r p; do [ -d "$1${p#"$db"}" ] || { mkdir "$1${p#"$db"}" && chown --reference="$p" "$1${p#"$db"}"; }; done
      find "$db" -type f | while read -r p; do [ -e "$1${p#"$db"}" ] || ln "$p" "$1${p#"$db"}" 2>/dev/null || [ ! -e "$p" ] || exit 1; done; }
    case $what in
      link) rm -rf "$snap.part" "$snap"; [ -d "$db" ] || { mkdir "$db" && chown --reference=. "$db"; } || exit 1
        cp -al "$db" "$snap.part" || into "$snap.part" || exit 1; mv -T "$snap.part" "$snap" ;;   # one that vanished meanwhile is nobody'"'"'s
      fresh) [ ! -d "$db" ] || [ -z "$(ls -A "$db")" ] ;;
      relink) into "$snap" ;;
      swap) [ ! -d "$stage" ] || { { [ ! -d "$db" ] || mv -T "$db" "$snap"; } && mv -T "$stage" "$db" && sync .; } ;;
      back) if [ -d "$snap" ]; then { [ ! -d "$db" ] || { rm -rf "$failed"; mv -T "$db" "$failed"; }; } && mv -T "$snap" "$db" && sync .; fi ;;
      drop) shift 5; rm -rf -- "$@" ;;
      again) echo "$6" | while read -r p; do [ -e "$db/$p" ] || ln "$snap/$p" "$db/$p" || exit 1; done ;;
      unused) echo "$6" | while read -r p; do [ -e "$snap/$p" ] || rm -f "$db/$p"; done ;;
    esac' sh "$1" "$DB" "$SNAP" "$FAILED" "$STAGE" ${2:+"$2"} ${3:+"$3"} ${4:+"$4"}; }

# --- Odoo
# What waits before we begin is nobody's fault here, unless the update is to end it. But whatever is to be removed, an update removes.
waiting() { SQLDB=$DB sql "select name||': '||state from ir_module_module where state in ('to upgrade','to install','to remove') $1 order by 1"; }
states() {
  waiting "and not name = any (string_to_array('$UPDATED',','))" >"$DIR/states" || return 1
  cat "$DIR/states"
  [ -z "$UPD" ] || ! grep -q ': to remove$' "$DIR/states" || { echo 'the update would uninstall what is to be removed'; return 1; }; }
since() { awk -v old="$DIR/states" 'BEGIN { while ((getline line < old) > 0) was[line] } !($0 in was)'; }
# An update marks what depends on the updated modules, also what has no folder, and leaves it marked: Odoo would run no scheduled action.
unmark() { [ -z "$ABSENT" ] || SQLDB=$DB sql "update ir_module_module set state='installed' where state='to upgrade' and name = any (string_to_array('$ABSENT',','))"; }
update() {
  # Databases that we made before we knew. Here and not earlier, so that going back brings the one that had it not.
  indexable "$DB" || return 1
  forget_texts || return 1
  d start "$UPD" >/dev/null || return 1
  ( lone; $DOCKER logs -f -t "$UPD" 2>&1 </dev/null | lines >>"$J" ) & _log=$!
  update_ends; _late=$?
  [ $_late = 0 ] || { echo "took more than $UPDATE_S s, its update limit"; d kill "$UPD" >/dev/null; }
  ( lone; sleep 10; kill $_log ) >/dev/null 2>&1 & _k=$!; wait $_log; kill $_k 2>/dev/null
  _exit=$(d inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}' "$UPD") || return 1
  d logs --tail 20000 "$UPD" 2>&1 | tail -c 4000000 >"$DIR/update.log"
  [ $_late = 0 ] && [ "$_exit" = 'exited 0 false' ] && { unmark; return; }
  echo "state, exit code and out of memory: $_exit"
  grep -aE ' (ERROR|CRITICAL) |^[A-Za-z_.]*(Error|Exception)' "$DIR/update.log" | tail -n 5; return 1; }
# A client that was killed, or a daemon that restarts, says nothing of Odoo: it is waited for until it has ended.
update_ends() {
  now_s
  _by=$((_now + UPDATE_S))
  until exited "$UPD"; do
    now_s
    [ "$_now" -lt "$_by" ] || return 1
    bg "$((_by - _now))" $DOCKER wait "$UPD" >/dev/null || nap 1
  done; }
# Crons and the mail queue of the new container before the commit would run again after a revert. Odoo skips a cron whose row is
# locked: hold all rows, also those that a running job lets go later. NO KEY: foreign keys to ir_cron (triggers) stay free for the old container.
hold_crons() {
  [ "$(SQLDB=$DB sql "select to_regclass('public.ir_cron') is not null")" = t ] || { echo 'there are none'; return 0; }
  crons_open && ( printf '\\connect "%s"\n' "$DB"; echo "do \$\$ begin
      for i in 1..$(( (HEALTH_S * 2 + 300) * 10 )) loop perform id from public.ir_cron for no key update skip locked; perform pg_sleep(0.1); end loop; end \$\$;" ) >&7 2>/dev/null || return 1
  : >"$DIR/crons.held"; until_s 20 crons_held; }
# An exec of its own, before anyone waits, since its start takes time. Not a process beside the conversation's psql: its parent would be
# PostgreSQL's first process, which takes its end for a crash of one of its own and restarts.
crons_open() {
  [ -z "$CRONS" ] || return 0
  rm -f "$DIR/crons.in"; mkfifo "$DIR/crons.in" || return 1
  ( lone; exec $DOCKER exec -i -e PGAPPNAME="$APP-crons" -e PGOPTIONS='-c statement_timeout=0 -c lock_timeout=0' "$PG" psql -XAtq -U postgres -d postgres <"$DIR/crons.in" >"$DIR/crons.out" 2>&1 ) &
  exec 7>"$DIR/crons.in"; CRONS=1; }
crons_held()    { [ ! -e "$DIR/crons.held" ] || [ "$(sql "select count(*) from pg_stat_activity where application_name='$APP-crons' and wait_event='PgSleep'")" = 1 ]; }
crons_free()    { [ "$(sql "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name='$APP-crons'")" = 0 ]; }
release_crons() { until_s 60 crons_free; }
start_new() { d start "$NEW" >/dev/null; }
loaded()    { ! d logs "$NEW" 2>&1 | grep -aE 'Failed to load registry|Some modules are not loaded' | amiss; }
amiss() { # of the lines, those that name more than what has no folder anyway; 1 when there is none
  awk -v absent=",$ABSENT," '/Some modules are not loaded/ { names = $0; sub(/^.*\[/, "", names); sub(/\].*$/, "", names); gsub(/[\047 ]/, "", names)
      n = split(names, name, ","); for (i = 1; i <= n; i++) if (!index(absent, "," name[i] ",")) break; if (n && i > n) next }
    { print; seen = 1 } END { exit !seen }'; }
says_why()  { [ "$1" != "$NEW" ] || d logs -t --tail 150 "$NEW" 2>&1 | lines >>"$J"; }   # the likely cause is read from this
# CONTAINER ADDRESS. Gives up at once when the container has exited, or the new one says that it can't load its modules; and sooner
# when the new one answers nothing but errors 500: users may be held meanwhile, and one that starts answers late, not wrong.
healthy()   {
  now_s
  _by=$((_now + HEALTH_S)) _ill=
  until proxy answers "$2" 2 >"$DIR/answers.err" 2>&1; do
    ! exited "$1" || { echo "$1 exited"; d logs --tail 15 "$1" 2>&1; says_why "$1"; return 1; }
    now_s
    [ "$_now" -lt "$_by" ] || { echo "$1 not healthy in $HEALTH_S s, its health limit"; cat "$DIR/answers.err"; says_why "$1"; return 1; }
    [ "$1" != "$NEW" ] || [ -z "$STRICT" ] || { loaded && ! ill; } || { cat "$DIR/answers.err"; says_why "$1"; return 1; }
    nap 0.1
  done; }
ill() { # nothing but errors 500 for ILL_S
  grep -q ' 500' "$DIR/answers.err" || { _ill=; return 1; }
  now_s
  _ill=${_ill:-$_now}
  [ $((_now - _ill)) -ge "${ILL_S:-30}" ] && echo "nothing but errors 500 for ${ILL_S:-30} s"; }
# Asked from the container itself, from its start on, so that the answer is there when the pages answer; and once more if that was too early.
websocket() {
  wait "$WS" && cat "$DIR/websocket.said" && return 0
  ( lone; shake 10 ) >"$DIR/websocket.said" 2>&1; _rc=$?; cat "$DIR/websocket.said"; return $_rc; }
websocket_ask() { ( lone; shake "$HEALTH_S" ) >"$DIR/websocket.said" 2>&1 & WS=$!; }
shake() { # SECONDS. 404: the bus isn't installed
  within "$(($1 + CALL_S))" $DOCKER exec -i "$NEW" python3 -IS - "$WS_PORT" "$WS_PATH" "$1" <<'PY'
import socket, sys, time
port, path, until = int(sys.argv[1]), sys.argv[2], time.monotonic() + int(sys.argv[3])
while True:
    try:
        s = socket.create_connection(("127.0.0.1", port), 10)
        break
    except OSError:
        if time.monotonic() > until: raise
        time.sleep(0.1)
with s:
    s.settimeout(max(10, until - time.monotonic()))
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2xpcHdheS1wcm9iZS0wMQ==\r\n\r\n".encode())
    status = s.recv(64).split(b"\r\n")[0].decode("latin-1")
print(status)
sys.exit(not (status.startswith("HTTP/1.") and status.split()[1] < "500"))
PY
}
proof() {
  _bad=$(waiting '' && SQLDB=$DB sql "select w||': '||coalesce(m.state,'unknown') from unnest(string_to_array('$MODULES',',')) w left join ir_module_module m on m.name=w where m.state is distinct from 'installed'") || return 1
  _bad=$(printf '%s\n' "$_bad" | since | grep .)
  [ -z "$_bad" ] || { echo "modules not installed: $_bad"; return 1; }
  loaded || { says_why "$NEW"; return 1; }; }
probe()  { proxy ask 20 http://127.0.0.1:9001/web/login "$NEW_SLOT"; }   # through the site's own routes, by a listener that no gate closes
keep() { # it was alone with its database until here, whose crons are still held
  until_s 5 crons_held || { echo 'the hold on the crons was lost'; cat "$DIR/crons.out"; return 1; }
  [ "$LANE" != first ] || sql "comment on database \"$DB\" is null"; }
# Only after the commit: before it, a reboot would start this release beside the old one.
lasting() { d update --restart unless-stopped "$NEW" >/dev/null; }
# The order of an environment's releases is the server's, and no desktop's clock: each one that serves has the next number.
number_release() {
  _all=${DIR%/cutovers/*}/release.number
  [ -s "$DIR/release.number" ] || {
    _last=$(cat "$_all" "${DIR%/*}"/*/release.number 2>/dev/null | grep -xE '[0-9]{1,15}' | sort -n | tail -n 1)
    echo $((${_last:-0} + 1)) >"$DIR/release.number" && durable "$DIR/release.number"
  } || return 1
  cat "$DIR/release.number" && cp "$DIR/release.number" "$_all" && durable "$_all"; }
commit() { durable; }                 # on disk BEFORE the first request is let through

