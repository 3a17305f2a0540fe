//! The lock that keeps two desktops apart: a lease in a file on the server.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipway_remote::{Cmd, Host};

use super::Layout;
use crate::error::{EngineError, ErrorCode};
use crate::model::DeploymentId;

const SCRIPT: &str = concat!(include_str!("lock.sh"), include_str!("lease.sh"));
/// How long a lease lives without being renewed. Renewed every third of it.
const TTL: Duration = Duration::from_secs(90);
/// `lease.sh`'s word for "somebody else holds it".
const HELD: i32 = 4;

/// Who prepares a deployment of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The deployment it is held for.
    pub deployment: String,
    /// User and computer.
    pub owner: String,
    /// When it was taken or renewed, seconds since the epoch by the server's clock.
    pub taken: i64,
    /// When it ends, by the same clock.
    pub expires: i64,
}

impl Lease {
    /// How often to renew.
    pub const RENEW_EVERY: Duration = Duration::from_secs(30);

    /// Takes the lease for `deployment`, or renews it. With `take_over`, from whoever has it.
    ///
    /// # Errors
    /// `lock_held`, naming the owner.
    pub async fn acquire(
        host: &dyn Host,
        layout: &Layout,
        deployment: DeploymentId,
        owner: &str,
        take_over: bool,
    ) -> Result<(), EngineError> {
        Self::call(host, layout, deployment, owner, "acquire", take_over).await
    }

    /// Renews it.
    ///
    /// # Errors
    /// `lock_held` when another desktop took it over.
    pub async fn renew(
        host: &dyn Host,
        layout: &Layout,
        deployment: DeploymentId,
        owner: &str,
    ) -> Result<(), EngineError> {
        Self::call(host, layout, deployment, owner, "renew", false).await
    }

    /// Gives it back, if it is still ours.
    pub async fn release(
        host: &dyn Host,
        layout: &Layout,
        deployment: DeploymentId,
    ) -> Result<(), EngineError> {
        Self::call(host, layout, deployment, "", "release", false).await
    }

    async fn call(
        host: &dyn Host,
        layout: &Layout,
        deployment: DeploymentId,
        owner: &str,
        mode: &str,
        take_over: bool,
    ) -> Result<(), EngineError> {
        let owner: String =
            owner.chars().filter(|c| c.is_ascii_alphanumeric() || "@._- ".contains(*c)).take(80).collect();
        let args = [
            mode.to_owned(),
            layout.dir(),
            deployment.to_string(),
            owner,
            TTL.as_secs().to_string(),
            if take_over { "take".into() } else { String::new() },
        ];
        let out = host.run(Cmd::script(SCRIPT, args)).await?;
        match out.code {
            0 => Ok(()),
            HELD => Err(held(serde_json::from_str(out.stdout.trim()).ok())),
            code => Err(EngineError::new(
                ErrorCode::ServerUnusable,
                "The environment's lock on the server can't be written",
            )
            .hint("Check free disk space and the rights of Slipway's folder on the server")
            .detail(format!("exit {code}: {}", out.stderr))),
        }
    }
}

fn held(by: Option<Lease>) -> EngineError {
    let owner = by.as_ref().map_or("somebody", |l| l.owner.as_str());
    EngineError::new(ErrorCode::LockHeld, format!("{owner} is deploying this environment right now"))
        .hint("Wait for it with `--wait`, or, if that desktop is gone for good, take over with `--take-over`")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::{Command, Output};

    use super::*;

    /// `lease.sh` with a `flock` as busybox has it, which knows no `-w`.
    fn lease(root: &Path, mode: &str, deployment: &str) -> Output {
        let flock = root.join("flock");
        let text =
            "#!/bin/sh\ncase \" $* \" in *' -w '*) exit 1 ;; esac\nPATH=${PATH#*:} exec flock \"$@\"\n";
        fs::write(&flock, text).unwrap();
        fs::set_permissions(&flock, PermissionsExt::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", root.display(), std::env::var("PATH").unwrap());
        let mut sh = Command::new("sh");
        sh.args(["-c", SCRIPT, "lease.sh", mode]).arg(root.join("env")).args([deployment, "ada", "90"]);
        sh.env("PATH", path).output().unwrap()
    }

    #[test]
    fn the_lock_needs_no_flock_that_waits() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(lease(root.path(), "acquire", "a").status.code(), Some(0));
        assert_eq!(lease(root.path(), "acquire", "b").status.code(), Some(HELD));
        // Somebody else is at it for a moment: that is waited for.
        let file = root.path().join("env/lease.flock");
        let mut other = Command::new("flock").arg(file).args(["sleep", "0.7"]).spawn().unwrap();
        assert_eq!(lease(root.path(), "release", "a").status.code(), Some(0));
        assert_eq!(lease(root.path(), "acquire", "b").status.code(), Some(0));
        other.wait().unwrap();
    }
}
