//! Taking an environment off its server.

use std::time::Duration;

use slipway_remote::Cmd;

use super::{Engine, EnvironmentView};
use crate::error::{EngineError, ErrorCode};
use crate::server::Connection;

const SCRIPT: &str = concat!(
    include_str!("../server/lock.sh"),
    include_str!("../server/prune_dependencies.sh"),
    include_str!("../server/destroy.sh")
);
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::Command;

    use super::SCRIPT;

    /// What is in the crontab after the environment `acme` was destroyed, with a `crontab -l` that ends with this code.
    fn crontab_after(list_ends: u8) -> String {
        let root = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let file = root.path().join(name);
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        };
        put("table", "0 1 * * * backup\n@reboot boot # slipway acme 1\n@reboot boot # slipway acme-two 1\n");
        put("docker", "#!/bin/sh\n:\n");
        let crontab = "#!/bin/sh\ntable=${0%/*}/table\ncase $1 in -l) cat \"$table\"; exit CODE ;; esac\ncat >\"$table.new\"; mv \"$table.new\" \"$table\"\n";
        put("crontab", &crontab.replace("CODE", &list_ends.to_string()));
        fs::create_dir_all(root.path().join("slipway/caddy")).unwrap();
        let path = format!("{}:{}", root.path().display(), std::env::var("PATH").unwrap());
        let mut sh = Command::new("sh");
        let ran = sh
            .args(["-c", SCRIPT, "destroy.sh"])
            .arg(root.path().join("slipway"))
            .arg("acme")
            .env("PATH", path);
        let ran = ran.output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        read(&root.path().join("table"))
    }

    fn read(file: &Path) -> String {
        fs::read_to_string(file).unwrap()
    }

    #[test]
    fn the_users_crontab_loses_our_lines_and_no_others() {
        assert_eq!(crontab_after(0), "0 1 * * * backup\n@reboot boot # slipway acme-two 1\n");
        assert_eq!(crontab_after(1).lines().count(), 3, "one that could not be read is left alone");
    }
}
