# --- bundles, while two releases stand on one database (the code lane)
# Each release names a bundle by its own files, makes it from its own files when its row is missing, and then removes the rows
# under that bundle's other names. So neither ever serves the other's: both make a missing one again, and an address of the other's
# leads to one's own (17.0 and newer) or to nothing. What the new one leaves behind, though, is its own rows instead of the old
# one's; and up to 16.0, where a row's number is part of the address, pages that the old one has cached lead to rows that are gone.
# So the rows are noted before the new one starts, and going back puts them there again. Files stay: Odoo removes one only when
# no row names it, by a job that is held until the commit; should it have run all the same, the snapshot's link is still there.
BUNDLES="type = 'binary' and res_model = 'ir.ui.view' and coalesce(res_id, 0) = 0 and create_uid = 1 and url ~ '^/web/(assets/|content/[0-9]+-)'"
note_bundles() {
  d exec -e PGAPPNAME="$APP" "$PG" psql -XAtq -v ON_ERROR_STOP=1 -U postgres -d "$DB" \
    -c "copy (select row_to_json(bundle) from ir_attachment bundle where $BUNDLES) to stdout" >"$DIR/bundles.part" &&
    mv -f "$DIR/bundles.part" "$DIR/bundles" && durable "$DIR/bundles"; }
bundles_back() {
  [ -e "$DIR/bundles" ] || return 0
  { bundles_note; cat "$DIR/bundles"; echo '\.'; bundles_change; } |
    within "$FILES_S" $DOCKER exec -i -e PGAPPNAME="$APP" "$PG" psql -XAtq -v ON_ERROR_STOP=1 -U postgres -d "$DB" -f - >"$DIR/bundles.said" || return 1
  for _what in again unused; do
    _names=$(awk -v what=$_what '$1 == what { print $2 }' "$DIR/bundles.said")
    [ -z "$_names" ] || files $_what "$_names" || return 1
  done; }
bundles_note() {
  cat <<'SQL'
begin;
set local lock_timeout = '20s';
create temp table noted (was json) on commit drop;
create temp table went (store_fname text) on commit drop;
copy noted from stdin;
SQL
}
bundles_change() { # a row that the old release made again under the same name stays: its pages may lead there by now
  cat <<SQL
with gone as (
    delete from ir_attachment bundle where $BUNDLES and not exists (
      select from noted where regexp_replace(was ->> 'url', '/[0-9]+-', '/') = regexp_replace(bundle.url, '/[0-9]+-', '/'))
    returning store_fname)
  insert into went select store_fname from gone;
with came as (
    insert into ir_attachment select bundle.* from noted, json_populate_record(null::ir_attachment, was) bundle
      where not exists (select from ir_attachment other where other.id = bundle.id or other.url = bundle.url)
    returning store_fname)
  select 'again ' || store_fname from came;
select 'unused ' || store_fname from went where not exists (
  select from ir_attachment other where other.store_fname = went.store_fname);
select nextval(caches) from to_regclass('base_cache_signaling') caches where caches is not null;
commit;
SQL
}

