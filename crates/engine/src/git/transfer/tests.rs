use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::*;
use crate::git::testing::{EXEC, FILE, File, LINK, Repo, part};

const LONG: &[u8] = b"deep/0123456789012345678901234567890123456789/0123456789012345678901234567890123456789/0123456789012345678901234567890123456789/x.py";

fn source(repo: &Repo, sha: &str) -> Arc<Source> {
    Arc::new(Source::read(vec![part("main", repo, sha)]).unwrap())
}

fn unpack(shell: &str, transfer: &Transfer, new: &Path, old: Option<&Path>) -> Output {
    unpack_at(FileTimes::OfContent, shell, transfer, new, old)
}

fn unpack_at(times: FileTimes, shell: &str, transfer: &Transfer, new: &Path, old: Option<&Path>) -> Output {
    let mut tar = Vec::new();
    let sent = transfer.write(&mut tar, times, &mut |_| {}, &CancellationToken::new()).unwrap();
    assert_eq!(sent.bytes, tar.len() as u64);
    let mut command = Command::new(shell);
    command.args(["-c", UNPACK, "unpack.sh"]).arg(new).arg(transfer.count().to_string()).args(old);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&tar).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// Path, whether executable, and content or target of everything in a folder.
fn listing(dir: &Path) -> Vec<(Vec<u8>, bool, Vec<u8>)> {
    fn visit(root: &Path, dir: &Path, into: &mut Vec<(Vec<u8>, bool, Vec<u8>)>) {
        for item in fs::read_dir(dir).unwrap() {
            let path = item.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
            if meta.is_dir() {
                into.push((name, false, b"folder".to_vec()));
                visit(root, &path, into);
            } else if meta.is_symlink() {
                into.push((name, false, fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec()));
            } else {
                into.push((name, meta.mode() & 0o100 != 0, fs::read(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    visit(dir, dir, &mut found);
    found.sort();
    found
}

#[test]
fn a_release_becomes_the_next_one_and_the_old_stays_as_it_was() {
    let repo = Repo::new();
    let one: &[File<'_>] = &[
        (b"same.py", FILE, b"same"),
        (b"changed.py", FILE, b"before"),
        (b"mode.sh", FILE, b"#!"),
        (b"gone/only.py", FILE, b"x"),
        (b"gone/deeper/too.py", FILE, b"x"),
        (b"folder_to_file/a.py", FILE, b"x"),
        (b"file_to_folder", FILE, b"x"),
        (b"link_to_folder", LINK, b"same.py"),
        (b"link", LINK, b"same.py"),
        (b"-rf *", FILE, b"dash"),
        (b"new\nline \"quoted\" $HOME", FILE, b"odd"),
        (b"latin\xe9", FILE, b"odd"),
    ];
    let two: &[File<'_>] = &[
        (b"same.py", FILE, b"same"),
        (b"changed.py", FILE, b"after"),
        (b"mode.sh", EXEC, b"#!"),
        (b"folder_to_file", FILE, b"file"),
        (b"file_to_folder/inside", FILE, b"x"),
        (b"link_to_folder/same.py", FILE, b"not through the link"),
        (b"link", LINK, b"a target/\xff that is longer than the hundred bytes of the header's field, 0123456789 0123456789 0123456789"),
        (b"new\nline \"quoted\" $HOME", FILE, b"odder"),
        (b"latin\xe9\xff", FILE, b"odd"),
        (b"empty", FILE, b""),
        (LONG, FILE, b"long"),
        (b".dotfile", FILE, b"x"),
    ];
    let (first, second) = (repo.commit("main", "1", one), repo.commit("main", "2", two));
    let (first, second) = (source(&repo, &first), source(&repo, &second));
    let shells: Vec<&str> = ["sh", "dash", "bash"].into_iter().filter(|s| which(s)).collect();
    for shell in shells {
        let dir = tempfile::tempdir().unwrap();
        let (old, new, fresh) =
            (dir.path().join("re leases/one"), dir.path().join("re leases/two"), dir.path().join("fresh"));
        fs::create_dir(dir.path().join("re leases")).unwrap();
        let whole = Transfer::plan(None, Arc::clone(&first)).unwrap();
        let output = unpack(shell, &whole, &old, None);
        assert!(output.status.success(), "{shell}: {output:?}");
        let before = listing(&old);
        assert_eq!(before.iter().filter(|f| f.2 != b"folder").count(), first.entries().len());

        let change = Transfer::plan(Some(&first), Arc::clone(&second)).unwrap();
        assert_eq!((change.files(), change.removed()), (11, 11));
        let output = unpack(shell, &change, &new, Some(&old));
        assert!(output.status.success(), "{shell}: {output:?}");
        let direct = unpack(shell, &Transfer::plan(None, Arc::clone(&second)).unwrap(), &fresh, None);
        assert!(direct.status.success());
        assert_eq!(listing(&new), listing(&fresh), "{shell}: the same as sent whole");
        assert_eq!(listing(&old), before, "{shell}: the old release is untouched");
        let inode = |dir: &PathBuf| fs::metadata(dir.join("main/same.py")).unwrap().ino();
        assert_eq!(inode(&old), inode(&new), "{shell}: what is the same is shared");
        assert!(
            unpack(shell, &change, &new, Some(&old)).status.success(),
            "{shell}: a second run does no harm"
        );
        assert_eq!(listing(&new), listing(&fresh));
        let mut left: Vec<_> =
            fs::read_dir(dir.path().join("re leases")).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["one", "two"], "{shell}: nothing is left behind");
    }
}

/// The times by path of a release's files.
fn times(dir: &Path, paths: &[&str]) -> Vec<i64> {
    paths.iter().map(|path| fs::metadata(dir.join(path)).unwrap().mtime()).collect()
}

#[test]
fn a_files_time_changes_exactly_when_its_content_does() {
    let repo = Repo::new();
    let commit = |a: &[u8], b: &[u8]| {
        let sha =
            repo.commit("main", "x", &[(b"a.js", FILE, a), (b"b.js", FILE, b), (b"c.js", FILE, b"same")]);
        source(&repo, &sha)
    };
    let steps =
        [commit(b"one", b"one"), commit(b"two", b"one"), commit(b"two", b"two"), commit(b"one", b"two")];
    let paths = ["main/a.js", "main/b.js", "main/c.js"];
    for rule in ["of content", "newest"] {
        let dir = tempfile::tempdir().unwrap();
        let at = |step: usize| dir.path().join(step.to_string());
        let mut seen = Vec::new();
        for (step, new) in steps.iter().enumerate() {
            let old = step.checked_sub(1).map(|before| (Arc::clone(&steps[before]), at(before)));
            let transfer = Transfer::plan(old.as_ref().map(|(old, _)| &**old), Arc::clone(new)).unwrap();
            let times =
                if rule == "newest" { FileTimes::Newest(1000 + step as u64) } else { FileTimes::OfContent };
            let output =
                unpack_at(times, "sh", &transfer, &at(step), old.as_ref().map(|(_, dir)| dir.as_path()));
            assert!(output.status.success(), "{output:?}");
            seen.push(self::times(&at(step), &paths));
        }
        let same = |file: usize, one: usize, other: usize| seen[one][file] == seen[other][file];
        assert!((1..4).all(|step| same(2, 0, step)), "{rule}: what stays as it is keeps its time: {seen:?}");
        assert!(!same(0, 0, 1) && same(0, 1, 2) && !same(0, 2, 3), "{rule}: a: {seen:?}");
        assert!(same(1, 0, 1) && !same(1, 1, 2) && same(1, 2, 3), "{rule}: b: {seen:?}");
        // The newest of all tells each release from the ones before, also when a file changes back.
        let newest: BTreeSet<_> = seen.iter().map(|times| times.iter().max()).collect();
        match rule {
            "newest" => assert_eq!(newest.len(), 4, "{seen:?}"),
            _ => assert!(same(0, 0, 3), "equal content has the same time everywhere: {seen:?}"),
        }
    }
}

#[test]
fn an_old_release_that_is_not_what_we_think_is_noticed() {
    let repo = Repo::new();
    let first = repo.commit("main", "1", &[(b"a", FILE, b"1"), (b"b", FILE, b"1")]);
    let second = repo.commit("main", "2", &[(b"a", FILE, b"2"), (b"b", FILE, b"1")]);
    let (first, second) = (source(&repo, &first), source(&repo, &second));
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    let change = Transfer::plan(Some(&first), second).unwrap();
    assert_eq!(unpack("sh", &change, &new, Some(&old)).status.code(), Some(4));
    fs::create_dir_all(old.join("main")).unwrap();
    fs::write(old.join("main/a"), "1").unwrap();
    assert_eq!(unpack("sh", &change, &new, Some(&old)).status.code(), Some(3), "b is missing");
    assert!(!new.exists() && !dir.path().join("new.part").exists() && !dir.path().join("new.in").exists());
}

#[test]
fn lfs_pointers_are_told_and_hostile_trees_refused() {
    let repo = Repo::new();
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n";
    let sha = repo.commit("main", "1", &[(b"static/big.zip", FILE, pointer), (b"x", LINK, pointer)]);
    assert_eq!(Transfer::plan(None, source(&repo, &sha)).unwrap().lfs_pointers(), ["main/static/big.zip"]);

    // libgit2 won't write such trees, but a server may send them.
    let raw = git2::Repository::open_bare(repo.path()).unwrap();
    let blob = raw.blob(b"x").unwrap();
    for name in [b"..".as_slice(), b".", b".git", b".GIT"] {
        let content = [b"100644 ".as_slice(), name, b"\0", blob.as_bytes()].concat();
        let tree = raw.odb().unwrap().write(git2::ObjectType::Tree, &content).unwrap();
        let commit = format!("tree {tree}\nauthor A <a@b> 0 +0000\ncommitter A <a@b> 0 +0000\n\nm\n");
        let id = raw.odb().unwrap().write(git2::ObjectType::Commit, commit.as_bytes()).unwrap();
        let read = Source::read(vec![part("main", &repo, &id.to_string())]);
        assert!(matches!(read, Err(GitError::UnsafePath { .. })), "{}", name.escape_ascii());
    }
    let clash = repo.commit("clash", "1", &[(b"a", FILE, b"x")]);
    let parts = vec![part("main", &repo, &clash), part("main/a", &repo, &clash)];
    assert!(matches!(Source::read(parts), Err(GitError::UnsafePath { .. })), "a file that is a folder");
}

#[test]
fn nothing_changed_sends_next_to_nothing() {
    let repo = Repo::new();
    let sha = repo.commit("main", "1", &[(b"a", FILE, &[7; 100_000])]);
    let source = source(&repo, &sha);
    let mut tar = Vec::new();
    let same = Transfer::plan(Some(&source), Arc::clone(&source)).unwrap();
    same.write(&mut tar, FileTimes::OfContent, &mut |_| {}, &CancellationToken::new()).unwrap();
    assert!(tar.len() < 4096);
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let whole = Transfer::plan(None, source).unwrap();
    assert!(matches!(
        whole.write(&mut tar, FileTimes::OfContent, &mut |_| {}, &cancelled),
        Err(GitError::Cancelled)
    ));
}

#[tokio::test]
async fn the_stream_is_the_tar() {
    let repo = Repo::new();
    let sha = repo.commit("main", "1", &[(b"a", FILE, &[7; 1_000_000])]);
    let transfer = Transfer::plan(None, source(&repo, &sha)).unwrap();
    let (mut stream, ended) = transfer.stream(FileTimes::OfContent, |_| {}, CancellationToken::new());
    let mut tar = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut tar).await.unwrap();
    assert_eq!(ended.await.unwrap().unwrap().bytes, tar.len() as u64);
    let (stream, ended) = Transfer::plan(None, source(&repo, &sha)).unwrap().stream(
        FileTimes::OfContent,
        |_| {},
        CancellationToken::new(),
    );
    drop(stream);
    assert!(ended.await.unwrap().is_err(), "a reader that goes away ends the writer");
}

fn which(program: &str) -> bool {
    Command::new(program).args(["-c", ":"]).status().is_ok_and(|s| s.success())
}
