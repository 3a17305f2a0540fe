//! Going back to an earlier deployment.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::deployments::who;
use super::{Engine, EnvironmentView};
use crate::error::{EngineError, ErrorCode};
use crate::model::{
    DeployOptions, Deployment, DeploymentId, Restore, Snapshot, SnapshotKind, SnapshotState, Status, Trigger,
};
use crate::plan::Plan;
use crate::planning;
use crate::rollback::{self, Loss};
use crate::server::{Connection, Layout};
use crate::source::Want;
use crate::store::NewDeployment;

/// What a rollback would do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct RollbackPreview {
    /// The deployment to go back to.
    pub to: DeploymentId,
    /// Its commit.
    pub commit: String,
    /// The first line of its message.
    pub subject: Option<String>,
    /// The moment whose data would come back; nothing when only the code goes back.
    pub data_from: Option<Timestamp>,
    /// What was made or changed since then.
    pub losses: Vec<Loss>,
    /// What its deployment would do. When only the code goes back and modules are updated, Odoo removes the fields and records
    /// that only the newer version has.
    pub plan: Plan,
}

impl Engine {
    /// Says what going back to `target` would do; with `data`, what would be lost.
    ///
    /// # Errors
    /// When that deployment can't be gone back to: it never served, or there is no snapshot of its data any more.
    pub async fn preview_rollback(
        &self,
        view: &EnvironmentView,
        target: &Deployment,
        data: bool,
    ) -> Result<RollbackPreview, EngineError> {
        check(view, target)?;
        let mut settings = view.freeze()?;
        let (connection, facts) = Connection::open(self, &settings.server, &view.slug).await?;
        // Whether the snapshot is still there, and whether a desktop elsewhere took the one that is wanted.
        self.learn_by_the_way(view, &connection, &facts).await;
        let (mut losses, mut data_from, mut restore) = (vec![], None, None);
        if data {
            let snapshot = self.snapshot_of_end(view, target).await?;
            let layout = Layout::new(facts.root.clone(), view.slug.clone());
            losses = rollback::losses(&connection, &layout, snapshot.created_at).await?;
            data_from = Some(snapshot.created_at);
            restore = Some(Restore { snapshot_id: snapshot.id });
            settings.environment.modules.clear();
        }
        let want = Want { reference: target.git_ref.clone(), commits: target.commits.clone() };
        let plan = self.plan_of(&settings, &connection, &facts, want, restore.as_ref()).await;
        connection.host.close().await;
        Ok(RollbackPreview {
            to: target.id,
            commit: target.commit.clone().unwrap_or_default(),
            subject: target.subject.clone(),
            data_from,
            losses,
            plan: plan.map_err(|error| planning::of_going_back(error, true, restore.as_ref()))?,
        })
    }

    /// Queues a rollback to `target`. The caller has shown the user what would be lost. Asked twice with the same `key`,
    /// there is one.
    ///
    /// # Errors
    /// As for [`Engine::preview_rollback`].
    pub async fn rollback(
        &self,
        view: &EnvironmentView,
        target: &Deployment,
        data: bool,
        options: DeployOptions,
        key: Option<String>,
    ) -> Result<Deployment, EngineError> {
        check(view, target)?;
        let restore = match data {
            false => None,
            true => Some(Restore { snapshot_id: self.snapshot_of_end(view, target).await?.id }),
        };
        let new = NewDeployment {
            git_ref: target.git_ref.clone(),
            commits: target.commits.clone(),
            rollback_of: Some(target.id),
            restore,
            options,
            idempotency_key: key,
            ..NewDeployment::new(view.environment.id, Trigger::Rollback, who())
        };
        let queued = self.queue().enqueue(new).await?;
        self.store().deployment(queued.id).await
    }

    /// The data as `target` left it: the snapshot taken by the first deployment after it that took its place.
    async fn snapshot_of_end(
        &self,
        view: &EnvironmentView,
        target: &Deployment,
    ) -> Result<Snapshot, EngineError> {
        let mut snapshots = self.store().snapshots(view.environment.id).await?;
        let order = self.store().release_order(view.environment.id).await?;
        snapshots.retain(|s| order.compare(s.deployment_id, target.id) == Ordering::Greater);
        let first = snapshots.into_iter().min_by(|a, b| order.compare(a.deployment_id, b.deployment_id));
        if let Some(snapshot) = &first
            && order.any_between(target.id, snapshot.deployment_id)
        {
            // That one's snapshot isn't known here: this one holds the data of a later release.
            return Err(EngineError::not_found("The snapshot of that deployment's data is not known here.")
                .hint("Go back with the code only, without --data."));
        }
        match first {
            Some(snapshot)
                if snapshot.state == SnapshotState::Ready && snapshot.kind == SnapshotKind::Dump =>
            {
                Ok(snapshot)
            }
            // A later one would bring another release's data to this one's code.
            Some(snapshot) if snapshot.state == SnapshotState::Ready => Err(EngineError::new(
                ErrorCode::NotFound,
                "The snapshot of that deployment's data was never finished.",
            )
            .hint("Go back with the code only, without --data.")),
            Some(_) => {
                Err(EngineError::new(ErrorCode::NotFound, "The snapshot of that deployment's data is gone.")
                    .hint(
                        "It was removed, or could not be made. Go back with the code only, without --data.",
                    ))
            }
            None => Err(EngineError::new(
                ErrorCode::NotFound,
                "That deployment still serves: there is nothing to go back to.",
            )
            .hint("`slipway history` shows the earlier ones.")),
        }
    }
}

fn check(view: &EnvironmentView, target: &Deployment) -> Result<(), EngineError> {
    if target.environment_id != view.environment.id {
        return Err(EngineError::bad_input(format!("That deployment is not one of {}.", view.name())));
    }
    if target.status != Status::Success {
        return Err(EngineError::bad_input(format!(
            "That deployment ended as {}: it never served.",
            target.status
        ))
        .hint("`slipway history` shows which ones succeeded."));
    }
    check_repositories(view, target)?;
    if target.settings.project.series != view.project.series {
        let then = &target.settings.project.series;
        return Err(EngineError::bad_input(format!("The project was one of Odoo {then} then."))
            .hint("Set the project's series back first."));
    }
    Ok(())
}

/// A repository without a commit of then would come with its newest one.
fn check_repositories(view: &EnvironmentView, target: &Deployment) -> Result<(), EngineError> {
    let refused = |what: &str| match target.elsewhere {
        true => EngineError::bad_input(format!(
            "{} deployed that on another computer, and {what}.",
            target.who
        ))
        .hint("Roll back on that computer, or deploy its commit with `slipway deploy ENV --ref COMMIT`."),
        false => EngineError::bad_input(format!("When that was deployed, {what}.")).hint(
            "Give the project the repositories of then, or deploy with `slipway deploy ENV --ref COMMIT`.",
        ),
    };
    if target.commits.is_empty() {
        return Err(refused("nobody recorded which commits it was made of"));
    }
    let theirs: Vec<&String> = target.commits.keys().collect();
    let mut ours: Vec<&String> = view.project.repositories.iter().map(|r| &r.name).collect();
    ours.sort();
    if theirs != ours {
        let names = |list: &[&String]| list.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(", ");
        return Err(refused(&format!(
            "the project had other repositories ({}) than here and now ({})",
            names(&theirs),
            names(&ours)
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::Bed;

    #[tokio::test]
    async fn one_only_goes_back_with_the_repositories_and_the_series_of_then() {
        let bed = Bed::new().await;
        let environment = bed.one().await;
        let id = bed.enqueue(&environment).await;
        let project = bed.store.project_named("acme").await.unwrap();
        let view = EnvironmentView { environment, project, server: None, slug: "acme-production".into() };
        let target = Deployment {
            status: Status::Success,
            elsewhere: true,
            commits: [("main".to_owned(), "a".repeat(40))].into(),
            ..bed.store.deployment(id).await.unwrap()
        };
        check(&view, &target).unwrap();
        let none = Deployment { commits: Default::default(), ..target.clone() };
        assert!(check(&view, &none).unwrap_err().message.contains("nobody recorded which commits"));
        let other = Deployment { commits: [("addons".to_owned(), "a".repeat(40))].into(), ..target.clone() };
        let told = check(&view, &other).unwrap_err().message;
        assert!(told.contains("other repositories (addons) than here and now (main)"), "{told}");
        let here = Deployment { elsewhere: false, ..target };
        check(&view, &here).unwrap();
        let told = check(&view, &Deployment { elsewhere: false, ..other }).unwrap_err().message;
        assert!(told.starts_with("When that was deployed, "), "{told}");
        let mut of_then = here.settings.clone();
        of_then.project.series = "18.0".to_owned();
        let told = check(&view, &Deployment { settings: of_then, ..here }).unwrap_err().message;
        assert!(told.contains("one of Odoo 18.0 then"), "{told}");
    }
}
