# --- translations, up to 15.0
# There an update leaves every translation as the database has it, also the one that the release before had brought: a corrected
# `.po` file would change nothing. So what the files of the old release say is noted while it serves, and removed before the
# update where the database still says the same: the update then brings what the new files say. What people have translated
# otherwise in Odoo stays. From 16.0 on the web client reads its translations from the files.
note_texts() {
  [ -n "$OLD" ] && [ -n "$UPD" ] || { echo 'nothing to compare'; return 0; }
  [ "$(SQLDB=$DB sql "select to_regclass('public.ir_translation') is not null")" = t ] || { echo 'there are none in this series'; return 0; }
  texts_facts >"$DIR/texts.facts" || return 1
  grep -q '^language' "$DIR/texts.facts" || { echo 'no other language'; return 0; }
  if bg "$TEXTS_S" sh -c 'facts=$1; shift; exec "$@" <"$facts"' sh "$DIR/texts.facts" \
    $DOCKER exec -i "$OLD" python3 -I -c "$(texts_program)" >"$DIR/texts.part" 2>"$DIR/texts.err"; then
    mv -f "$DIR/texts.part" "$DIR/texts"
    wc -l <"$DIR/texts"
  else
    warn "translations that changed may stay as they were: the files of what serves could not be read ($(tail -n 1 "$DIR/texts.err"))"
  fi; }
TEXTS_S=${TEXTS_S:-120}               # for reading them; requests go on meanwhile
texts_facts() { # an update of base is one of all modules
  SQLDB=$DB sql "select 'language' || chr(9) || code from res_lang where active and code <> 'en_US';
select 'module' || chr(9) || name from ir_module_module where state in ('installed', 'to upgrade')
  and ('base' = any (string_to_array('$UPDATED', ',')) or name = any (string_to_array('$UPDATED', ',')))"; }
forget_texts() {
  [ -s "$DIR/texts" ] || return 0
  { texts_before; cat "$DIR/texts"; echo '\.'; texts_removal; } |
    within "$FILES_S" $DOCKER exec -i -e PGAPPNAME="$APP" "$PG" psql -XAtq -v ON_ERROR_STOP=1 -U postgres -d "$DB" -f - >"$DIR/texts.said" ||
    { echo 'translations of the release before could not be removed'; return 1; }; }
texts_before() {
  cat <<'SQL'
begin;
create temp table brought (lang text, module text, src text, value text) on commit drop;
copy brought from stdin;
SQL
}
texts_removal() {
  cat <<'SQL'
analyze brought;
delete from ir_translation here using brought
  where here.lang = brought.lang and here.module = brought.module and here.src = brought.src and here.value = brought.value;
commit;
SQL
}

