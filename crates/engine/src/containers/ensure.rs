//! Making sure that things exist, whoever made them: each call may be repeated.

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::models::{ContainerCreateBody, NetworkCreateRequest, VolumeCreateRequest};
use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptions, StopContainerOptions};

use crate::error::{EngineError, ErrorCode};

const CONFLICT: u16 = 409;
const NOT_FOUND: u16 = 404;
const UNCHANGED: u16 = 304;
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

/// Creates a container; one of that name that an earlier attempt left is replaced, since its settings may be older. One that runs is
/// never removed: whoever begins here may not know that it serves. Returns its id.
///
/// # Errors
/// [`ErrorCode::Conflict`] when one of that name runs.
pub(crate) async fn create(
    docker: &Docker,
    name: &str,
    body: ContainerCreateBody,
) -> Result<String, EngineError> {
    for _ in 0..ATTEMPTS {
        let options =
            Some(CreateContainerOptions { name: Some(name.into()), ..CreateContainerOptions::default() });
        match docker.create_container(options, body.clone()).await {
            Ok(made) => return Ok(made.id),
            Err(DockerError::DockerResponseServerError { status_code: CONFLICT, .. }) => {}
            Err(e) => return Err(e.into()),
        }
        if remove_stopped(docker, name).await? == Removal::Refused {
            if is_running(docker, name).await? {
                return Err(runs(name));
            }
            // Docker refuses a removal, too, while another one is under way.
            tokio::time::sleep(PAUSE).await;
        }
    }
    Err(not_created(name))
}

fn runs(name: &str) -> EngineError {
    EngineError::new(ErrorCode::Conflict, format!("The container {name} runs, so it is not replaced."))
        .hint("It may be what serves. See what is live with `slipway status --refresh`, and deploy again.")
}

fn not_created(name: &str) -> EngineError {
    EngineError::new(ErrorCode::DockerFailed, format!("The container {name} could not be created."))
        .hint("Another deployment may be replacing it at this moment: retry in a minute.")
}

/// Creates a container that whoever comes first makes for all, unless one is there that was made by the same recipe (its label
/// `slipway.recipe`).
///
/// # Errors
/// [`ErrorCode::Conflict`] when one of another recipe is there: somebody has made it a moment ago.
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
                return Err(runs(name));
            }
            // Its removal is under way.
            Err(DockerError::DockerResponseServerError { status_code: NOT_FOUND, .. }) => {}
            Err(e) => return Err(e.into()),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(not_created(name))
}

#[derive(PartialEq, Eq)]
enum Removal {
    /// It is gone.
    Gone,
    /// It runs, or somebody else is removing it.
    Refused,
}

/// Removes a container that doesn't run. That Docker decides, at the moment of the removal.
async fn remove_stopped(docker: &Docker, name: &str) -> Result<Removal, EngineError> {
    let options = RemoveContainerOptions { v: true, force: false, ..RemoveContainerOptions::default() };
    match docker.remove_container(name, Some(options)).await {
        Ok(()) | Err(DockerError::DockerResponseServerError { status_code: NOT_FOUND, .. }) => {
            Ok(Removal::Gone)
        }
        Err(DockerError::DockerResponseServerError { status_code: CONFLICT, .. }) => Ok(Removal::Refused),
        Err(e) => Err(e.into()),
    }
}

async fn is_running(docker: &Docker, name: &str) -> Result<bool, EngineError> {
    match docker.inspect_container(name, None).await {
        // Also one that is paused, or restarts.
        Ok(found) => Ok(found
            .state
            .is_some_and(|state| [state.running, state.paused, state.restarting].contains(&Some(true)))),
        Err(DockerError::DockerResponseServerError { status_code: NOT_FOUND, .. }) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// Ends a container that serves nobody, if it runs.
pub(crate) async fn end(docker: &Docker, name: &str) -> Result<(), EngineError> {
    let options = StopContainerOptions { t: Some(0), ..StopContainerOptions::default() };
    match docker.stop_container(name, Some(options)).await {
        Ok(()) | Err(DockerError::DockerResponseServerError { status_code: NOT_FOUND | UNCHANGED, .. }) => {
            Ok(())
        }
        Err(e) => Err(e.into()),
    }
}
