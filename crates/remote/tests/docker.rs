//! A real Docker through a real sshd. Needs a Docker daemon: `DOCKER_HOST` (a Unix socket) or the usual socket.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "these are tests")]

mod common;

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use bollard::{
    Docker,
    exec::{StartExecOptions, StartExecResults},
    models::{ContainerCreateBody, ExecConfig, HostConfig},
    query_parameters::{CreateContainerOptionsBuilder, EventsOptions, RemoveContainerOptionsBuilder},
};
use common::Sshd;
use futures::StreamExt;
use slipway_remote::{Cmd, DockerAccess, RemoteErrorKind as Kind, connect_ssh, docker, local};

/// Docker's socket, or why the test is left out.
fn socket() -> Option<String> {
    let named =
        std::env::var("DOCKER_HOST").ok().and_then(|host| host.strip_prefix("unix://").map(str::to_owned));
    let socket = named.unwrap_or_else(|| "/var/run/docker.sock".to_owned());
    let answers = std::os::unix::net::UnixStream::connect(&socket).is_ok();
    if !answers {
        println!("skipped: no Docker daemon answers at {socket}");
    }
    answers.then_some(socket)
}

fn access(socket: &str) -> DockerAccess {
    DockerAccess { socket: Some(socket.to_owned()), sudo: false }
}

/// How many `docker system dial-stdio` there are for a socket.
fn stdios(socket: &str) -> usize {
    let pattern = format!("^docker -H unix://{socket} system dial-stdio");
    let ps = Command::new("pgrep").args(["-f", &pattern]).output().unwrap();
    String::from_utf8(ps.stdout).unwrap().lines().count()
}

async fn is_usable(docker: &Docker) {
    let asked = (0..20).map(|_| async { docker.version().await.unwrap().api_version.unwrap() });
    assert!(futures::future::join_all(asked).await.iter().all(|version| version.starts_with("1.")));
}

#[tokio::test]
async fn through_a_forwarded_socket_which_outlives_its_connection() {
    let Some(socket) = socket() else { return };
    let sshd = Sshd::start();
    let host = connect_ssh(&sshd.known().await).await.unwrap();
    let docker = docker(Arc::clone(&host), &access(&socket)).await.unwrap();
    is_usable(&docker).await;
    common::cut(&sshd, &*host).await;
    is_usable(&docker).await;
    is_usable(&slipway_remote::docker(local(), &access(&socket)).await.unwrap()).await;
}

#[tokio::test]
async fn the_servers_docker_host_is_found() {
    let Some(socket) = socket() else { return };
    let sshd = Sshd::with(&format!("SetEnv DOCKER_HOST=unix://{socket}"));
    let host = connect_ssh(&sshd.known().await).await.unwrap();
    is_usable(&docker(host, &DockerAccess::default()).await.unwrap()).await;
}

#[tokio::test]
async fn where_forwarding_is_refused_dial_stdio_is_used_at_most_eight_at_once() {
    let Some(socket) = socket() else { return };
    // A name of its own, to count this test's processes and no other's.
    let sshd = Sshd::with("AllowStreamLocalForwarding no\nAllowTcpForwarding no");
    let link = sshd.path("docker.sock");
    std::os::unix::fs::symlink(&socket, &link).unwrap();
    let socket = link.to_str().unwrap();
    let host = connect_ssh(&sshd.known().await).await.unwrap();
    let docker = docker(Arc::clone(&host), &access(socket)).await.unwrap();
    assert_eq!(stdios(socket), 1);
    is_usable(&docker).await;
    // Eight requests that do not end; the ninth waits, and commands go on.
    let mut events: Vec<_> = (0..9).map(|_| docker.events(None::<EventsOptions>)).collect();
    let polled = futures::future::join_all(
        events.iter_mut().map(|s| tokio::time::timeout(Duration::from_secs(3), s.next())),
    );
    let (_, run) = tokio::join!(polled, host.run_ok(Cmd::new("true")));
    run.unwrap();
    let running = stdios(socket);
    assert!((5..=8).contains(&running), "{running}");
    drop(events);
    is_usable(&docker).await;
}

#[tokio::test]
async fn no_docker_and_a_socket_that_is_none() {
    let sshd = Sshd::start();
    let host = connect_ssh(&sshd.known().await).await.unwrap();
    let missing = docker(Arc::clone(&host), &access("/no/such/docker.sock")).await.unwrap_err();
    assert_eq!(missing.kind, Kind::NoDocker);
    assert_eq!(docker(host, &access("relative.sock")).await.unwrap_err().kind, Kind::BadInput);
}

/// Both ways have to carry upgraded connections: that is how `exec` talks.
#[tokio::test]
async fn executing_in_a_container() {
    let Some(socket) = socket() else { return };
    let local = slipway_remote::docker(local(), &access(&socket)).await.unwrap();
    let mut image = None;
    for name in ["caddy:2", "postgres:17", "odoo:19.0"] {
        if local.inspect_image(name).await.is_ok() {
            image = Some(name);
            break;
        }
    }
    let Some(image) = image else {
        println!("skipped: none of the images is there");
        return;
    };
    for options in ["", "AllowStreamLocalForwarding no"] {
        let sshd = Sshd::with(options);
        let host = connect_ssh(&sshd.known().await).await.unwrap();
        let docker = docker(host, &access(&socket)).await.unwrap();
        let name = format!("slipway-remote-test-{}-{}", std::process::id(), sshd.port);
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            entrypoint: Some(vec!["sleep".into(), "60".into()]),
            labels: Some([("slipway.test".to_owned(), "remote".to_owned())].into()),
            host_config: Some(HostConfig {
                network_mode: Some("none".into()),
                init: None,
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let named = CreateContainerOptionsBuilder::default().name(&name).build();
        docker.create_container(Some(named), body).await.unwrap();
        let result = exec(&docker, &name).await;
        let force = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        docker.remove_container(&name, Some(force)).await.unwrap();
        assert_eq!(result.unwrap(), "hello\n");
    }
    assert!(Path::new(&socket).exists());
}

async fn exec(docker: &Docker, name: &str) -> Result<String, bollard::errors::Error> {
    docker.start_container(name, None).await?;
    let config = ExecConfig {
        cmd: Some(vec!["echo".into(), "hello".into()]),
        attach_stdout: Some(true),
        ..ExecConfig::default()
    };
    let exec = docker.create_exec(name, config).await?;
    let mut said = String::new();
    if let StartExecResults::Attached { mut output, .. } =
        docker.start_exec(&exec.id, None::<StartExecOptions>).await?
    {
        while let Some(part) = output.next().await {
            said.push_str(&part?.to_string());
        }
    }
    Ok(said)
}
