//! What programs may ask for. A handler is a few lines over the engine.

mod deployments;
mod environments;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;

use crate::api::Allowed;
use crate::guard;
use crate::problem::Problem;

/// Bytes of a request's body at most.
const LARGEST_BODY: usize = 64 * 1024;

/// All of it, behind its guard.
pub(crate) fn all(engine: Engine, token: Allowed) -> Router {
    Router::new()
        .route("/v1/environments", get(environments::list))
        .route("/v1/environments/{project}/{name}", get(environments::one))
        .route(
            "/v1/environments/{project}/{name}/deployments",
            get(deployments::list).post(deployments::create),
        )
        .route("/v1/deployments/{id}", get(deployments::one))
        .route("/v1/deployments/{id}/cancel", post(deployments::cancel))
        .fallback(nothing_there)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(token, guard::check))
        .with_state(engine)
}

async fn nothing_there() -> Problem {
    EngineError::not_found("There is nothing at this address.")
        .hint("Begin with GET /v1/environments.")
        .into()
}
