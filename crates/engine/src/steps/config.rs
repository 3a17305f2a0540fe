//! Step 7: Odoo's configuration, the recipe of the image, and the record of the release.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{BaseImage, PrepareStep, SourceOnServer, file_times};
use slipway_remote::Cmd;

use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
use crate::model::{Step, now};
use crate::odoo::series::Series;
use crate::redact::percent_encoded;
use crate::render::caddy::{self, Site};
use crate::render::dockerfile::{Recipe, Stages};
use crate::render::odoo_conf::OdooConf;
use crate::routing;
use crate::server::{Facts, ReleaseManifest, Slot, Upload};

/// Writes the release's own files.
pub(crate) struct GeneratingConfig<'a> {
    pub facts: &'a Facts,
    pub source: &'a SourceOnServer,
    pub base: &'a BaseImage,
}

/// What was written, and what follows from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Config {
    /// Where the new container will stand behind the proxy.
    pub slot: Slot,
    /// The port of its websocket.
    pub live_port: u16,
    /// The site at the proxy once the release serves.
    pub site: Site,
    /// The domain that the proxy answers to until then. Nothing in what an older version recorded: the site's.
    #[serde(default)]
    pub domain_before: Option<String>,
    /// The image of the dependencies, when there are any: its name, to be built unless it is there.
    pub dependencies: Option<String>,
    /// The release image under the hash of all that goes into it.
    pub keyed_image: String,
    /// Whether a file of secret variables was written.
    pub secret_variables: bool,
}

/// The port that websockets share with everything else in a single process, and the one they have beside workers.
const SHARED_PORT: u16 = 8069;
const LIVE_PORT: u16 = 8072;
/// Stands in `odoo.conf` for what only the server knows; replaced there.
pub(super) const PASSWORD_MARK: &str = "@slipway-db-password@";
pub(super) const ADMIN_MARK: &str = "@slipway-admin-password@";

impl PrepareStep for GeneratingConfig<'_> {
    const STEP: Step = Step::GeneratingConfig;
    const LIMIT: Duration = Duration::from_secs(900);
    type Output = Config;

    async fn run(&self, cx: &Cx) -> Result<Config, EngineError> {
        let series = cx.series()?;
        let conf = OdooConf {
            secret_options: secret_options(cx).await?,
            ..odoo_conf(cx, series, self.source.addons.clone(), self.facts.max_connections)
        };
        if let Some(max) = self.facts.max_connections.filter(|max| !conf.sizing().connections_suffice(*max)) {
            cx.warn(format!(
                "The database takes {max} connections, which may not suffice for so many processes of Odoo: set the option \
                 workers to a smaller number"
            ));
        }
        let live_port = if conf.has_live_port() { LIVE_PORT } else { SHARED_PORT };
        let slot = self.source.plan.live.as_ref().map_or(Slot::A, |l| l.slot.other());
        let live = self.source.plan.live.as_ref().and_then(|l| self.facts.release(l.deployment));
        let live_port_before = live.map_or(live_port, |m| m.live_port);
        let ports = match slot {
            Slot::A => (live_port, live_port_before),
            Slot::B => (live_port_before, live_port),
        };
        let site = routing::site(&cx.settings, conf.time_limits()?, ports);
        // What serves now keeps its own site until the commit; only the slot that is empty may change.
        let site_now = match live {
            Some(manifest) => routing::with_port(manifest.site.clone(), slot, live_port),
            None => site.clone(),
        };
        let stages = self.stages(cx, series).await?;
        let keyed_image = format!("slipway/{}:k-{}", cx.layout().slug, self.content_key(&stages));
        let mut files = self.files(cx, &conf, &stages, &site, live_port).await?;
        let secrets = secret_variables(cx).await?;
        let secret_variables = secrets.is_some();
        files.extend(secrets.map(|text| Upload::mounted("secret.env", text.expose_secret().as_bytes())));
        files.extend(build_proxy(cx).await?);
        cx.connection().await?.put(&cx.layout().release(cx.deployment.id), &files).await?;
        // The site changes after the commit, when it's too late to refuse it.
        if live.is_some() && (site != site_now || matches!(site.tls, caddy::Tls::Own)) {
            routing::check(cx, &site).await?;
        }
        routing::apply(cx, &site_now).await?;
        let workers = if live_port == LIVE_PORT { "worker processes" } else { "one process with threads" };
        cx.info(format!("Configured Odoo {series} for {workers}; it will stand in slot {slot}"));
        Ok(Config {
            slot,
            live_port,
            site,
            domain_before: Some(site_now.domain),
            dependencies: stages.dependencies.and_then(|s| s.tag),
            keyed_image,
            secret_variables,
        })
    }
}

impl GeneratingConfig<'_> {
    async fn stages(&self, cx: &Cx, series: Series) -> Result<Stages, EngineError> {
        let ca_bundle = match &cx.settings.server.build_ca_file {
            None => None,
            Some(file) => {
                let cmd =
                    Cmd::script(r#"case $1 in '~'/*) set -- "$HOME/${1#??}" ;; esac; cat -- "$1""#, [file]);
                Some(cx.connection().await?.host.run(cmd).await?.ok(format!("read {file}"))?.stdout)
            }
        };
        let labels: BTreeMap<String, String> =
            crate::containers::labels(&cx.layout().slug, "release").into_iter().collect();
        let repositories: Vec<String> =
            cx.settings.project.repositories.iter().map(|r| r.name.clone()).collect();
        let recipe = Recipe {
            series,
            base: &self.base.name,
            base_id: &self.base.id,
            packages: &self.source.packages,
            ca_bundle: ca_bundle.as_deref(),
            repositories: &repositories,
            labels: &labels,
        };
        recipe.stages().map_err(|e| EngineError::bad_input(format!("{e}.")).hint(e.hint()))
    }

    /// The recipe's key with the content and the times of every repository.
    fn content_key(&self, stages: &Stages) -> String {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        hash.update(&stages.release.key);
        for (name, content) in &self.source.content {
            hash.update(name);
            hash.update(content);
        }
        for (name, newest) in &self.source.times {
            hash.update(name);
            hash.update(newest.to_le_bytes());
        }
        hex::encode(&hash.finalize()[..12])
    }

    async fn files(
        &self,
        cx: &Cx,
        conf: &OdooConf,
        stages: &Stages,
        site: &Site,
        live_port: u16,
    ) -> Result<Vec<Upload>, EngineError> {
        let text = conf.render()?;
        let manifest = ReleaseManifest {
            deployment: cx.deployment.id,
            series: cx.settings.project.series.clone(),
            commits: self.source.commits.clone(),
            modules: self.source.modules.clone(),
            subject: self.source.subject.clone(),
            image: cx.layout().image(cx.deployment.id),
            dependencies: stages.dependencies.as_ref().and_then(|stage| stage.tag.clone()),
            base_id: self.base.id.clone(),
            times: self.source.times.clone(),
            pip: self.source.packages.pip.clone(),
            apt: self.source.packages.apt.clone(),
            site: site.clone(),
            live_port,
            who: cx.deployment.who.clone(),
            at: now(),
        };
        let manifest = serde_json::to_vec(&manifest).map_err(|e| {
            EngineError::new(ErrorCode::Internal, "The release's record can't be written.").detail(e)
        })?;
        let mut files = vec![
            Upload::mounted("odoo.conf.in", text.expose_secret().as_bytes()),
            Upload::private("release.json", manifest),
            Upload::private("build/release.dockerfile", stages.release.dockerfile.as_bytes()),
        ];
        for (name, newest) in &self.source.times {
            // Readable in the container, as what lies beside it.
            files.push(Upload::mounted(
                format!("build/times/{name}.slipway"),
                file_times::text(*newest).as_bytes(),
            ));
        }
        if let Some(dependencies) = &stages.dependencies {
            files.push(Upload::private("deps/Dockerfile", dependencies.dockerfile.as_bytes()));
            for (path, bytes) in &dependencies.files {
                files.push(Upload::private(format!("deps/{path}"), bytes.clone()));
            }
        }
        Ok(files)
    }
}

/// Odoo's configuration with these folders of addons, without the passwords and the secret options. `max_connections` is what an existing database
/// takes.
pub(super) fn odoo_conf(
    cx: &Cx,
    series: Series,
    addons: Vec<String>,
    max_connections: Option<u32>,
) -> OdooConf {
    let (_, odoo_mb) = crate::containers::share_memory(cx.settings.environment.memory_mb);
    OdooConf {
        series,
        cpus: cx.settings.environment.cpus,
        memory_mb: odoo_mb,
        db_host: cx.layout().db(),
        db_user: "odoo".into(),
        db_password: SecretString::from(PASSWORD_MARK.to_owned()),
        db_name: cx.layout().database(),
        admin_passwd: ADMIN_MARK.into(),
        addons,
        max_connections,
        options: cx.settings.environment.options.clone(),
        secret_options: BTreeMap::new(),
    }
}

/// The environment's secret options, with their values.
pub(super) async fn secret_options(cx: &Cx) -> Result<BTreeMap<String, SecretString>, EngineError> {
    let mut options = BTreeMap::new();
    for (option, secret) in &cx.settings.environment.secret_options {
        options.insert(option.clone(), cx.engine.secret(secret).await?);
    }
    Ok(options)
}

/// The proxy that builds go through, as a configuration of Docker's client: its `proxies` are given to each build
/// (<https://docs.docker.com/engine/cli/proxy/>).
async fn build_proxy(cx: &Cx) -> Result<Option<Upload>, EngineError> {
    let server = &cx.settings.server;
    let Some(mut address) = server.build_proxy.clone() else { return Ok(None) };
    if let (Some(password), Some((before, host))) = (&server.build_proxy_password, address.rsplit_once('@')) {
        let password = percent_encoded(cx.engine.secret(password).await?.expose_secret());
        address = format!("{before}:{password}@{host}");
    }
    let proxies =
        serde_json::json!({ "proxies": { "default": { "httpProxy": address, "httpsProxy": address } } });
    Ok(Some(Upload::private("docker/config.json", proxies.to_string())))
}

/// The environment's secret variables as a file that a shell reads: `NAME='value'`.
async fn secret_variables(cx: &Cx) -> Result<Option<SecretString>, EngineError> {
    let secrets = &cx.settings.environment.secret_variables;
    if secrets.is_empty() {
        return Ok(None);
    }
    let mut text = String::new();
    for (name, secret) in secrets {
        let value = cx.engine.secret(secret).await?;
        text.push_str(&format!("{name}='{}'\n", value.expose_secret().replace('\'', r"'\''")));
    }
    Ok(Some(text.into()))
}
