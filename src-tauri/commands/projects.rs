//! Projects.

use slipway_engine::engine::References;
use slipway_engine::error::EngineError;
use slipway_engine::model::{Project, ProjectId, Repository};
use tauri::State;

use super::{GivenSecret, names_and_values, with_secrets};
use crate::app::App;
use crate::once::WishId;

/// A new project with one repository, to be filled in and added.
#[tauri::command]
#[specta::specta]
pub(crate) fn draft_project() -> Project {
    Project::new("", "19.0", vec![Repository::new("main", "")])
}

/// The branches and tags that a repository of a project has now. The project may be a draft.
#[tauri::command]
#[specta::specta]
pub(crate) async fn references(
    app: State<'_, App>,
    project: Project,
    repository: String,
    secrets: Vec<GivenSecret>,
) -> Result<References, EngineError> {
    let engine = app.engine()?;
    let saved = engine.store().project(project.id).await.ok();
    let list = engine.references(&project, &repository);
    with_secrets(engine, &project, saved.as_ref(), secrets, list).await
}

/// Adds a project. New values of its secrets come along, under the names that it refers to them by.
#[tauri::command]
#[specta::specta]
pub(crate) async fn add_project(
    app: State<'_, App>,
    id: WishId,
    project: Project,
    secrets: Vec<GivenSecret>,
) -> Result<(), EngineError> {
    app.once
        .run(id, async {
            let engine = app.engine()?;
            project.validate()?;
            engine.keep_secrets_of(&project, names_and_values(secrets)).await?;
            let added = engine.add_project(project.clone()).await;
            if added.is_err() {
                engine.forget_secrets_of(&project, None).await?;
            }
            added
        })
        .await
}

/// Changes a project. Its name stays.
#[tauri::command]
#[specta::specta]
pub(crate) async fn save_project(
    app: State<'_, App>,
    id: WishId,
    project: Project,
    secrets: Vec<GivenSecret>,
) -> Result<(), EngineError> {
    app.once
        .run(id, async {
            let engine = app.engine()?;
            project.validate()?;
            let before = engine.store().project(project.id).await?;
            engine.keep_secrets_of(&project, names_and_values(secrets)).await?;
            engine.save_project(project.clone()).await?;
            engine.forget_secrets_of(&before, Some(&project)).await
        })
        .await
}

/// Forgets a project. It must have no environments any more.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_project(
    app: State<'_, App>,
    id: WishId,
    project: ProjectId,
) -> Result<(), EngineError> {
    app.once
        .run(id, async {
            let engine = app.engine()?;
            let before = engine.store().project(project).await?;
            engine.store().remove_project(project).await?;
            engine.forget_secrets_of(&before, None).await
        })
        .await
}
