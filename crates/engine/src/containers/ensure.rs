//! Making sure that things exist, whoever made them: each call may be repeated.

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::models::{ContainerCreateBody, NetworkCreateRequest, VolumeCreateRequest};
use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptions};

use crate::error::{EngineError, ErrorCode};

const CONFLICT: u16 = 409;
const NOT_FOUND: u16 = 404;
/// How often to try where somebody else may be making the same container, and how long to wait in between.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(250);

/// Makes a bridge network unless it is there.
pub(crate) async fn ensure_network(
    docker: &Docker,
    name: &str,
    labels: HashMap<String, String>,
) -> Result<(), EngineError> {
    let request = NetworkCreateRequest {
        name: name.into(),
        driver: Some("bridge".into()),
        labels: Some(labels),
        ..NetworkCreateRequest::default()
    };
    match docker.create_network(request).await {
        Ok(_) => Ok(()),
        Err(DockerError::DockerResponseServerError { status_code: CONFLICT, .. }) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

/// Makes a volume unless it is there.
pub(crate) async fn ensure_volume(
    docker: &Docker,
    name: &str,
    labels: HashMap<String, String>,
) -> Result<(), EngineError> {
    let request = VolumeCreateRequest {
        name: Some(name.into()),
        labels: Some(labels),
        ..VolumeCreateRequest::default()
    };
    docker.create_volume(request).await?;
    Ok(())
}

/// Creates a container; one of that name left by an earlier attempt is removed first, since its settings may be older.
/// The caller must know that nothing live has this name. Returns its id.
pub(crate) async fn create(
    docker: &Docker,
    name: &str,
    body: ContainerCreateBody,
) -> Result<String, EngineError> {
    let options =
        || Some(CreateContainerOptions { name: Some(name.into()), ..CreateContainerOptions::default() });
    match docker.create_container(options(), body.clone()).await {
        Ok(made) => Ok(made.id),
        Err(DockerError::DockerResponseServerError { status_code: CONFLICT, .. }) => {
            remove(docker, name).await?;
            Ok(docker.create_container(options(), body).await?.id)
        }
        Err(e) => Err(e.into()),
    }
}

/// Creates a container that whoever comes first makes for all, unless one is there that was made by the same recipe (its label
/// `slipway.recipe`); one of another recipe is replaced.
pub(crate) async fn create_shared(
    docker: &Docker,
    name: &str,
    body: ContainerCreateBody,
) -> Result<(), EngineError> {
    let recipe = |labels: Option<HashMap<String, String>>| labels?.remove("slipway.recipe");
    let wanted = recipe(body.labels.clone());
    for _ in 0..ATTEMPTS {
        let options =
            Some(CreateContainerOptions { name: Some(name.into()), ..CreateContainerOptions::default() });
        match docker.create_container(options, body.clone()).await {
            Ok(_) => return Ok(()),
            Err(DockerError::DockerResponseServerError { status_code: CONFLICT, .. }) => {}
            Err(e) => return Err(e.into()),
        }
        match docker.inspect_container(name, None).await {
            Ok(found) => {
                if recipe(found.config.and_then(|c| c.labels)) == wanted {
                    return Ok(());
                }
                remove(docker, name).await?;
            }
            // Its removal is under way.
            Err(DockerError::DockerResponseServerError { status_code: NOT_FOUND, .. }) => {}
            Err(e) => return Err(e.into()),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(EngineError::new(ErrorCode::DockerFailed, format!("The container {name} could not be created."))
        .hint("Another deployment may be replacing it at this moment: retry in a minute."))
}

/// Removes a container with its anonymous volumes; one that isn't there is no error.
async fn remove(docker: &Docker, name: &str) -> Result<(), EngineError> {
    let options = RemoveContainerOptions { v: true, force: true, ..RemoveContainerOptions::default() };
    match docker.remove_container(name, Some(options)).await {
        Ok(()) | Err(DockerError::DockerResponseServerError { status_code: NOT_FOUND, .. }) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
