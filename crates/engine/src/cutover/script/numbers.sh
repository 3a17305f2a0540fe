# --- which database is which. Names change hands in a cutover; the number that PostgreSQL gave a database stays. So the numbers are on
# the disk before the first rename, and going back renames and drops by them.
note_number() { # DATABASE NAME-OF-FILE: `none` when there is no such database
  _number=$(sql "select coalesce((select oid from pg_database where datname='$1')::text, 'none')") || return 1
  [ -n "$_number" ] && echo "$_number" >"$DIR/$2.number" && durable "$DIR/$2.number"; }
number() { # NAME-OF-FILE: empty when it was never noted
  grep -xE '[0-9]+|none' "$DIR/$1.number" 2>/dev/null; }
identify() {
  note_number "$DB" live || return 1
  [ "$LANE" != restore ] || note_number "$STAGE" stage; }
numbered() { # NUMBER: is there a database of that number?
  [ "$(sql "select count(*) from pg_database where oid=$1")" = 1 ]; }
# The number of the database that going back has to bring under its name. After an update the one of before is its clone; nobody but
# the update has written since that was made.
goal() {
  _clone=$(number clone)
  if [ "$LANE" = update ] && [ -n "$_clone" ] && { changed || is_blind; } && numbered "$_clone"; then echo "$_clone"; else number live; fi; }
may_have_renamed() {
  case $LANE in
    update) changed || is_blind ;;
    restore) has swap start || is_blind ;;
    *) return 1 ;;
  esac; }
# Where no number was noted, nothing was renamed yet, and nothing is.
db_by_number() { # NUMBER
  case $1 in
    '') ! may_have_renamed || absent "$SNAP" || { echo 'which database is which was not noted: nothing is renamed'; return 1; } ;;
    none)
      _stage=$(number stage)
      [ -z "$_stage" ] || [ "$_stage" = none ] ||
        sql "do \$\$ begin if exists (select from pg_database where datname='$DB' and oid=$_stage) then
          alter database \"$DB\" rename to \"$FAILED\"; end if; end \$\$" ;;
    *) sql "do \$\$ declare here oid; was name; begin
        select oid into here from pg_database where datname='$DB';
        select datname into was from pg_database where oid=$1;
        if was is null then raise exception 'the database of before, number $1, is gone'; end if;
        if here is distinct from $1::oid then
          if here is not null then alter database \"$DB\" rename to \"$FAILED\"; end if;
          execute format('alter database %I rename to %I', was, '$DB');
        end if; end \$\$" ;;
  esac; }
# What is dropped at the end is proven not to be what serves: it has another name and another number.
leftover_dbs() {
  _live=$(goal)
  [ -n "$_live" ] || ! may_have_renamed || { echo 'which database is which was not noted: none is removed' >&2; return 1; }
  case $_live in ''|none) _live=0 ;; esac
  sql "select datname from pg_database where datname in ('$FAILED','$SNAP','$STAGE') and datname <> '$DB' and oid <> $_live"; }
