//! Step 6: the Odoo image that the release is built on, only if it is absent or asked for.

use std::time::Duration;

use bollard::query_parameters::CreateImageOptions;
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};

use super::{Frozen, PrepareStep, SourceOnServer, repositories};
use crate::base_image;
use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
use crate::model::{Lane, Step};
use crate::server::Facts;

/// Makes sure of the base image, and plans anew when it isn't the one that was planned for.
pub(crate) struct PullingImage<'a> {
    /// Ask the registry even when the image is there.
    pub refresh: bool,
    pub facts: &'a Facts,
    pub source: &'a SourceOnServer,
}

/// The image that a release is built on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BaseImage {
    /// As named: `odoo:19.0`.
    pub name: String,
    /// Docker's id, which changes when its content does.
    pub id: String,
    /// The plan for it, where another was made before it was known.
    #[serde(default)]
    pub planned: Option<Frozen>,
}

impl PrepareStep for PullingImage<'_> {
    const STEP: Step = Step::PullingImage;
    const LIMIT: Duration = Duration::from_secs(3600);
    type Output = BaseImage;

    async fn run(&self, cx: &Cx) -> Result<BaseImage, EngineError> {
        let name = base_image::name(&cx.settings)?;
        let id = ensure_image(cx, &name, self.refresh).await?;
        let planned = match self.source.plan.lane {
            Lane::Code | Lane::Update if self.source.base_id.as_ref() != Some(&id) => {
                Some(self.plan_anew(cx).await?)
            }
            _ => None,
        };
        Ok(BaseImage { name, id, planned })
    }
}

impl PullingImage<'_> {
    async fn plan_anew(&self, cx: &Cx) -> Result<Frozen, EngineError> {
        let last = repositories::last_source(cx, self.facts).await;
        let frozen = repositories::plan(cx, self.facts, last.as_ref(), &self.source.packages).await?;
        if frozen.plan != self.source.plan {
            cx.info("The base image is another than was planned for; planned anew");
            repositories::tell(cx, &frozen.plan);
        }
        cx.record_plan(&frozen.plan).await?;
        Ok(frozen)
    }
}

/// Pulls an image unless it is there; returns Docker's id of it.
pub(crate) async fn ensure_image(cx: &Cx, name: &str, refresh: bool) -> Result<String, EngineError> {
    let docker = &cx.connection().await?.docker;
    let found = base_image::id(cx.connection().await?, name).await?;
    if let (Some(id), false) = (&found, refresh) {
        cx.info(format!("{name} is on the server"));
        return Ok(id.clone());
    }
    cx.info(format!("Pulling {name}"));
    if let Err(e) = pull(cx, name).await {
        let Some(id) = found else { return Err(e) };
        cx.warn(format!(
            "{name} could not be refreshed ({}); going on with the one that is there",
            e.message
        ));
        return Ok(id);
    }
    docker.inspect_image(name).await?.id.ok_or_else(|| {
        EngineError::new(ErrorCode::DockerFailed, format!("Docker pulled {name} but doesn't know it"))
            .hint("Try again; if it stays so, look at the server's Docker log")
    })
}

async fn pull(cx: &Cx, name: &str) -> Result<(), EngineError> {
    let docker = &cx.connection().await?.docker;
    let (repository, tag) = match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    };
    let options = CreateImageOptions {
        from_image: Some(repository.into()),
        tag: Some(tag.into()),
        ..CreateImageOptions::default()
    };
    let mut progress = docker.create_image(Some(options), None, None);
    let mut last = String::new();
    loop {
        let next = progress.try_next().await.map_err(|e| {
            EngineError::new(ErrorCode::ImagePullFailed, format!("The image {name} could not be pulled"))
                .hint("Check the image's name and that the server reaches its registry")
                .detail(e.to_string())
        })?;
        let Some(info) = next else { return Ok(()) };
        // One line for each layer and stage, not for each percent.
        let line = format!("{} {}", info.id.unwrap_or_default(), info.status.unwrap_or_default());
        if line != last && !line.trim().is_empty() {
            cx.debug(line.trim());
            last = line;
        }
    }
}
