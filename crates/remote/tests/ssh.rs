//! Connecting to a real sshd, and all the ways in which that fails.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "these are tests")]

mod common;

use std::{fs, net::TcpListener, time::Duration};

use common::Sshd;
use slipway_remote::{
    Cmd, RemoteError, RemoteErrorKind as Kind, SshSpec, connect_ssh, scan_host_key, trust_host_key,
};

async fn refusal(spec: &SshSpec) -> RemoteError {
    connect_ssh(spec).await.map(|host| host.describe()).unwrap_err()
}

#[tokio::test]
async fn an_unknown_key_is_shown_and_trusted_only_when_told() {
    let sshd = Sshd::start();
    let spec = sshd.spec();
    let error = refusal(&spec).await;
    let Kind::UnknownHostKey { host_key } = &error.kind else { panic!("{error:?}") };
    let keygen =
        std::process::Command::new("ssh-keygen").arg("-lf").arg(sshd.path("host_key.pub")).output().unwrap();
    assert!(String::from_utf8(keygen.stdout).unwrap().contains(&host_key.fingerprint));
    assert_eq!(host_key.algorithm, "ssh-ed25519");
    assert_eq!(host_key.host, format!("[127.0.0.1]:{}", sshd.port));
    assert!(!spec.known_hosts.exists(), "asking must not trust");
    assert!(matches!(refusal(&spec).await.kind, Kind::UnknownHostKey { .. }));

    trust_host_key(&spec, host_key).unwrap();
    let host = connect_ssh(&spec).await.unwrap();
    assert_eq!(host.run_ok(Cmd::new("echo").arg("hi")).await.unwrap().stdout, "hi\n");
    assert!(!host.is_local());
}

#[tokio::test]
async fn a_changed_key_is_refused_until_it_is_trusted() {
    let mut sshd = Sshd::start();
    let spec = sshd.known().await;
    connect_ssh(&spec).await.unwrap().close().await;
    // The user's own file, which stays as it is, knows the old key too.
    let users = sshd.path("users_known_hosts");
    fs::copy(&spec.known_hosts, &users).unwrap();
    fs::write(sshd.path("ssh_config"), format!("UserKnownHostsFile {}\n", users.display())).unwrap();
    let before = fs::read(&users).unwrap();
    sshd.new_host_key();
    sshd.restart();
    let error = refusal(&spec).await;
    let Kind::ChangedHostKey { host_key } = error.kind else { panic!("{error:?}") };
    trust_host_key(&spec, &host_key).unwrap();
    connect_ssh(&spec).await.unwrap();
    assert_eq!(fs::read_to_string(&spec.known_hosts).unwrap().lines().count(), 1);
    assert_eq!(fs::read(&users).unwrap(), before);
}

#[tokio::test]
async fn a_password() {
    const PASSWORD: &str = "p 'w\"$x\\n";
    let Some(sshd) = Sshd::with_password(PASSWORD) else { return };
    // A user's configuration must not keep the password from being asked for.
    fs::write(sshd.path("ssh_config"), "Host *\n BatchMode yes\n PasswordAuthentication no\n").unwrap();
    let spec = SshSpec { key_file: Some(sshd.keygen("stranger", "")), ..sshd.known().await };
    assert_eq!(refusal(&spec).await.kind, Kind::AuthenticationFailed);
    let wrong = SshSpec { password: Some("wrong".into()), ..spec.clone() };
    assert!(refusal(&wrong).await.message.contains("password"));
    let right = SshSpec { password: Some(PASSWORD.into()), ..spec };
    let host = connect_ssh(&right).await.unwrap();
    host.run_ok(Cmd::new("true")).await.unwrap();
    common::cut(&sshd, &*host).await;
}

#[tokio::test]
async fn a_key_with_a_passphrase() {
    let sshd = Sshd::start();
    let key = sshd.keygen("locked", "open 'sesame'");
    sshd.authorize(&key.with_extension("pub"));
    let spec = SshSpec { key_file: Some(key), ..sshd.known().await };
    assert_eq!(refusal(&spec).await.kind, Kind::PassphraseNeeded);
    let wrong = SshSpec { passphrase: Some("wrong".into()), ..spec.clone() };
    assert_eq!(refusal(&wrong).await.kind, Kind::PassphraseNeeded);
    let right = SshSpec { passphrase: Some("open 'sesame'".into()), ..spec };
    let host = connect_ssh(&right).await.unwrap();
    host.run_ok(Cmd::new("true")).await.unwrap();
    let found =
        std::process::Command::new("grep").args(["-r", "sesame"]).arg(&right.state_dir).output().unwrap();
    assert_eq!(String::from_utf8(found.stdout).unwrap(), "", "the passphrase is in a file");
    assert!(!format!("{right:?}").contains("sesame"));
}

#[tokio::test]
async fn a_key_that_the_server_does_not_know() {
    let sshd = Sshd::start();
    let key = sshd.keygen("stranger", "");
    let spec = SshSpec { key_file: Some(key), ..sshd.known().await };
    assert_eq!(refusal(&spec).await.kind, Kind::AuthenticationFailed);
    let missing = SshSpec { key_file: Some(sshd.path("no such key")), ..spec };
    assert_eq!(refusal(&missing).await.kind, Kind::BadInput);
}

#[tokio::test]
async fn a_port_where_nobody_listens() {
    let mut sshd = Sshd::start();
    let spec = sshd.known().await;
    sshd.stop();
    assert_eq!(refusal(&spec).await.kind, Kind::Refused);
    assert_eq!(scan_host_key(&spec).await.unwrap_err().kind, Kind::Refused);
}

#[tokio::test]
async fn a_server_that_never_answers() {
    let sshd = Sshd::start();
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let spec = SshSpec { port: Some(port), connect_limit: Duration::from_secs(2), ..sshd.spec() };
    let begun = std::time::Instant::now();
    assert_eq!(refusal(&spec).await.kind, Kind::TimedOut);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_name_that_does_not_exist() {
    let sshd = Sshd::start();
    let spec = SshSpec { destination: "no-such-host.invalid".into(), ..sshd.spec() };
    assert_eq!(refusal(&spec).await.kind, Kind::DnsFailed);
    let bad = SshSpec { destination: "-oProxyCommand=touch /tmp/x".into(), ..sshd.spec() };
    assert_eq!(refusal(&bad).await.kind, Kind::BadInput);
}

#[tokio::test]
async fn a_broken_configuration() {
    let sshd = Sshd::start();
    fs::write(sshd.path("ssh_config"), "NoSuchOption yes\n").unwrap();
    assert_eq!(refusal(&sshd.spec()).await.kind, Kind::BadInput);
}

#[tokio::test]
async fn through_a_jump_host_whose_key_has_to_be_known_too() {
    let (gate, target) = (Sshd::start(), Sshd::start());
    target.authorize(&gate.path("key.pub"));
    let config = target.path("jump_config");
    let text = format!(
        "Host inner\n HostName 127.0.0.1\n Port {}\n ProxyJump gate\nHost gate\n HostName 127.0.0.1\n Port {}\n\
         Host *\n IdentityFile {}\n IdentitiesOnly yes\n UserKnownHostsFile /dev/null\n",
        target.port,
        gate.port,
        gate.path("key").display()
    );
    fs::write(&config, text).unwrap();
    let spec = SshSpec { config_file: Some(config), ..SshSpec::new("inner", target.path("s")) };
    let mut shown = vec![];
    let host = loop {
        match connect_ssh(&spec).await {
            Ok(host) => break host,
            Err(RemoteError { kind: Kind::UnknownHostKey { host_key }, .. }) if shown.len() < 2 => {
                trust_host_key(&spec, &host_key).unwrap();
                shown.push(host_key.host.clone());
            }
            Err(error) => panic!("{error:?}"),
        }
    };
    assert_eq!(shown, [format!("[127.0.0.1]:{}", gate.port), format!("[127.0.0.1]:{}", target.port)]);
    assert_eq!(host.run_ok(Cmd::new("echo").arg("in")).await.unwrap().stdout, "in\n");
    drop(gate);
}

#[tokio::test]
async fn a_long_state_folder_is_no_obstacle() {
    let sshd = Sshd::start();
    let known = sshd.known().await;
    let spec = SshSpec { state_dir: sshd.path(&"long".repeat(30)), ..known };
    connect_ssh(&spec).await.unwrap().run_ok(Cmd::new("true")).await.unwrap();
}
