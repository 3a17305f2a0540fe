//! Step 4: PostgreSQL in a container of the environment's own, its data in a volume, its passwords generated here.

use std::time::Duration;

use rand::distr::{Alphanumeric, SampleString};

use super::PrepareStep;
use super::config::odoo_conf;
use super::image::ensure_image;
use crate::containers;
use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
use crate::model::Step;
use crate::render::admin_password;
use crate::server::{Facts, Upload};

/// Makes sure of the database server and of Odoo's role in it.
pub(crate) struct CreatingDatabase<'a> {
    pub facts: &'a Facts,
}

const PASSWORD_LENGTH: usize = 40;

impl PrepareStep for CreatingDatabase<'_> {
    const STEP: Step = Step::CreatingDatabase;
    const LIMIT: Duration = Duration::from_secs(900);
    type Output = ();

    async fn run(&self, cx: &Cx) -> Result<(), EngineError> {
        let name = cx.layout().db();
        match self.facts.container(&name) {
            Some(found) => {
                let docker = &cx.connection().await?.docker;
                // Odoo's modules could be read from it when the server was examined: it runs, and has Odoo's role.
                if found.is_running() && !self.facts.modules.is_empty() {
                    cx.info("The database is there");
                    return Ok(());
                }
                if !found.is_running() {
                    cx.warn("The database container was not running; starting it");
                    docker.start_container(&name, None).await?;
                }
            }
            None => make(cx, self.facts).await?,
        }
        ready(cx).await
    }
}

/// Where the official image keeps its data: one folder up from 18 on.
fn data_dir(image: &str) -> &'static str {
    let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
    let major: u32 =
        tag.split(|c: char| !c.is_ascii_digit()).next().and_then(|m| m.parse().ok()).unwrap_or(0);
    if major >= 18 { "/var/lib/postgresql" } else { "/var/lib/postgresql/data" }
}

/// Gives the database what its environment reserves now. Not before the release that was planned with it serves: until then a deployment
/// can fail, and the old one needs what it had.
pub(super) async fn resize(cx: &Cx) -> Result<(), EngineError> {
    let limits = containers::database_limits(cx.reservation());
    cx.connection().await?.docker.update_container(&cx.layout().db(), limits).await?;
    Ok(())
}

async fn make(cx: &Cx, facts: &Facts) -> Result<(), EngineError> {
    let connection = cx.connection().await?;
    let image = cx.series()?.facts().postgres_image;
    ensure_image(cx, image, false).await?;
    if !facts.has_db_password {
        let secret = || Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LENGTH);
        let Some(admin) = admin_password::unknown() else {
            return Err(EngineError::internal("The master password could not be hashed."));
        };
        let files = [
            Upload::mounted("superuser_password", secret()),
            Upload::private("db_password", secret()),
            Upload::private("admin_password", admin),
        ];
        connection.put(&cx.layout().dir(), &files).await?;
        cx.info("Generated the database's passwords; they stay on the server");
    }
    let labels = containers::labels(&cx.layout().slug, "data");
    containers::ensure_volume(&connection.docker, &cx.layout().db(), labels.clone()).await?;
    containers::ensure_volume(&connection.docker, &cx.layout().data(), labels).await?;
    let odoo = odoo_conf(cx, cx.series()?, vec![], None);
    let body = containers::database(cx.layout(), image, data_dir(image), cx.reservation(), odoo.sizing());
    containers::create(&connection.docker, &cx.layout().db(), body).await?;
    connection.docker.start_container(&cx.layout().db(), None).await?;
    cx.info(format!("Started {image} as {}", cx.layout().db()));
    Ok(())
}

/// Waits for the server, then makes sure of Odoo's role. The role is no superuser: it owns its database and no more.
/// The password goes from its file through stdin.
const READY: &str = r#"set -u
DB=$1 PASSWORD_FILE=$2
i=0
# During its first start the image runs a temporary server that has no TCP listener: ask over TCP.
until docker exec "$DB" pg_isready -q -h 127.0.0.1 -U postgres; do
  i=$((i+1))
  [ $i -lt 240 ] || { docker logs --tail 20 "$DB" >&2; exit 5; }
  sleep 0.5
done
{ printf '%s' "\\set password '"; tr -d '\n' <"$PASSWORD_FILE"; printf '%s\n' "'"
  cat <<'SQL'
select 'create role odoo login' where not exists (select from pg_roles where rolname = 'odoo') \gexec
alter role odoo nosuperuser nocreatedb login password :'password';
SQL
} | docker exec -i "$DB" psql -Xq -v ON_ERROR_STOP=1 -U postgres -d postgres || exit 6
docker exec "$DB" psql -XAtq -U postgres -d postgres -c "show server_version_num"
"#;

async fn ready(cx: &Cx) -> Result<(), EngineError> {
    let layout = cx.layout();
    let out = cx.connection().await?.script(READY, &[&layout.db(), &layout.db_password()]).await?;
    if out.code != 0 {
        return Err(EngineError::new(ErrorCode::DatabaseFailed, "The database server did not come up")
            .hint("Its last log lines are below; a full disk or too little memory are the usual causes")
            .detail(out.stderr));
    }
    let version: u32 = out.stdout.trim().parse().unwrap_or(0);
    cx.info(format!("PostgreSQL {} is ready", version / 10_000));
    Ok(())
}
