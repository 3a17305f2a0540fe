//! `/v1/deployments`, and an environment's own

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use slipway_engine::engine::{DeployRequest, Engine};
use slipway_engine::error::{EngineError, ErrorCode};
use slipway_engine::model::{DeployOptions, Trigger};
use slipway_engine::queue::Cancelled;

use crate::problem::Problem;
use crate::views::{Deployment, DeploymentWithSteps};

/// How many deployments a list holds at most.
const NEWEST: u32 = 50;

/// Characters of an Idempotency-Key at most.
const LONGEST_KEY: usize = 200;

/// What a deployment is asked to be. All of it may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wish {
    /// Branch, tag or commit in place of the environment's branch.
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// Modules to update whatever changed; `all` for every one.
    update: Vec<String>,
    /// Go back to an older commit than what is live.
    back: bool,
}

/// `GET /v1/environments/{project}/{name}/deployments`: the newest 50, newest first.
pub(super) async fn list(
    State(engine): State<Engine>,
    Path((project, name)): Path<(String, String)>,
) -> Result<Json<Vec<Deployment>>, Problem> {
    let view = engine.environment(&format!("{project}/{name}")).await?;
    let found = engine.history(view.environment.id, NEWEST).await?;
    Ok(Json(found.into_iter().map(|summary| Deployment::new(summary, view.name())).collect()))
}

/// `POST /v1/environments/{project}/{name}/deployments`: queues one and answers at once. Asked again with the same
/// `Idempotency-Key`, there is one deployment.
pub(super) async fn create(
    State(engine): State<Engine>,
    Path((project, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let Wish { reference, update, back } = wish(&body)?;
    let idempotency_key = key(&headers)?;
    let view = engine.environment(&format!("{project}/{name}")).await?;
    let options = DeployOptions { update, back, ..DeployOptions::default() };
    let request = DeployRequest {
        trigger: Trigger::Api,
        reference: reference.clone(),
        options: options.clone(),
        idempotency_key,
    };
    let queued = engine.enqueue(&view, request).await?;
    let asked = &queued.settings.options;
    if (&queued.git_ref, &asked.update, asked.back) != (&reference, &options.update, options.back) {
        let message = "This Idempotency-Key was used for another ref, other modules or another direction.";
        return Err(EngineError::new(ErrorCode::Conflict, message)
            .hint("Make up a new one for each deployment.")
            .into());
    }
    let id = queued.id;
    let queued = Deployment::new(engine.store().summary(id).await?, view.name());
    let place = [(LOCATION, format!("/v1/deployments/{id}"))];
    Ok((StatusCode::ACCEPTED, place, Json(queued)).into_response())
}

/// `GET /v1/deployments/{id}`: the id, or the end of it.
pub(super) async fn one(
    State(engine): State<Engine>,
    Path(name): Path<String>,
) -> Result<Json<DeploymentWithSteps>, Problem> {
    let id = engine.deployment(&name).await?.id;
    let summary = engine.store().summary(id).await?;
    let view = engine.environment_by_id(summary.environment_id).await?;
    let steps = engine.store().steps(id).await?.into_iter().map(Into::into).collect();
    Ok(Json(DeploymentWithSteps { deployment: Deployment::new(summary, view.name()), steps }))
}

/// `POST /v1/deployments/{id}/cancel`: asks for its end, and says what that does. Asking twice does no harm.
pub(super) async fn cancel(
    State(engine): State<Engine>,
    Path(name): Path<String>,
) -> Result<Json<Cancelled>, Problem> {
    let id = engine.deployment(&name).await?.id;
    Ok(Json(engine.cancel(id).await?))
}

fn wish(body: &[u8]) -> Result<Wish, EngineError> {
    if body.is_empty() {
        return Ok(Wish::default());
    }
    let wish: Wish = serde_json::from_slice(body).map_err(|error| {
        EngineError::bad_input("The body is not what a deployment is asked for with.")
            .hint(r#"Send none, or JSON such as {"ref": "v1.2", "update": ["sale"]}."#)
            .detail(error)
    })?;
    if wish.reference.as_deref().is_some_and(|text| text.trim().is_empty()) {
        return Err(EngineError::bad_input("The ref is empty.")
            .hint("Leave it out to deploy the environment's branch."));
    }
    Ok(wish)
}

/// The `Idempotency-Key`, made different from the keys of the window's wishes.
fn key(headers: &HeaderMap) -> Result<Option<String>, EngineError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(text) if (1..=LONGEST_KEY).contains(&text.len()) => Ok(Some(format!("api:{text}"))),
        _ => Err(EngineError::bad_input("The Idempotency-Key can't be used.")
            .hint(format!("Give 1 to {LONGEST_KEY} characters of ASCII, made up once for each deployment."))),
    }
}
