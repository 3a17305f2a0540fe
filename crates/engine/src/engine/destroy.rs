//! Taking an environment off its server.

use std::time::Duration;

use slipway_remote::Cmd;

use super::{Engine, EnvironmentView};
use crate::error::{EngineError, ErrorCode};
use crate::server::Connection;

const SCRIPT: &str =
    concat!(include_str!("../server/prune_dependencies.sh"), include_str!("../server/destroy.sh"));
const LIMIT: Duration = Duration::from_secs(900);
const BUSY: i32 = 12;
const LEFT: i32 = 6;

impl Engine {
    /// Removes everything of an environment: containers, network, volumes, images, releases, snapshots; then forgets it here.
    /// With `keep_server` it is only forgotten here. Returns what was removed, a line each. The caller has asked the user.
    ///
    /// # Errors
    /// When the server can't be reached (nothing is forgotten then), or a cut over is under way on it.
    pub async fn destroy_environment(
        &self,
        view: &EnvironmentView,
        keep_server: bool,
    ) -> Result<Vec<String>, EngineError> {
        let mut removed = vec![];
        if let (Some(server), false) = (&view.server, keep_server) {
            let (connection, facts) = Connection::open(self, server, &view.slug).await?;
            if let Some(lease) = &facts.lease
                && let Ok(lease) = serde_json::from_str::<crate::server::Lease>(lease)
                && lease.expires > facts.time
            {
                return Err(EngineError::new(
                    ErrorCode::LockHeld,
                    format!("{} is deploying it right now.", lease.owner),
                ));
            }
            let cmd = Cmd::script(SCRIPT, [facts.root.as_str(), view.slug.as_str()]).limit(LIMIT);
            let out = connection.run(cmd).await?;
            connection.host.close().await;
            if out.code == BUSY {
                return Err(EngineError::new(ErrorCode::LockHeld, "A cut over is under way on this server.")
                    .hint("Try again when it has ended."));
            }
            if out.code == LEFT {
                let message = "Not all of it could be removed from the server.";
                return Err(EngineError::new(ErrorCode::DockerFailed, message)
                    .hint("Look at what Docker said, and destroy it once more.")
                    .detail(out.stderr.trim()));
            }
            let out = out.ok("remove the environment")?;
            removed = out.stdout.lines().filter(|l| *l != "done").map(str::to_owned).collect();
        }
        self.store().remove_environment(view.environment.id).await?;
        Ok(removed)
    }
}
