//! Step 8: builds the release image on the server (base, Debian packages, Python packages, addons), and creates the
//! containers of the release without starting them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipway_remote::{Cmd, Line};

use super::config::{ADMIN_MARK, PASSWORD_MARK};
use super::{BaseImage, Config, PrepareStep, SourceOnServer};
use crate::containers::{self, WebSpec};
use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
use crate::model::{Lane, Step};
use crate::rollback;
use crate::server::Slot;

/// Builds and creates.
pub(crate) struct InstallingDependencies<'a> {
    pub source: &'a SourceOnServer,
    pub base: &'a BaseImage,
    pub config: &'a Config,
}

/// What stands ready for the cut over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Release {
    /// The image by name.
    pub image: String,
    /// The image by Docker's id, as the proof compares it.
    pub image_id: String,
    /// Where the web container will stand.
    pub slot: Slot,
    /// The port of its websocket.
    pub live_port: u16,
    /// The container that runs the update, where there is one.
    pub update: Option<String>,
}

const SCRIPT: &str = include_str!("build.sh");
const LIMIT: Duration = Duration::from_secs(3600);
/// `build.sh`'s words for what failed.
const DEPENDENCIES_FAILED: i32 = 21;
const RELEASE_FAILED: i32 = 22;
/// Lines of the build's output that go with an error.
const TAIL: usize = 25;

impl PrepareStep for InstallingDependencies<'_> {
    const STEP: Step = Step::InstallingDependencies;
    const LIMIT: Duration = LIMIT;
    type Output = Release;

    async fn run(&self, cx: &Cx) -> Result<Release, EngineError> {
        let image = cx.layout().image(cx.deployment.id);
        let (image_id, ()) = tokio::try_join!(self.build(cx, &image), self.start_files(cx))?;
        if let Some(restore) = &cx.deployment.restore {
            rollback::stage(cx, restore).await?;
        }
        let update = self.create(cx, &image).await?;
        Ok(Release { image, image_id, slot: self.config.slot, live_port: self.config.live_port, update })
    }
}

impl InstallingDependencies<'_> {
    /// Builds what isn't there yet, with live output; returns the image's id.
    async fn build(&self, cx: &Cx, image: &str) -> Result<String, EngineError> {
        let layout = cx.layout();
        let args = [
            layout.release(cx.deployment.id),
            layout.dir(),
            image.to_owned(),
            self.config.keyed_image.clone(),
            self.config.dependencies.clone().unwrap_or_default(),
            PASSWORD_MARK.to_owned(),
            ADMIN_MARK.to_owned(),
        ];
        let mut tail: Vec<String> = vec![];
        let mut id = String::new();
        let mut say = |line: Line<'_>| {
            let (Line::Out(text) | Line::Err(text)) = line;
            if let Some(found) = text.strip_prefix("slipway-image-id ") {
                found.clone_into(&mut id);
            } else if let Some(told) = text.strip_prefix("slipway-says ") {
                cx.info(told);
            } else if !text.trim().is_empty() {
                cx.debug(text);
                if tail.len() == TAIL {
                    tail.remove(0);
                }
                tail.push(text.to_owned());
            }
        };
        let connection = cx.connection().await?;
        let out = connection.stream(Cmd::script(SCRIPT, args).limit(LIMIT), &mut say, &cx.cancel).await?;
        if cx.cancel.is_cancelled() {
            return Err(crate::cx::cancelled());
        }
        if out.code == 0 && !id.is_empty() {
            return Ok(id);
        }
        let (message, hint) = match out.code {
            DEPENDENCIES_FAILED => (
                "The Debian or Python packages could not be installed.",
                "Check requirements.txt and apt.txt, and that the server reaches its package sources.",
            ),
            RELEASE_FAILED => {
                ("The release image could not be built.", "Check free disk space on the server.")
            }
            _ => ("The build could not be carried out.", "Its last lines say why."),
        };
        Err(EngineError::new(ErrorCode::BuildFailed, message).hint(hint).detail(tail.join("\n")))
    }

    /// Starts the container that the cut over moves files in.
    async fn start_files(&self, cx: &Cx) -> Result<(), EngineError> {
        let docker = &cx.connection().await?.docker;
        let name = cx.layout().files(cx.deployment.id);
        // One of an earlier attempt. It serves nobody.
        containers::end(docker, &name).await?;
        containers::create(docker, &name, containers::files(cx.layout(), cx.deployment.id, &self.base.id))
            .await?;
        Ok(docker.start_container(&name, None).await?)
    }

    /// Creates the containers with all their settings; the cut over only starts and stops what stands ready.
    async fn create(&self, cx: &Cx, image: &str) -> Result<Option<String>, EngineError> {
        let docker = &cx.connection().await?.docker;
        let layout = cx.layout();
        let commit = self.source.commits.get("main").cloned().unwrap_or_default();
        let spec = WebSpec {
            layout,
            deployment: cx.deployment.id,
            image,
            commit: &commit,
            slot: self.config.slot,
            reservation: cx.reservation(),
            variables: cx.settings.environment.variables.iter().map(|(k, v)| format!("{k}={v}")).collect(),
            secret_variables: self.config.secret_variables,
        };
        let web = layout.web(cx.deployment.id);
        cx.claim().confirm().await?;
        containers::create(docker, &web, containers::web(&spec)).await?;
        let Some(args) = self.update_args(cx)? else {
            cx.info("The new container stands ready");
            return Ok(None);
        };
        let update = layout.update(cx.deployment.id);
        containers::create(docker, &update, containers::update(&spec, args)).await?;
        cx.info("The new container and the one that updates the database stand ready");
        Ok(Some(update))
    }

    /// Odoo's arguments for the update; nothing when there is none to run.
    fn update_args(&self, cx: &Cx) -> Result<Option<Vec<String>>, EngineError> {
        let plan = &self.source.plan;
        let mut args: Vec<String> = vec![];
        let names: Vec<&str> = plan.update.iter().map(|m| m.module.as_str()).collect();
        if !names.is_empty() {
            args.extend(["-u".into(), names.join(",")]);
        }
        if !plan.install.is_empty() {
            args.extend(["-i".into(), plan.install.join(",")]);
        }
        if plan.lane == Lane::Code || args.is_empty() {
            return Ok(None);
        }
        let environment = &cx.settings.environment;
        args.extend(
            cx.series()?
                .demo_args(environment.demo_data && plan.lane == Lane::First)
                .iter()
                .map(|a| (*a).to_owned()),
        );
        if plan.lane == Lane::First
            && let Some(language) = &environment.language
        {
            args.push(format!("--load-language={language}"));
        }
        args.extend(
            [
                "--stop-after-init",
                "--no-http",
                "--max-cron-threads=0",
                "--workers=0",
                "--limit-memory-soft=0",
                "--limit-memory-hard=0",
            ]
            .map(str::to_owned),
        );
        Ok(Some(args))
    }
}
