use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::*;
use crate::git::testing::{FILE, Repo, SUBMODULE};
use crate::git::{Mirror, Repositories, Source, trust_host_key};

fn wanted(name: &str) -> Fetch {
    Fetch { wanted: Some(name.to_owned()), ..Fetch::default() }
}

fn get(mirror: &Mirror, request: &Fetch) -> Result<crate::git::Commit, GitError> {
    mirror.fetch(request, &mut |_| {}, &CancellationToken::new())
}

#[test]
fn branches_tags_commits_and_the_log_between_them() {
    let repo = Repo::new();
    let one = repo.commit("main", "One\n\nbody", &[(b"a", FILE, b"1")]);
    repo.tag("v1", &one);
    let two = repo.commit("main", "Two", &[(b"a", FILE, b"2")]);
    let side = repo.commit("feature/tickets", "Side", &[(b"a", FILE, b"3")]);
    let dir = tempfile::tempdir().unwrap();
    let mirror = Mirror::open(dir.path(), &repo.url()).unwrap();

    let commit = get(&mirror, &wanted("main")).unwrap();
    assert_eq!((commit.sha.as_str(), commit.subject.as_str(), commit.author.as_str()), (&*two, "Two", "Ada"));
    assert_eq!(get(&mirror, &Fetch::default()).unwrap().sha, two, "the default branch");
    assert_eq!(get(&mirror, &wanted("v1")).unwrap().sha, one, "an annotated tag is its commit");
    assert_eq!(get(&mirror, &wanted(&side)).unwrap().sha, side);
    assert_eq!(get(&mirror, &wanted(&side[..9])).unwrap().sha, side);
    let log = mirror.log_between(&one, &two, 10).unwrap();
    assert_eq!(log.iter().map(|c| c.subject.as_str()).collect::<Vec<_>>(), ["Two"]);
    assert_eq!(mirror.has_ancestor(&two, &one).unwrap(), Some(true));
    assert_eq!(mirror.has_ancestor(&one, &two).unwrap(), Some(false));
    assert_eq!(
        mirror.has_ancestor(&two, &"0".repeat(40)).unwrap(),
        None,
        "a commit that is not in the mirror"
    );
    let names = mirror.list(&Fetch::default(), &CancellationToken::new()).unwrap();
    assert!(names.iter().any(|n| n.short() == Some("feature/tickets")));
}

#[test]
fn what_is_missing_is_told_apart() {
    let repo = Repo::new();
    let dir = tempfile::tempdir().unwrap();
    let mirror = Mirror::open(dir.path(), &repo.url()).unwrap();
    assert!(matches!(get(&mirror, &wanted("main")), Err(GitError::Empty { .. })));
    repo.commit("production", "One", &[(b"a", FILE, b"1")]);
    match get(&mirror, &wanted("prodcution")) {
        Err(GitError::RefNotFound { near, .. }) => assert_eq!(near, ["production"]),
        other => panic!("{other:?}"),
    }
    let absent = get(&mirror, &wanted("0123456789012345678901234567890123456789"));
    assert!(matches!(absent, Err(GitError::RefNotFound { .. })), "{absent:?}");
    for bad in ["", "-x", "a..b", "a b", "a:b", "x~1", "+main", "a^{}", "\u{7f}"] {
        assert!(
            matches!(get(&mirror, &wanted(bad)), Err(GitError::BadRef { .. } | GitError::RefNotFound { .. })),
            "{bad}"
        );
    }
    let nowhere = Mirror::open(&dir.path().join("x"), "/nonexistent/repo.git").unwrap();
    let absent = get(&nowhere, &wanted("main"));
    assert!(matches!(absent, Err(GitError::RepositoryNotFound { .. })), "{absent:?}");
}

#[test]
fn a_force_push_moves_the_branch_but_not_what_is_kept() {
    let repo = Repo::new();
    let old = repo.commit("a", "Old", &[(b"a", FILE, b"1")]);
    let dir = tempfile::tempdir().unwrap();
    let mirror = Mirror::open(dir.path(), &repo.url()).unwrap();
    get(&mirror, &wanted("a")).unwrap();
    mirror.keep("dep-1", &old).unwrap();
    // The name is now a folder of names, which a mirror of the same names could not hold.
    repo.delete_branch("a");
    let new = repo.commit("a/b", "New", &[(b"a", FILE, b"2")]);
    assert_eq!(get(&mirror, &wanted("a/b")).unwrap().sha, new);
    assert_eq!(mirror.resolve(&old).unwrap().subject, "Old");
    mirror.let_go("dep-1").unwrap();
    mirror.let_go("dep-1").unwrap();
    assert!(mirror.keep("../x", &old).is_err());
}

#[test]
fn submodules_with_relative_addresses_become_parts() {
    let (leaf, main) = (Repo::new(), Repo::new());
    let sub = leaf.commit("main", "Leaf", &[(b"mod/__manifest__.py", FILE, b"{}")]);
    let relative = format!("../{}", leaf.path().file_name().unwrap().display());
    let modules = format!("[submodule \"x y\"]\n\tpath = vendor/leaf\n\turl = {relative}\n");
    let files: [crate::git::testing::File<'_>; 2] =
        [(b".gitmodules", FILE, modules.as_bytes()), (b"vendor/leaf", SUBMODULE, sub.as_bytes())];
    let head = main.commit("main", "Main", &files);
    let dir = tempfile::tempdir().unwrap();
    let all = Repositories::new(dir.path());
    let cancel = CancellationToken::new();
    let checkout = all.checkout("main", &main.url(), &wanted("main"), true, &mut |_| {}, &cancel).unwrap();
    let source = Source::read(checkout.parts.clone()).unwrap();
    assert!(source.entries().contains_key(b"main/vendor/leaf/mod/__manifest__.py".as_slice()));
    assert_eq!(
        all.parts("main", &main.url(), &head, true).unwrap(),
        checkout.parts,
        "again, without the network"
    );
    let without = all.checkout("main", &main.url(), &wanted("main"), false, &mut |_| {}, &cancel).unwrap();
    assert_eq!(without.parts.len(), 1);

    main.commit("main", "Broken", &[(b"vendor/leaf", SUBMODULE, sub.as_bytes())]);
    let broken = all.checkout("main", &main.url(), &wanted("main"), true, &mut |_| {}, &cancel);
    assert!(matches!(broken, Err(GitError::BadSubmodule { .. })), "{broken:?}");
}

#[test]
fn silence_and_cancelling_end_a_fetch_soon() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}/repo.git", listener.local_addr().unwrap().port());
    let dir = tempfile::tempdir().unwrap();
    let mirror = Mirror::open(dir.path(), &url).unwrap();
    let limits = Limits { connect: Duration::from_millis(300), silence: Duration::from_millis(300) };
    let began = Instant::now();
    let error = get(&mirror, &Fetch { limits, ..wanted("main") });
    assert!(matches!(error, Err(GitError::TimedOut { .. })), "{error:?}");
    let cancel = CancellationToken::new();
    let other = cancel.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        other.cancel();
    });
    assert!(matches!(mirror.fetch(&wanted("main"), &mut |_| {}, &cancel), Err(GitError::Cancelled)));
    assert!(began.elapsed() < Duration::from_secs(5));

    // Whoever asks again and again doesn't get a thread more each time.
    let ask = || mirror.list(&Fetch { limits, ..wanted("main") }, &CancellationToken::new());
    for _ in 0..ASKING {
        assert!(matches!(ask(), Err(GitError::TimedOut { .. })));
    }
    let error = ask().unwrap_err();
    assert!(
        matches!(&error, GitError::Unreachable { detail, .. } if detail.contains("never answered")),
        "{error}"
    );
    // The connections end, and with them the threads.
    drop(listener);
    let asked = Instant::now();
    while matches!(ask(), Err(GitError::Unreachable { detail, .. }) if detail.contains("never answered")) {
        assert!(asked.elapsed() < Duration::from_secs(10), "the threads live on");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn http_answers_are_told_apart() {
    let answers = [
        ("404 Not Found", "RepositoryNotFound"),
        ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=x", "AuthenticationFailed"),
        ("200 OK\r\nContent-Type: text/html", "NotARepository"),
    ];
    for (answer, kind) in answers {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://127.0.0.1:{}/r.git", listener.local_addr().unwrap().port());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = [0; 4096];
                let _ = std::io::Read::read(&mut stream, &mut request);
                let text = format!("HTTP/1.1 {answer}\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope");
                let _ = std::io::Write::write_all(&mut stream, text.as_bytes());
            }
        });
        let dir = tempfile::tempdir().unwrap();
        let token = Credential::Token { user: None, token: "wrong".to_owned().into() };
        let mirror = Mirror::open(dir.path(), &url).unwrap();
        let error = get(&mirror, &Fetch { credential: token, ..wanted("main") }).unwrap_err();
        assert!(format!("{error:?}").starts_with(kind), "{answer}: {error:?}");
        assert!(!format!("{error:?}").contains("wrong"));
    }
    let dir = tempfile::tempdir().unwrap();
    let mirror = Mirror::open(dir.path(), "http://git.example.com/r.git").unwrap();
    let token = Credential::Token { user: None, token: "t".to_owned().into() };
    let refused = get(&mirror, &Fetch { credential: token, ..wanted("main") });
    assert!(matches!(refused, Err(GitError::TokenOverPlainHttp { .. })));
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mirror = Mirror::open(dir.path(), &format!("ssh://git@127.0.0.1:{gone}/r.git")).unwrap();
    let refused = get(
        &mirror,
        &Fetch { credential: Credential::SshKey { file: "/x".into(), passphrase: None }, ..wanted("main") },
    );
    assert!(matches!(refused, Err(GitError::Unreachable { .. })), "{refused:?}");
}

/// A real sshd of its own on a free port.
struct Sshd {
    dir: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl Sshd {
    /// `None` where there is no sshd.
    fn start() -> Option<Self> {
        let program =
            ["/usr/sbin/sshd", "/usr/bin/sshd"].into_iter().find(|p| fs::exists(p).unwrap_or(false))?;
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        for (name, passphrase) in [("host", ""), ("user", ""), ("locked", "open sesame")] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", passphrase, "-f", &at(name)])
                .status();
            assert!(made.unwrap().success());
        }
        let keys = ["user.pub", "locked.pub"].map(|name| fs::read_to_string(at(name)).unwrap()).concat();
        fs::write(at("authorized"), keys).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPidFile none\n",
            at("host"),
            at("authorized")
        );
        fs::write(at("config"), config).unwrap();
        // Its separation folder is missing on machines where sshd never ran as a service.
        let _ = fs::create_dir_all("/run/sshd");
        let child =
            Command::new(program).args(["-D", "-f", &at("config")]).stderr(Stdio::null()).spawn().unwrap();
        let sshd = Self { dir, port, child };
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(sshd);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("sshd does not listen");
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn over_ssh_with_keys_host_keys_and_cut_history() {
    let Some(sshd) = Sshd::start() else {
        println!("no sshd here: not tested");
        return;
    };
    let repo = Repo::new();
    for n in 0..60 {
        repo.commit("main", &format!("Commit {n}"), &[(b"a", FILE, n.to_string().as_bytes())]);
    }
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let address = |path: &Path| format!("ssh://{}@127.0.0.1:{}{}", user.trim(), sshd.port, path.display());
    let (dir, known) = (tempfile::tempdir().unwrap(), sshd.dir.path().join("known_hosts"));
    let mirror = Mirror::open(dir.path(), &address(repo.path())).unwrap();
    let key = |name: &str, passphrase: Option<&str>| Credential::SshKey {
        file: sshd.dir.path().join(name),
        passphrase: passphrase.map(|p| p.to_owned().into()),
    };
    let request =
        |credential| Fetch { credential, host_keys: HostKeys::new([known.clone()]), ..wanted("main") };

    let Err(GitError::HostKeyUnknown { line, .. }) = get(&mirror, &request(key("user", None))) else {
        panic!()
    };
    trust_host_key(&known, &line).unwrap();
    let refused = get(&mirror, &request(key("locked", Some("wrong"))));
    assert!(
        matches!(&refused, Err(GitError::AuthenticationFailed { tried, .. }) if tried.len() == 1),
        "{refused:?}"
    );

    let head = get(&mirror, &request(key("locked", Some("open sesame")))).unwrap();
    assert_eq!(head.subject, "Commit 59");
    assert!(dir.path().join("shallow").exists(), "the first fetch cuts history");
    assert_eq!(mirror.log_between(&"0".repeat(40), &head.sha, 100).unwrap().len(), FIRST_DEPTH as usize);
    let next = repo.commit("main", "Next", &[(b"a", FILE, b"next")]);
    assert_eq!(get(&mirror, &request(key("user", None))).unwrap().sha, next);
    assert_eq!(mirror.log_between(&head.sha, &next, 100).unwrap().len(), 1);

    the_git_program_knows_aliases(&sshd, &repo, &next, user.trim());

    let missing = Mirror::open(&dir.path().join("m"), &address(Path::new("/nonexistent.git"))).unwrap();
    let error = get(&missing, &request(key("user", None)));
    assert!(matches!(error, Err(GitError::RepositoryNotFound { .. })), "{error:?}");

    let other = fs::read_to_string(sshd.dir.path().join("user.pub")).unwrap();
    let other = other.split_ascii_whitespace().take(2).collect::<Vec<_>>().join(" ");
    fs::write(&known, format!("[127.0.0.1]:{} {other}\n", sshd.port)).unwrap();
    assert!(matches!(get(&mirror, &request(key("user", None))), Err(GitError::HostKeyChanged { .. })));
}

/// An alias of ssh_config is a host that libgit2 can't find. The program is given its configuration as ssh takes it when
/// HOME can't be changed (this process's other tests run beside): by an absolute `-F`.
fn the_git_program_knows_aliases(sshd: &Sshd, repo: &Repo, head: &str, user: &str) {
    let config = sshd.dir.path().join("ssh_config");
    let (key, known) = (sshd.dir.path().join("user"), sshd.dir.path().join("known_hosts"));
    let text = format!(
        "Host slipway-alias.invalid\n HostName 127.0.0.1\n Port {}\n User {user}\n IdentityFile {}\n UserKnownHostsFile {}\n",
        sshd.port,
        key.display(),
        known.display()
    );
    fs::write(&config, text).unwrap();
    let url = GitUrl::parse(&format!("slipway-alias.invalid:{}", repo.path().display())).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mirror = Mirror::open(dir.path(), url.as_str()).unwrap();
    let unreachable = get(
        &mirror,
        &Fetch { credential: Credential::SshKey { file: key, passphrase: None }, ..wanted("main") },
    );
    assert!(matches!(&unreachable, Err(GitError::Unreachable { .. })), "{unreachable:?}");
    assert!(program::may_help(&url, &Credential::Auto, &unreachable.unwrap_err()));

    let ssh = format!("ssh -F {} -o BatchMode=yes -o StrictHostKeyChecking=yes", config.display());
    let stop = Arc::default();
    let heads = program::list_by(&ssh, &url, &stop).unwrap();
    assert!(heads.iter().any(|h| h.name == "refs/heads/main" && h.sha == head));
    let refspec = ["+refs/heads/main:refs/slipway/fetched/x".to_owned()];
    program::fetch_by(&ssh, mirror.dir(), &url, &refspec, &stop, &mut |_| {}).unwrap();
    assert_eq!(mirror.resolve(head).unwrap().subject, "Next");
}
