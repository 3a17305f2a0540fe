//! What going back to a snapshot would lose: rows made or changed since then, by model and time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slipway_remote::Cmd;

use crate::error::{EngineError, ErrorCode};
use crate::server::{Connection, Layout};

/// Rows of one model that were made or changed after a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Loss {
    /// The model: `sale.order`.
    pub model: String,
    /// Its name for people: `Sales Order`.
    pub label: String,
    /// Rows made since.
    pub created: u64,
    /// Older rows changed since.
    pub changed: u64,
    /// The first of these moments, UTC, as Odoo stored it.
    pub first: String,
    /// The last of them.
    pub last: String,
}

/// Odoo keeps `create_date` and `write_date` in UTC without a time zone. Every persistent model's own table is asked;
/// `query_to_xml` is how PostgreSQL runs a query that another query wrote. Models of Odoo's own bookkeeping are left out:
/// nobody misses a bus message. What was deleted since isn't counted, nor what people changed in views and parameters.
const SQL: &str = r#"
set statement_timeout = '120s';
with models as (
  -- The name is translated JSON from 16.0 and plain text before.
  select m.model, coalesce(m.name->>'en_US', m.name#>>'{}') as label, c.relname
    from (select model, to_jsonb(name) as name from ir_model where not transient) m
    join pg_class c on c.relname = replace(m.model, '.', '_') and c.relkind = 'r'
   where m.model not like 'bus.%' and (m.model not like 'ir.%' or m.model = 'ir.attachment') and m.model not in ('res.users.log', 'mail.presence', 'base.module.update')
     and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'create_date' and not a.attisdropped)
     and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'write_date' and not a.attisdropped)
), counted as (
  select model, label, query_to_xml(format(
    'select count(*) filter (where create_date > %1$L) as created, count(*) filter (where create_date <= %1$L) as changed,
            min(greatest(create_date, write_date)) as first, max(greatest(create_date, write_date)) as last
       from %2$I where (create_date > %1$L or write_date > %1$L) %3$s', :'since', relname,
    -- Those of a view are the bundles of scripts and styles that Odoo makes by itself.
    case relname when 'ir_attachment' then 'and res_model <> ''ir.ui.view''' else '' end), true, false, '') as x
    from models
), told as (
  select model, label, (xpath('/table/row/created/text()', x))[1]::text::bigint as created,
         (xpath('/table/row/changed/text()', x))[1]::text::bigint as changed,
         (xpath('/table/row/first/text()', x))[1]::text as first, (xpath('/table/row/last/text()', x))[1]::text as last
    from counted
)
select json_build_object('model', model, 'label', label, 'created', created, 'changed', changed, 'first', first, 'last', last)
  from told where created + changed > 0 order by created + changed desc, model limit 200;
"#;

/// Counts what was made or changed in the live database after `since`.
///
/// # Errors
/// When the database can't be asked, or takes longer than two minutes for one model.
pub async fn losses(
    connection: &Connection,
    layout: &Layout,
    since: Timestamp,
) -> Result<Vec<Loss>, EngineError> {
    let since = since.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string();
    let cmd = Cmd::new("docker")
        .args(["exec", "-i", &layout.db(), "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-v"])
        .arg(format!("since={since}"))
        .args(["-U", "postgres", "-d", &layout.database()])
        .stdin(bytes::Bytes::from_static(SQL.as_bytes()))
        .limit(std::time::Duration::from_secs(600));
    let out = connection.run(cmd).await?;
    if out.code != 0 {
        return Err(EngineError::new(ErrorCode::DatabaseFailed, "What would be lost could not be counted")
            .hint("Is the database container running? `slipway env show` tells")
            .detail(out.stderr));
    }
    out.stdout
        .lines()
        .filter(|l| l.starts_with('{'))
        .map(|l| {
            serde_json::from_str(l).map_err(|e| {
                EngineError::new(ErrorCode::Internal, "PostgreSQL's answer could not be read")
                    .detail(e.to_string())
            })
        })
        .collect()
}
