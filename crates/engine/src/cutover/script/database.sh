# --- what Odoo's own manager makes in a new database: `_create_empty_database` in odoo/service/db.py of 16.0 and newer, with
# the option `unaccent`. Before 16.0 it makes that extension alone and leaves it as it is; more does no harm there, and a
# migration needs it. By a superuser, as Odoo's role is none. Left out: `grant create on schema public to public`, since the
# role owns the database. Shared by the cut over and a restore, which bring `sql` and `warn`.
extensions() { # DATABASE
  for _extension in pg_trgm unaccent; do
    _known=$(sql "select count(*) from pg_available_extensions where name='$_extension'") || return 1
    if [ "$_known" = 1 ]; then
      SQLDB=$1 sql "create extension if not exists $_extension" || { echo "the extension $_extension could not be made"; return 1; }
    else
      warn "this PostgreSQL has no extension $_extension: Odoo does without it, as in a database of its own manager"
    fi
  done
  indexable "$1"; }
# PostgreSQL lets an index use immutable functions only, and unaccent isn't called one, as its rules are in a file. Odoo takes it
# for one: 16.0 and newer search by it, and make their indexes of it. A dump has nothing of this: to it, functions of an extension
# are as the extension brings them.
INDEXABLE="declare f regprocedure; begin
  for f in select p.oid::regprocedure from pg_proc p
    join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
    join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid
    where e.extname = 'unaccent' and p.proname = 'unaccent' and p.pronargs = 1 and p.provolatile <> 'i'
  loop execute format('alter function %s immutable', f); end loop; end"
indexable() { # DATABASE
  SQLDB=$1 sql "do \$\$ $INDEXABLE \$\$"; }

