//! What Slipway asks of OpenSSH, on top of what the user's configuration says.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::{SshSpec, log};
use crate::RemoteError;

/// How often an idle connection is checked, and how many missing answers make it lost: a frozen link is noticed after
/// 5 × 3 s, plus the 5 s before the first check.
const ALIVE_SECONDS: u32 = 5;
const ALIVE_COUNT: u32 = 3;

/// How OpenSSH itself understands the destination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) host: String,
    pub(super) user: String,
    /// What is looked up in known_hosts instead of the host's name, if set.
    pub(super) alias: Option<String>,
    /// The first of the jump hosts.
    pub(super) first_jump: Option<String>,
    /// Whether it is reached through a jump host or another program.
    pub(super) is_proxied: bool,
    known_hosts: Vec<String>,
}

impl Resolved {
    /// `user@host` as OpenSSH names it when it asks for a password (cut at the lengths it cuts them).
    pub(super) fn who(&self) -> String {
        let host = self.alias.as_ref().unwrap_or(&self.host);
        let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
        format!("{}@{}", cut(&self.user, 30), cut(host, 128))
    }
}

/// Checks what will become arguments of ssh. OpenSSH hands some of it to a shell (ProxyCommand), so nothing a shell
/// would interpret is let through.
pub(super) fn check(spec: &SshSpec) -> Result<(), RemoteError> {
    let plain = |text: &str, extra: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && text.chars().all(|c| c.is_alphanumeric() || "._-+@".contains(c) || extra.contains(c))
    };
    if !plain(&spec.destination, ":/[]%") {
        return Err(RemoteError::bad_input(
            format!("“{}” is not the name of a server.", spec.destination.escape_debug()),
            "Give a host name, an address, or a name from your SSH configuration.",
        ));
    }
    if let Some(user) = spec.user.as_deref().filter(|user| !plain(user, "")) {
        return Err(RemoteError::bad_input(
            format!("“{}” is not the name of a user.", user.escape_debug()),
            "Give the user's name on the server, such as root.",
        ));
    }
    if let Some(key) = spec.key_file.as_ref().filter(|key| !key.is_file()) {
        return Err(RemoteError::bad_input(
            format!("There is no private key {}.", key.display()),
            "Choose the file of your private key (the one without .pub).",
        ));
    }
    Ok(())
}

/// Writes the configuration for one connection to `folder`, and finds out what OpenSSH makes of the destination.
///
/// It is a file and not a row of options, because OpenSSH hands the file on to the jump hosts: they get the same
/// strictness, the same known hosts and the same limits.
pub(super) async fn write(folder: &Path, spec: &SshSpec) -> Result<Resolved, RemoteError> {
    let user_config = match &spec.config_file {
        Some(file) if !file.is_file() => {
            return Err(RemoteError::bad_input(
                format!("There is no SSH configuration {}.", file.display()),
                "Choose another file, or none to use ~/.ssh/config.",
            ));
        }
        Some(file) => Some(file.clone()),
        None => std::env::home_dir().map(|home| home.join(".ssh/config")).filter(|file| file.is_file()),
    };
    let mut theirs = String::new();
    for file in user_config.into_iter().chain([PathBuf::from("/etc/ssh/ssh_config")]) {
        theirs.push_str(&format!("Match all\nInclude {}\n", quoted(&file)?));
    }
    let failed = |e: io::Error| RemoteError::io("Preparing the connection", &e);
    let file = folder.join("config");
    fs::write(&file, &theirs).map_err(failed)?;
    let resolved = resolve(&file, spec).await?;

    let mut known = vec![quoted(&spec.known_hosts)?];
    // These come from the configuration, so they may hold its tokens and stay as they are.
    known.extend(
        resolved.known_hosts.iter().filter(|path| !path.contains('"')).map(|path| format!("\"{path}\"")),
    );
    // The first value OpenSSH finds wins, so ours come first.
    let ours = [
        "StrictHostKeyChecking yes".to_owned(),
        format!("UserKnownHostsFile {}", known.join(" ")),
        "UpdateHostKeys no".to_owned(),
        format!("ConnectTimeout {}", spec.connect_limit.as_secs().max(1)),
        format!("ServerAliveInterval {ALIVE_SECONDS}"),
        format!("ServerAliveCountMax {ALIVE_COUNT}"),
        "TCPKeepAlive yes".to_owned(),
        "NumberOfPasswordPrompts 1".to_owned(),
        // Questions go to our askpass; in batch mode none would be asked.
        "BatchMode no".to_owned(),
        // The log is read to tell what went wrong.
        "LogLevel INFO".to_owned(),
        "ForwardAgent no".to_owned(),
        "ForwardX11 no".to_owned(),
        "PermitLocalCommand no".to_owned(),
    ];
    fs::write(&file, format!("{}\n{theirs}", ours.join("\n"))).map_err(failed)?;
    Ok(resolved)
}

/// `ssh` with the configuration in `folder`, the destination's options, and messages in English.
pub(super) fn ssh(config: &Path, spec: &SshSpec) -> Command {
    let mut ssh = Command::new("ssh");
    ssh.env("LC_ALL", "C").arg("-F").arg(config);
    if let Some(user) = &spec.user {
        ssh.arg("-l").arg(user);
    }
    if let Some(port) = spec.port {
        ssh.arg("-p").arg(port.to_string());
    }
    if let Some(key) = &spec.key_file {
        ssh.arg("-i").arg(key).args(["-o", "IdentitiesOnly=yes"]);
    }
    // Forwardings and commands that the user's configuration sets up are not for us.
    for option in ["ClearAllForwardings=yes", "RemoteCommand=none"] {
        ssh.arg("-o").arg(option);
    }
    ssh.kill_on_drop(true);
    ssh
}

async fn resolve(config: &Path, spec: &SshSpec) -> Result<Resolved, RemoteError> {
    let mut command = ssh(config, spec);
    command.arg("-G").arg("--").arg(&spec.destination).stdin(std::process::Stdio::null());
    let output = command.output().await.map_err(|e| no_ssh(&e))?;
    if !output.status.success() {
        return Err(log::explain(&String::from_utf8_lossy(&output.stderr), spec));
    }
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

fn parse(settings: &str) -> Resolved {
    let mut resolved = Resolved::default();
    for line in settings.lines() {
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        let set = || Some(value.to_owned()).filter(|value| value != "none" && !value.is_empty());
        match name {
            "hostname" => resolved.host = value.to_owned(),
            "user" => resolved.user = value.to_owned(),
            "hostkeyalias" => resolved.alias = set(),
            "proxyjump" => {
                resolved.first_jump = set().and_then(|jumps| jumps.split(',').next().map(str::to_owned))
            }
            "userknownhostsfile" => resolved.known_hosts = value.split(' ').map(str::to_owned).collect(),
            _ => {}
        }
    }
    resolved.is_proxied |= resolved.first_jump.is_some();
    resolved
}

/// There is no ssh to run.
pub(super) fn no_ssh(error: &io::Error) -> RemoteError {
    match error.kind() {
        io::ErrorKind::NotFound => RemoteError::new(
            crate::RemoteErrorKind::NoSsh,
            "The program ssh is not installed on this computer.",
            "Install OpenSSH's client (Debian and Ubuntu: apt install openssh-client).",
        ),
        _ => RemoteError::io("Starting ssh", error),
    }
}

fn quoted(path: &Path) -> Result<String, RemoteError> {
    match path.to_str() {
        // OpenSSH's configuration has no way to write these.
        Some(text) if !text.contains(['"', '\n', '\r', '%', '$']) => Ok(format!("\"{text}\"")),
        _ => Err(RemoteError::bad_input(
            format!("OpenSSH cannot use the path {}.", path.display()),
            "Use a path without quotes, $, % and line breaks.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_openssh_says_of_a_destination_is_understood() {
        let resolved = parse(
            "host web\nuser deploy\nhostname 10.0.0.5\nport 22\nhostkeyalias web-1\nproxyjump me@a:2222,b\n\
             userknownhostsfile /h/.ssh/known_hosts /h/.ssh/known_hosts2\n",
        );
        assert_eq!(resolved.who(), "deploy@web-1");
        assert_eq!(resolved.first_jump.as_deref(), Some("me@a:2222"));
        assert_eq!(resolved.known_hosts.len(), 2);
    }

    #[test]
    fn names_that_a_shell_or_ssh_would_interpret_are_refused() {
        let spec = |destination: &str| SshSpec::new(destination, "/tmp");
        for bad in ["", "-oProxyCommand=x", "a b", "a;b", "$(id)", "a\nb", "`id`", "a|b", "a'b"] {
            assert!(check(&spec(bad)).is_err(), "{bad}");
        }
        for good in
            ["web", "root@10.0.0.1", "ssh://root@host:2222", "2001:db8::1", "fe80::1%eth0", "münchen.example"]
        {
            assert!(check(&spec(good)).is_ok(), "{good}");
        }
        assert!(check(&SshSpec { user: Some("a b".into()), ..spec("x") }).is_err());
    }

    #[tokio::test]
    async fn ours_wins_over_the_users_configuration_and_the_rest_of_it_counts() {
        let folder = tempfile::tempdir().unwrap();
        let user = folder.path().join("user config");
        fs::write(
            &user,
            "Host web\n HostName 10.1.2.3\n User odoo\n ProxyJump gate\nHost *\n StrictHostKeyChecking no\n",
        )
        .unwrap();
        let spec = SshSpec { config_file: Some(user), ..SshSpec::new("web", folder.path()) };
        let resolved = write(folder.path(), &spec).await.unwrap();
        assert_eq!((resolved.host.as_str(), resolved.user.as_str()), ("10.1.2.3", "odoo"));
        assert_eq!(resolved.first_jump.as_deref(), Some("gate"));
        let mut ssh = ssh(&folder.path().join("config"), &spec);
        let output = ssh.args(["-G", "web"]).output().await.unwrap();
        let settings = String::from_utf8(output.stdout).unwrap();
        assert!(settings.contains("stricthostkeychecking true\n"), "{settings}");
        assert!(settings.contains("serveraliveinterval 5\n"));
        assert!(settings.contains(&format!("userknownhostsfile {}", spec.known_hosts.display())));
    }
}
