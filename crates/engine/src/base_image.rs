//! The image that releases are built on: which one it is now, which one is live, and what Odoo's own modules are in both.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::errors::Error as DockerError;
use slipway_remote::Cmd;

use crate::error::EngineError;
use crate::model::Settings;
use crate::server::{Connection, ReleaseManifest};
use crate::source;

const SCRIPT: &str = include_str!("server/image_modules.sh");
/// Reading all of an image's modules takes four seconds, on a busy server more.
const LIMIT: Duration = Duration::from_secs(320);

/// Odoo's own modules in an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ImageModules {
    /// The series of the Odoo in it.
    pub series: String,
    /// A hash of Odoo's own files but its modules.
    pub odoo: String,
    /// A hash of each module's files, by its name.
    pub by_name: BTreeMap<String, String>,
}

/// What is known of the base image before a deployment.
#[derive(Clone, Debug, Default)]
pub(crate) struct BaseImages {
    /// Its name, such as `odoo:19.0`.
    pub name: String,
    /// Docker's id of what has that name on the server; nothing while nothing has.
    pub now: Option<String>,
    /// Odoo's modules in it, if they were asked for and could be read.
    pub new: Option<ImageModules>,
    /// Those of the image that the last release was built on, likewise.
    pub old: Option<ImageModules>,
}

impl BaseImages {
    /// Looks at what is on the server. Odoo's modules are read where the image isn't the one of `last`, or where `is_asked`.
    ///
    /// # Errors
    /// When the server can't be reached.
    pub(crate) async fn look(
        connection: &Connection,
        settings: &Settings,
        last: Option<&ReleaseManifest>,
        is_asked: bool,
    ) -> Result<Self, EngineError> {
        let mut images = Self { name: name(settings)?, ..Self::default() };
        images.now = id(connection, &images.name).await?;
        let Some(now) = images.now.clone() else { return Ok(images) };
        let is_another = last.is_some_and(|last| last.base_id != now);
        if is_another || is_asked {
            images.new = read(connection, &now, "").await?;
        }
        if let (true, Some(last)) = (is_another, last) {
            images.old = read(connection, &last.base_id, &last.image).await?;
        }
        Ok(images)
    }
}

/// The name of the image that an environment's releases are built on.
///
/// # Errors
/// `bad_input` for a series that Slipway doesn't know.
pub(crate) fn name(settings: &Settings) -> Result<String, EngineError> {
    Ok(match &settings.environment.image {
        Some(own) => own.clone(),
        None => source::series(settings)?.facts().image.to_owned(),
    })
}

/// The first digits of an image's id, as Docker shows them.
pub(crate) fn short(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    digits.get(..12).unwrap_or(digits)
}

/// Docker's id of an image, if it is on the server.
pub(crate) async fn id(connection: &Connection, name: &str) -> Result<Option<String>, EngineError> {
    match connection.docker.inspect_image(name).await {
        Ok(image) => Ok(image.id),
        Err(DockerError::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// An image without a Python that finds Odoo can't be read: then nothing is concluded.
async fn read(connection: &Connection, id: &str, other: &str) -> Result<Option<ImageModules>, EngineError> {
    let root = connection.root.clone();
    let out = connection.run(Cmd::script(SCRIPT, [&root, id, other]).limit(LIMIT)).await?;
    if out.code != 0 {
        tracing::info!(id, code = out.code, said = out.stderr, "an image's modules could not be read");
        return Ok(None);
    }
    Ok(Some(parse(&out.stdout)))
}

fn parse(text: &str) -> ImageModules {
    let mut modules = ImageModules::default();
    for line in text.lines() {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["series", series] => series.clone_into(&mut modules.series),
            ["odoo", hash] => hash.clone_into(&mut modules.odoo),
            ["module", name, hash] => {
                modules.by_name.insert(name.to_owned(), hash.to_owned());
            }
            _ => {}
        }
    }
    modules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_script_prints() {
        let modules = parse("series 19.0\nodoo aa\nmodule base bb\nmodule web cc\nnoise\n");
        assert_eq!((modules.series.as_str(), modules.odoo.as_str()), ("19.0", "aa"));
        assert_eq!(modules.by_name["web"], "cc");
        assert_eq!(short("sha256:0123456789abcdef"), "0123456789ab");
    }
}
