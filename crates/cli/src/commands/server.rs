//! `slipway server`.

use slipway_engine::engine::{Engine, HostKey, ServerReport};
use slipway_engine::error::{EngineError, ErrorCode};
use slipway_engine::model::{Server, ServerKind};

use crate::args::{Server as Args, ServerAdd};
use crate::exit::Exit;
use crate::output::{Output, table};
use crate::prompt;

/// Carries it out.
pub(crate) async fn run(engine: &Engine, out: Output, args: Args) -> Result<Exit, EngineError> {
    match args {
        Args::Add(args) => add(engine, out, *args).await,
        Args::List => list(engine, out).await,
        Args::Test { name, fingerprint } => test(engine, out, &name, fingerprint.as_deref()).await,
        Args::Remove { name } => {
            engine.remove_server(&name).await?;
            out.value(&serde_json::json!({ "removed": name }), |_| {
                format!("Forgot {name}. Nothing on it was touched.")
            });
            Ok(Exit::Success)
        }
    }
}

async fn add(engine: &Engine, out: Output, args: ServerAdd) -> Result<Exit, EngineError> {
    let fingerprint = args.fingerprint.clone();
    let server = build(engine, args).await?;
    server.validate()?;
    // Reached first and remembered afterwards: a typing mistake leaves nothing behind.
    let report = reach(engine, out, &server, fingerprint.as_deref()).await?;
    engine.add_server(server).await?;
    out.value(&report, |r| format!("Added {}.\n{}", r.server.name, describe(r)));
    Ok(Exit::Success)
}

async fn build(engine: &Engine, args: ServerAdd) -> Result<Server, EngineError> {
    let kind = match &args.host {
        None => ServerKind::Local,
        Some(host) => {
            let (user, destination, port) = split(host)?;
            let password = match args.password {
                true => {
                    Some(engine.keep_secret(prompt::secret("SSH password", "SLIPWAY_SSH_PASSWORD")?).await?)
                }
                false => None,
            };
            let passphrase = match args.passphrase {
                true => Some(
                    engine
                        .keep_secret(prompt::secret("Passphrase of the key", "SLIPWAY_SSH_PASSPHRASE")?)
                        .await?,
                ),
                false => None,
            };
            ServerKind::Ssh {
                destination,
                user,
                port,
                key_file: args.key.clone(),
                password,
                passphrase,
                config_file: args.ssh_config.clone(),
            }
        }
    };
    let build_proxy_password = match args.build_proxy_password {
        true => {
            let password = prompt::secret("Password of the build proxy", "SLIPWAY_BUILD_PROXY_PASSWORD")?;
            Some(engine.keep_secret(password).await?)
        }
        false => None,
    };
    Ok(Server {
        root: Some(args.root),
        docker_socket: args.docker_socket,
        docker_sudo: args.docker_sudo,
        http_port: args.http_port,
        https_port: args.https_port,
        bind: args.bind,
        public_address: args.public_address,
        acme_directory: args.acme_directory,
        acme_root_file: args.acme_root,
        build_ca_file: args.build_ca_file,
        build_proxy: args.build_proxy,
        build_proxy_password,
        ..Server::new(args.name, kind)
    })
}

/// `[user@]host[:port]`; an address of IPv6 with a port stands in brackets.
fn split(host: &str) -> Result<(Option<String>, String, Option<u16>), EngineError> {
    let (user, rest) = match host.rsplit_once('@') {
        Some((user, rest)) => (Some(user.to_owned()), rest),
        None => (None, host),
    };
    let bad_port = |port: &str| {
        EngineError::bad_input(format!("{port:?} is not a port.")).hint("Give a number from 1 to 65535.")
    };
    let (name, port) = match rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
        Some((address, after)) => (address, after.strip_prefix(':')),
        None if rest.matches(':').count() > 1 => (rest, None),
        None => rest.split_once(':').map_or((rest, None), |(name, port)| (name, Some(port))),
    };
    let port = port.map(|p| p.parse().map_err(|_| bad_port(p))).transpose()?;
    Ok((user, name.to_owned(), port))
}

async fn list(engine: &Engine, out: Output) -> Result<Exit, EngineError> {
    let servers = engine.servers().await?;
    out.value(&servers, |servers| {
        if servers.is_empty() {
            return "No servers yet. Add one with `slipway server add NAME --host USER@HOST`.".into();
        }
        let rows: Vec<Vec<String>> = servers.iter().map(|s| vec![s.name.clone(), where_is(s)]).collect();
        table(&["NAME", "WHERE"], &rows)
    });
    Ok(Exit::Success)
}

fn where_is(server: &Server) -> String {
    match &server.kind {
        ServerKind::Local => "this computer".into(),
        ServerKind::Ssh { destination, user, port, .. } => {
            let user = user.as_ref().map(|u| format!("{u}@")).unwrap_or_default();
            let port = port.map(|p| format!(":{p}")).unwrap_or_default();
            format!("{user}{destination}{port}")
        }
    }
}

async fn test(
    engine: &Engine,
    out: Output,
    name: &str,
    fingerprint: Option<&str>,
) -> Result<Exit, EngineError> {
    let server = engine.server(name).await?;
    let report = reach(engine, out, &server, fingerprint).await?;
    out.value(&report, describe);
    Ok(Exit::Success)
}

/// Connects; an unknown host key is shown and has to be confirmed, a changed one is never accepted here.
async fn reach(
    engine: &Engine,
    out: Output,
    server: &Server,
    fingerprint: Option<&str>,
) -> Result<ServerReport, EngineError> {
    match engine.test_server(server).await {
        Err(e) if e.code == ErrorCode::UnknownHostKey => {
            let Some(key) = engine.host_key(server).await? else { return Err(e) };
            accept(out, &key, fingerprint)?;
            engine.trust_host_key(server, &key).await?;
            engine.test_server(server).await
        }
        other => other,
    }
}

fn accept(out: Output, key: &HostKey, fingerprint: Option<&str>) -> Result<(), EngineError> {
    match fingerprint {
        Some(expected) if expected == key.fingerprint => Ok(()),
        Some(expected) => Err(EngineError::new(
            ErrorCode::ChangedHostKey,
            format!("The server shows {}, not {expected}.", key.fingerprint),
        )
        .hint("Do not connect before you know why. Is it the right machine?")),
        None => {
            out.note(&format!(
                "The server's {} host key is not known yet:\n  {}",
                key.algorithm, key.fingerprint
            ));
            out.note("On the server, `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` shows the same if it is the right one.");
            let instead =
                format!("Compare the fingerprint, then repeat with --fingerprint {}.", key.fingerprint);
            let unknown =
                |message: String| EngineError::new(ErrorCode::UnknownHostKey, message).hint(&instead);
            if !prompt::is_anybody_there() {
                return Err(unknown(format!("The server's host key is not known yet: {}.", key.fingerprint)));
            }
            if prompt::confirm("Trust it? (yes/no)", &instead)? {
                return Ok(());
            }
            Err(unknown("The host key was not accepted.".into()))
        }
    }
}

fn describe(report: &ServerReport) -> String {
    let ServerReport { facts, capacity, .. } = report;
    let rows = vec![
        vec!["Docker".into(), facts.docker.clone()],
        vec!["CPU".into(), format!("{} ({} reserved)", capacity.has.cpus, capacity.others.cpus)],
        vec![
            "Memory".into(),
            format!("{} MB ({} reserved)", capacity.has.memory_mb, capacity.others.memory_mb),
        ],
        vec![
            "Disk".into(),
            format!(
                "{} MB, {} free ({} reserved)",
                capacity.has.disk_mb, facts.docker_disk_mb.free, capacity.others.disk_mb
            ),
        ],
        vec!["Folder".into(), facts.root.clone()],
    ];
    table(&["", ""], &rows).trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn hosts_are_taken_apart() {
        let own = |u: Option<&str>, h: &str, p| (u.map(str::to_owned), h.to_owned(), p);
        assert_eq!(split("root@10.0.0.1:2222").unwrap(), own(Some("root"), "10.0.0.1", Some(2222)));
        assert_eq!(split("paris").unwrap(), own(None, "paris", None));
        assert_eq!(split("o@[2001:db8::1]:22").unwrap(), own(Some("o"), "2001:db8::1", Some(22)));
        assert_eq!(split("2001:db8::1").unwrap(), own(None, "2001:db8::1", None));
        assert!(split("host:ssh").is_err());
    }
}
