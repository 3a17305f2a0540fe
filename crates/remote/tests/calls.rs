//! Running things on a real sshd: nothing is lost, and nothing is left behind.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "these are tests")]

mod common;

use std::{
    fs,
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use common::{Sshd, eventually, lives, pid_in};
use slipway_remote::{
    Cmd, Endpoint, Host, Line, RemoteErrorKind as Kind, SshSpec, Stdin, connect_ssh, local,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// Writes its process id to `$1`, then does nothing for long.
const SLEEP: &str = "echo $$ >\"$1\"\nsleep 1000 & wait";

fn sleeping(file: &Path) -> Cmd {
    Cmd::script(SLEEP, [file.to_str().unwrap()])
}

/// Every call must behave the same on a server and on this computer.
async fn hosts(sshd: &Sshd) -> [Arc<dyn Host>; 2] {
    [connect_ssh(&sshd.known().await).await.unwrap(), local()]
}

#[tokio::test]
async fn arguments_input_output_and_status_arrive_as_they_are() {
    let sshd = Sshd::start();
    for host in hosts(&sshd).await {
        let nasty = [
            "", "a b", "'", "\"", "\\", "$HOME", "`id`", "*", "~", "a\nb", "é漢", "-n", "!x", ";", "%s", "\r",
        ];
        let output = host.run_ok(Cmd::new("printf").arg("%s|").args(nasty)).await.unwrap();
        assert_eq!(output.stdout, nasty.map(|word| format!("{word}|")).concat());

        let script = "cat\necho \"$1$V\" >&2\nexit 3";
        let output = host.run(Cmd::script(script, ["a'b"]).env("V", "c d").stdin("in\0put")).await.unwrap();
        assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (3, "in\0put", "a'bc d\n"));

        assert_eq!(host.run(Cmd::new("cat")).await.unwrap().stdout, "", "no input is no input");
        let secret = secrecy::SecretString::from("s3cret");
        assert_eq!(host.run_ok(Cmd::new("cat").stdin(secret)).await.unwrap().stdout, "s3cret");
        assert_eq!(host.run(Cmd::new("no-such-program")).await.unwrap().code, 127);
        let missing = host.run_ok(Cmd::new("no-such-program")).await.unwrap_err();
        assert_eq!(missing.kind, Kind::CommandFailed { code: 127 });
        assert_eq!(host.run(Cmd::script("kill -9 $$", [""; 0])).await.unwrap().code, 137);
    }
}

#[tokio::test]
async fn much_input_and_output() {
    let sshd = Sshd::start();
    for host in hosts(&sshd).await {
        let sent: Vec<u8> = (0..3_000_000u32).map(|i| b'a' + (i % 26) as u8).collect();
        let back = host.run_ok(Cmd::new("cat").stdin(sent.clone())).await.unwrap();
        assert!(back.stdout.as_bytes() == sent);
        // One that doesn't read its input, and one that gets a stream.
        assert_eq!(host.run(Cmd::new("true").stdin(sent.clone())).await.unwrap().code, 0);
        let stream = Stdin::Stream(Box::new(std::io::Cursor::new(sent)));
        let counted = host.run_ok(Cmd::new("wc").arg("-c").stdin(stream)).await.unwrap();
        assert_eq!(counted.stdout.trim(), "3000000");
        // More than is kept: the end of it is.
        let long = host.run_ok(Cmd::script("yes | head -c 9000000; echo end", [""; 0])).await.unwrap();
        assert!(long.stdout.len() == 8 * 1024 * 1024 && long.stdout.ends_with("end\n"));
    }
}

#[tokio::test]
async fn lines_come_while_the_command_runs_and_cancelling_ends_it() {
    let sshd = Sshd::start();
    for (i, host) in hosts(&sshd).await.into_iter().enumerate() {
        let file = sshd.path(&format!("pid{i}"));
        let cancel = CancellationToken::new();
        let mut lines = vec![];
        let script = "trap '' TERM\necho one\necho two >&2\necho $$ >\"$1\"\nwhile :; do sleep 1; done";
        let begun = Instant::now();
        let result = host
            .stream(
                Cmd::script(script, [file.to_str().unwrap()]),
                &mut |line| {
                    lines.push(match line {
                        Line::Out(line) => format!("out {line}"),
                        Line::Err(line) => format!("err {line}"),
                    });
                    if lines.len() == 2 {
                        cancel.cancel();
                    }
                },
                &cancel,
            )
            .await;
        assert_eq!(result.unwrap_err().kind, Kind::Cancelled);
        assert!(begun.elapsed() < Duration::from_secs(10));
        lines.sort();
        assert_eq!(lines, ["err two", "out one"]);
        // Even one that ignores being asked to end.
        if let Ok(pid) = fs::read_to_string(&file) {
            eventually("the cancelled command ended", 5, || !lives(&pid)).await;
        }
    }
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_ended_there_too() {
    let sshd = Sshd::start();
    for (i, host) in hosts(&sshd).await.into_iter().enumerate() {
        let file = sshd.path(&format!("pid{i}"));
        let error = host.run(sleeping(&file).limit(Duration::from_secs(1))).await.unwrap_err();
        assert_eq!(error.kind, Kind::TimedOut);
        let pid = pid_in(&file).await;
        eventually("it ended", 5, || !lives(&pid)).await;
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_nothing_behind() {
    let sshd = Sshd::start();
    for (i, host) in hosts(&sshd).await.into_iter().enumerate() {
        let file = sshd.path(&format!("pid{i}"));
        let call = tokio::spawn({
            let (host, cmd) = (Arc::clone(&host), sleeping(&file));
            async move { host.run(cmd).await }
        });
        let pid = pid_in(&file).await;
        assert!(lives(&pid));
        call.abort();
        eventually("it ended", 5, || !lives(&pid)).await;
        host.run_ok(Cmd::new("true")).await.unwrap();
    }
}

#[tokio::test]
async fn a_cut_connection_ends_what_ran_and_the_next_call_works() {
    let sshd = Sshd::start();
    let host = connect_ssh(&sshd.known().await).await.unwrap();
    let file = sshd.path("pid");
    let call = tokio::spawn({
        let (host, cmd) = (Arc::clone(&host), sleeping(&file));
        async move { host.run(cmd).await }
    });
    let pid = pid_in(&file).await;
    assert_eq!(sshd.signal_connections("KILL"), 1);
    assert_eq!(call.await.unwrap().unwrap_err().kind, Kind::ConnectionLost);
    eventually("it ended", 5, || !lives(&pid)).await;
    assert_eq!(host.run_ok(Cmd::new("echo").arg("again")).await.unwrap().stdout, "again\n");
}

/// Not a test of its own: what the next test runs in another process, and kills.
#[tokio::test]
async fn a_program_that_is_going_to_be_killed() {
    let Ok(port) = std::env::var("SLIPWAY_TEST_PORT") else { return };
    let folder = std::path::PathBuf::from(std::env::var("SLIPWAY_TEST_FOLDER").unwrap());
    let spec = SshSpec {
        port: port.parse().ok(),
        key_file: Some(folder.join("key")),
        config_file: Some(folder.join("ssh_config")),
        ..SshSpec::new("127.0.0.1", folder.join("s"))
    };
    let (remote, here) = (connect_ssh(&spec).await.unwrap(), local());
    let (one, two) = (folder.join("pid0"), folder.join("pid1"));
    let _ = tokio::join!(remote.run(sleeping(&one)), here.run(sleeping(&two)));
}

#[tokio::test]
async fn a_program_killed_by_force_leaves_nothing_running() {
    let sshd = Sshd::start();
    sshd.known().await;
    let mut program = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_program_that_is_going_to_be_killed"])
        .env("SLIPWAY_TEST_PORT", sshd.port.to_string())
        .env("SLIPWAY_TEST_FOLDER", sshd.folder.path())
        .spawn()
        .unwrap();
    let pids = [pid_in(&sshd.path("pid0")).await, pid_in(&sshd.path("pid1")).await];
    program.kill().unwrap();
    program.wait().unwrap();
    for pid in pids {
        eventually("what it ran ended", 5, || !lives(&pid)).await;
    }
}

#[tokio::test]
async fn a_killed_master_is_replaced_by_one() {
    let sshd = Sshd::start();
    let host = connect_ssh(&sshd.known().await).await.unwrap();
    let state = sshd.path("s");
    let masters = || {
        let ps =
            Command::new("pgrep").args(["-f", &format!("^ssh .*-M .*{}", state.display())]).output().unwrap();
        String::from_utf8(ps.stdout).unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let before = masters();
    assert_eq!(before.len(), 1);
    Command::new("kill").arg("-9").args(&before).status().unwrap();
    eventually("the master is gone", 5, || !lives(&before[0])).await;
    let calls = (0..30).map(|i| {
        let host = Arc::clone(&host);
        async move { host.run_ok(Cmd::new("echo").arg(i.to_string())).await.unwrap().stdout }
    });
    let said = futures::future::join_all(calls).await;
    assert!(said.iter().enumerate().all(|(i, said)| *said == format!("{i}\n")));
    assert_eq!(masters().len(), 1, "thirty calls at once make one connection");
    host.close().await;
    eventually("closing ends it", 5, || masters().is_empty()).await;
}

#[tokio::test]
async fn dropping_a_host_ends_its_connection_and_takes_its_files_along() {
    let sshd = Sshd::start();
    let host = connect_ssh(&sshd.known().await).await.unwrap();
    host.run_ok(Cmd::new("true")).await.unwrap();
    drop(host);
    let entries = || fs::read_dir(sshd.path("s")).unwrap().flatten().filter(|e| e.path().is_dir()).count();
    eventually("the folder is gone", 5, || entries() == 0).await;
    eventually("the connection is gone", 5, || sshd.signal_connections("0") == 0).await;
}

#[tokio::test]
async fn a_frozen_link_is_noticed_within_thirty_seconds() {
    let sshd = Sshd::start();
    let host = connect_ssh(&sshd.known().await).await.unwrap();
    let file = sshd.path("pid");
    let call = tokio::spawn({
        let (host, cmd) = (Arc::clone(&host), sleeping(&file).limit(Duration::from_secs(120)));
        async move { host.run(cmd).await }
    });
    let pid = pid_in(&file).await;
    assert_eq!(sshd.signal_connections("STOP"), 1);
    let begun = Instant::now();
    assert_eq!(call.await.unwrap().unwrap_err().kind, Kind::ConnectionLost);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    host.run_ok(Cmd::new("true")).await.unwrap();
    sshd.signal_connections("CONT");
    eventually("what ran ends when the server comes back to it", 10, || !lives(&pid)).await;
}

#[tokio::test]
async fn dialling_a_socket() {
    let sshd = Sshd::start();
    let path = sshd.path("echo.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await.unwrap();
            });
        }
    });
    for host in hosts(&sshd).await {
        let calls = (0..20u8).map(|i| {
            let (host, path) = (Arc::clone(&host), path.clone());
            async move {
                let mut stream = host.dial(path.to_str().unwrap()).await.unwrap();
                stream.write_all(&[i; 100_000]).await.unwrap();
                stream.shutdown().await.unwrap();
                let mut back = vec![];
                stream.read_to_end(&mut back).await.unwrap();
                assert!(back == [i; 100_000]);
            }
        });
        futures::future::join_all(calls).await;
    }
    let host = connect_ssh(&sshd.known().await).await.unwrap();
    let mut nowhere = host.dial("/no/such.sock").await.unwrap();
    assert_eq!(nowhere.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert_eq!(host.dial("relative").await.map(drop).unwrap_err().kind, Kind::BadInput);
}

#[tokio::test]
async fn forwarding_a_port_from_the_host_to_here() {
    let sshd = Sshd::start();
    for host in hosts(&sshd).await {
        let here = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let there = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let end = |port| Endpoint::Tcp { host: "127.0.0.1".into(), port };
        let forward =
            host.forward_remote(&end(there), &end(here.local_addr().unwrap().port())).await.unwrap();
        assert!(forward.is_alive().await);
        let mut client = tokio::net::TcpStream::connect(("127.0.0.1", there)).await.unwrap();
        client.write_all(b"hook").await.unwrap();
        let (mut served, _) = here.accept().await.unwrap();
        let mut got = [0; 4];
        served.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"hook");
        drop(forward);
        eventually("it is taken back", 5, || std::net::TcpStream::connect(("127.0.0.1", there)).is_err())
            .await;
    }
}

#[tokio::test]
async fn a_forwarding_that_is_not_allowed() {
    let sshd = Sshd::with("AllowTcpForwarding no");
    let host = connect_ssh(&sshd.known().await).await.unwrap();
    let end = |port| Endpoint::Tcp { host: "127.0.0.1".into(), port };
    let error = host.forward_remote(&end(18_999), &end(1)).await.unwrap_err();
    assert_eq!(error.kind, Kind::ForwardingRefused);
}

#[tokio::test]
async fn a_process_with_pipes() {
    let sshd = Sshd::start();
    for (i, host) in hosts(&sshd).await.into_iter().enumerate() {
        let mut process = host.spawn_io(Cmd::new("tr").args(["a-z", "A-Z"])).await.unwrap();
        let mut stdin = process.stdin.take().unwrap();
        stdin.write_all(b"abc").await.unwrap();
        drop(stdin);
        let output = process.wait().await.unwrap();
        assert_eq!((output.code, output.stdout.as_str()), (0, "ABC"));

        let process =
            host.spawn_io(Cmd::script("cat; echo why >&2; exit 4", [""; 0]).stdin("given")).await.unwrap();
        let output = process.wait().await.unwrap();
        assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (4, "given", "why\n"));

        // Dropping one that brought its input ends it, even if it says nothing and reads nothing.
        let file = sshd.path(&format!("pid{i}"));
        let process = host.spawn_io(sleeping(&file).stdin(Stdin::Null)).await.unwrap();
        let pid = pid_in(&file).await;
        drop(process);
        eventually("it ended", 5, || !lives(&pid)).await;
    }
}

#[tokio::test]
async fn pipes_do_not_keep_commands_waiting() {
    let sshd = Sshd::start();
    let host = connect_ssh(&sshd.known().await).await.unwrap();
    let mut held = vec![];
    for _ in 0..9 {
        held.push(host.spawn_io(Cmd::new("cat")).await.unwrap());
    }
    host.run_ok(Cmd::new("true").limit(Duration::from_secs(5))).await.unwrap();
    let tenth = host.spawn_io(Cmd::new("cat").limit(Duration::from_millis(300))).await;
    assert_eq!(tenth.unwrap_err().kind, Kind::TimedOut);
    held.pop();
    host.spawn_io(Cmd::new("cat").limit(Duration::from_secs(5))).await.unwrap();
}

#[tokio::test]
async fn a_detached_process_outlives_its_connection() {
    let sshd = Sshd::start();
    for (i, host) in hosts(&sshd).await.into_iter().enumerate() {
        let log = sshd.path(&format!("log{i}"));
        let script = "echo \"$1\"\necho oops >&2\nsleep 4\necho done";
        let begun = Instant::now();
        let pid = host.detach(Cmd::script(script, ["a b"]), log.to_str().unwrap()).await.unwrap().to_string();
        assert!(begun.elapsed() < Duration::from_secs(3));
        host.close().await;
        sshd.signal_connections("KILL");
        assert!(lives(&pid));
        eventually("it goes on to its end", 10, || {
            fs::read_to_string(&log).is_ok_and(|s| s.ends_with("done\n"))
        })
        .await;
        assert_eq!(fs::read_to_string(&log).unwrap(), "a b\noops\ndone\n");
        // One that is over at once is no trouble either.
        host.detach(Cmd::new("true"), log.to_str().unwrap()).await.unwrap();
    }
}
