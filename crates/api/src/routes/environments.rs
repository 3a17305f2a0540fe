//! `/v1/environments`

use axum::Json;
use axum::extract::{Path, State};
use slipway_engine::engine::{Engine, EnvironmentView};
use slipway_engine::error::EngineError;
use slipway_engine::store::EnvironmentOverview;

use crate::problem::Problem;
use crate::views::Environment;

/// `GET /v1/environments`: all of them, by project and name.
pub(super) async fn list(State(engine): State<Engine>) -> Result<Json<Vec<Environment>>, Problem> {
    let mut overviews = engine.store().environments().await?;
    let views = engine.environments().await?;
    Ok(Json(views.iter().filter_map(|view| described(view, &mut overviews)).collect()))
}

/// `GET /v1/environments/{project}/{name}`
pub(super) async fn one(
    State(engine): State<Engine>,
    Path((project, name)): Path<(String, String)>,
) -> Result<Json<Environment>, Problem> {
    let view = engine.environment(&format!("{project}/{name}")).await?;
    let mut overviews = engine.store().environments().await?;
    let found = described(&view, &mut overviews);
    // Somebody may destroy it between the two.
    Ok(Json(
        found.ok_or_else(|| EngineError::not_found(format!("There is no environment {}.", view.name())))?,
    ))
}

fn described(view: &EnvironmentView, overviews: &mut Vec<EnvironmentOverview>) -> Option<Environment> {
    let place = overviews.iter().position(|o| o.environment.id == view.environment.id)?;
    let EnvironmentOverview { latest, live, .. } = overviews.swap_remove(place);
    Some(Environment::new(view, latest, live))
}
