//! Does the bed itself hold?

use std::time::{Duration, Instant};

use slipway_tests::{Access, Options, Sample, Server};

fn said(output: &std::process::Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

#[test]
fn a_server_takes_connections_and_has_docker() {
    let mut server = Server::start();
    assert_eq!(said(&server.ssh("echo $HOME")), server.home().display().to_string());
    assert!(!said(&server.ssh("docker version --format '{{.Server.Version}}'")).is_empty());

    // What happens on it is its own.
    said(&server.ssh("echo '@reboot true' | crontab - && crontab -l"));
    assert_eq!(server.crontab(), "@reboot true\n");

    let project = server.unique("acme");
    let container = format!("{project}-db");
    let label = format!("slipway.env={project}-production");
    said(&server.ssh(&format!(
        "docker run -d --name {container} --label {label} -e POSTGRES_PASSWORD=x postgres:17"
    )));
    let ready =
        || server.docker().run(&["exec", &container, "pg_isready", "-h", "127.0.0.1"]).status.success();
    while !ready() {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(server.docker().sql(&container, "postgres", "select 6 * 7"), "42");

    // A detached process outlives its connection, and is seen.
    said(&server.ssh("setsid nohup sleep 1000 </dev/null >/dev/null 2>&1 &"));
    assert_eq!(server.processes().len(), 1);

    let before = server.fingerprint();
    server.change_host_key();
    assert_ne!(server.fingerprint(), before);
    said(&server.ssh("true"));

    let docker = server.docker().clone();
    drop(server);
    assert_eq!(
        docker.containers(&[&label]),
        Vec::<String>::new(),
        "the server takes what was made on it with it"
    );
}

#[test]
fn connections_can_be_cut_frozen_and_slow() {
    let server = Server::start();
    std::thread::scope(|scope| {
        let asked = Instant::now();
        let long = scope.spawn(|| server.ssh("sleep 60"));
        std::thread::sleep(Duration::from_millis(700));
        server.cut();
        assert!(!long.join().unwrap().status.success(), "a cut connection is an error");
        assert!(asked.elapsed() < Duration::from_secs(20));
    });
    std::thread::scope(|scope| {
        let frozen = scope.spawn(|| server.ssh("sleep 1; echo done"));
        std::thread::sleep(Duration::from_millis(700));
        server.freeze();
        std::thread::sleep(Duration::from_secs(2));
        assert!(!frozen.is_finished(), "nothing comes over a frozen connection");
        server.thaw();
        assert_eq!(said(&frozen.join().unwrap()), "done");
    });
    let link = server.slow_link(Duration::from_millis(200));
    let asked = Instant::now();
    let mut greeting = [0; 4];
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", link.port())).unwrap();
    std::io::Read::read_exact(&mut stream, &mut greeting).unwrap();
    assert_eq!(&greeting, b"SSH-");
    assert!(
        asked.elapsed() >= Duration::from_millis(100),
        "half a round trip at least: {:?}",
        asked.elapsed()
    );
}

#[test]
fn users_by_password_with_and_without_docker() {
    if !is_root() {
        eprintln!("skipped: making an account needs root");
        return;
    }
    let server = Server::with(Options { password: true, forwarding: false, ..Options::default() });
    assert_eq!(said(&server.ssh("id -un")), server.user());
    assert!(!said(&server.ssh("docker version --format '{{.Server.Version}}'")).is_empty());
    let password = server.password().unwrap();
    let target = format!("{}@127.0.0.1", server.user());
    for (password, good) in [(password, true), ("wrong", false)] {
        let status = std::process::Command::new("sshpass")
            .env("SSHPASS", password)
            .args([
                "-e",
                "ssh",
                "-F",
                "none",
                "-o",
                "PubkeyAuthentication=no",
                "-o",
                "NumberOfPasswordPrompts=1",
            ])
            .args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-p"])
            .args([&server.port().to_string(), &target, "true"])
            .output()
            .unwrap()
            .status;
        assert_eq!(status.success(), good);
    }
    drop(server);

    let server = Server::with(Options { password: true, access: Access::Forbidden, ..Options::default() });
    let output = server.ssh("docker version");
    assert!(String::from_utf8_lossy(&output.stderr).contains("permission denied"), "{output:?}");
    drop(server);

    let server = Server::with(Options { access: Access::Missing, ..Options::default() });
    assert!(!server.ssh("docker version").status.success());
}

#[test]
fn a_machine_loses_its_power_and_comes_back() {
    if !is_root() {
        eprintln!("skipped: a Docker daemon of one's own needs root");
        return;
    }
    let mut server = Server::with_own_docker();
    let (port, http) = (server.http_port(), server.http());
    said(&server.ssh(&format!(
        "docker run -d --restart unless-stopped --name web -p {port}:80 caddy:2 \
         caddy respond --listen :80 alive && docker run -d --restart no --name once caddy:2 sleep 1000"
    )));
    let answers = || slipway_tests::http::get(http, "x", "/").is_ok_and(|answer| answer.text() == "alive");
    assert!(within(20, &answers), "a container's port is published");
    // Containers of a network find each other by name.
    said(&server.ssh("docker network create n && docker run -d --network n --name other caddy:2 caddy respond --listen :80 hi"));
    assert!(within(20, &|| server
        .ssh("docker run --rm --network n caddy:2 wget -q -T 5 -O - http://other")
        .stdout
        == b"hi"));

    said(&server.ssh("echo '@reboot touch $HOME/booted' | crontab -"));
    said(&server.ssh("setsid nohup sleep 1000 </dev/null >/dev/null 2>&1 &"));
    server.power_off();
    assert!(!server.ssh("true").status.success());
    assert!(!answers());
    assert_eq!(server.processes(), Vec::<u32>::new(), "nothing survives a power cut");
    server.power_on();
    assert!(within(20, &answers), "what restarts, restarts");
    let states = server.docker().lines(&["ps", "-a", "--format", "{{.Names}} {{.State}}"]);
    assert!(states.contains(&"once exited".to_owned()), "{states:?}");
    assert!(within(10, &|| server.home().join("booted").exists()), "what is to run at boot, runs");
}

#[test]
fn the_sample_can_be_made_on_it() {
    let dir = tempfile::tempdir().unwrap();
    let sample = Sample::create(dir.path().join("acme"));
    assert_eq!(sample.git(&["rev-parse", "main"]), sample.commit_of("cron"));
}

fn within(seconds: u64, answer: &dyn Fn() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        if answer() {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn is_root() -> bool {
    std::process::Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}
