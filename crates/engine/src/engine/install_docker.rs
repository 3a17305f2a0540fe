//! Putting Docker on a server that has none.

use std::time::Duration;

use slipway_remote::{Cmd, Line};
use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::error::{EngineError, ErrorCode};
use crate::model::Server;
use crate::server::ssh_spec;
use crate::store::plain;

const SCRIPT: &str = include_str!("../server/install_docker.sh");
/// Package servers may be slow.
const LIMIT: Duration = Duration::from_secs(900);

impl Engine {
    /// Installs Docker from the packages of the server's own system and lets its user use it. `say` gets what is said
    /// meanwhile, a line each. The caller has asked the user. Installed already, it does no harm.
    ///
    /// # Errors
    /// Those of connecting; `server_unusable` without root's rights or on a system that isn't known; `cancelled`.
    pub async fn install_docker(
        &self,
        server: &Server,
        mut say: impl FnMut(&str) + Send,
        cancel: &CancellationToken,
    ) -> Result<(), EngineError> {
        let Some(spec) = ssh_spec(self, server).await? else {
            return Err(EngineError::bad_input("On this computer, Docker is yours to install.")
                .hint("See https://docs.docker.com/engine/install/ for your system."));
        };
        let host = slipway_remote::connect_ssh(&spec).await?;
        let mut last = String::new();
        let mut hear = |line: Line<'_>| {
            let (Line::Out(text) | Line::Err(text)) = line;
            last = plain(&self.redactor().redact(text));
            say(&last);
        };
        let no_args: [&str; 0] = [];
        let done = host.stream(Cmd::script(SCRIPT, no_args).limit(LIMIT), &mut hear, cancel).await;
        // Closed also when it went well: only a new login has the new rights.
        host.close().await;
        let failed = |hint: &str| {
            EngineError::new(ErrorCode::ServerUnusable, "Docker could not be installed.")
                .hint(hint)
                .detail(&last)
        };
        match done?.code {
            0 => Ok(()),
            20 => Err(failed("Log in as root or as a user with sudo, or install Docker by hand.")),
            21 => Err(failed("Install Docker by hand; see https://docs.docker.com/engine/install/.")),
            _ => Err(failed("Look at what was said, or install Docker by hand.")),
        }
    }
}
