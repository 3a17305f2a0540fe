# --- what is served: the web client's files
# Odoo makes one bundle of many static files, keeps it as a row of ir_attachment, and serves that row for as long as its address is
# the same. What changed in static/ is therefore asked for before the commit, and compared with the release's files.
served() {
  served_facts >"$DIR/served.facts" || { warn 'not checked: the database did not say which modules are installed'; echo 'not checked'; return 0; }
  bg "$((SERVED_S + 10))" sh -c 'facts=$1; shift; exec "$@" <"$facts"' sh "$DIR/served.facts" \
    $DOCKER exec -i "$NEW" python3 -I -c "$(served_program)" >"$DIR/served.said" 2>"$DIR/served.err"
  _rc=$?
  served_unchecked
  case $_rc in
    0) echo "checked $(said_of checked)" ;;
    3) said_of differs; return 1 ;;
    *) warn "not checked: what is served ($(tail -n 1 "$DIR/served.err"))"; echo 'not checked' ;;   # by itself that says nothing of the release
  esac; }
served_facts() {
  printf 'site\t%s\nask\t127.0.0.1:8069\nseconds\t%s\n%s\n' "$SITE" "$SERVED_S" "$STATIC"
  [ "$LANE" != code ] || printf 'old\t%s\n' "$OLD_AT"
  _modules=$(printf '%s\n' "$STATIC" | awk -F '\t' '{ split($2, part, "/"); if (!seen[part[2]]++) printf "%s%s", (n++ ? "|" : ""), part[2] }')
  SQLDB=$DB sql "\\set of '$_modules'
$(served_sql)"; }
served_unchecked() { # a warning for each reason, with a few of the files it is for
  awk -F '\t' '$1 == "unchecked" { if (!n[$3]++) why[++reasons] = $3; if (n[$3] <= 3) of[$3] = of[$3] (n[$3] > 1 ? ", " : "") $2 }
    END { for (i = 1; i <= reasons && i <= 8; i++) { r = why[i]; print "not checked: " of[r] (n[r] > 3 ? " and " n[r] - 3 " more" : "") ": " r } }' \
    "$DIR/served.said" >"$DIR/served.unchecked"
  while IFS= read -r _why; do warn "$_why"; done <"$DIR/served.unchecked"; }
said_of() { awk -F '\t' -v word="$1" '$1 == word && ++n <= 12 { print $2 ($3 == "" ? "" : ": " $3) }' "$DIR/served.said"; }
served_sql() {
  cat <<'SQL'
select 'installed' || chr(9) || name from ir_module_module where state = 'installed';
select distinct 'called' || chr(9) || found[1]
  from ir_ui_view, regexp_matches(arch_db::text, 't-call-assets=\\?["'']([a-z0-9_.]+)', 'gi') found where active;
select to_regclass('public.ir_asset') is not null as has_assets \gset
\if :has_assets
select 'touched' || chr(9) || place from ir_asset, unnest(array[path, target]) place
  where place is not null and (not active or directive in ('remove', 'replace'));
\else
with recursive below(id, bundle) as (
    select id, key from ir_ui_view where inherit_id is null and key is not null and active
    union all select view.id, bundle from ir_ui_view view join below on view.inherit_id = below.id where view.active)
  select distinct 'view' || chr(9) || bundle || chr(9) || found[1]
  from below join ir_ui_view view using (id), regexp_matches(arch_db::text, '(?:src|href)="(/[a-z0-9_]+/static/[^"]+)"', 'g') found
  where found[1] ~ ('^/(' || :'of' || ')/') and arch_db::text !~ 't-if|groups=' and to_jsonb(view) ->> 'website_id' is null;
select 'touched' || chr(9) || found[1] from ir_ui_view,
  regexp_matches(arch_db::text, '@(?:src|href)=["'']?(/[a-z0-9_]+/static/[^"'']+)', 'g') found;
\endif
SQL
}
