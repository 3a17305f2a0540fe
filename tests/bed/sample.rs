//! The sample project of `examples/`, as a Git repository with a history.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::must;

/// The steps of `examples/steps` that make `main`, in order.
const MAIN: [&str; 5] = ["01-code-only", "02-view-change", "03-new-field", "04-new-dependency", "07-cron"];
/// Those that fail: each is a branch of its own that grows from the tip of `main`.
const FAILING: [&str; 3] = ["05-migration-fails", "06-load-fails", "08-health-fails"];
/// Those that make `front-end`, a branch that grows from `initial`: each changes one static file and nothing else.
const FRONT_END: [&str; 4] = ["09-script", "10-style", "11-template", "12-image"];

/// A Git repository made from the sample project.
///
/// `main` has the commits `initial`, `code-only`, `view-change`, `new-field`, `new-dependency` and `cron`. The branches
/// `migration-fails`, `load-fails` and `health-fails` add one commit each. Each of these commits says a release of its own
/// in `acme_base/release.py`, which `/acme/version` answers. The branch `front-end` has `script`, `style`, `template` and
/// `image` after `initial`; there only what is served from `static` tells them apart.
#[derive(Debug)]
pub struct Sample {
    dir: PathBuf,
    commits: BTreeMap<String, String>,
}

impl Sample {
    /// Makes the repository in this folder, which must not exist or be empty. `main` is checked out, at its tip.
    pub fn create(dir: impl Into<PathBuf>) -> Self {
        let mut sample = Self { dir: dir.into(), commits: BTreeMap::new() };
        fs::create_dir_all(&sample.dir).unwrap();
        sample.git(&["init", "--quiet", "--initial-branch=main"]);
        let examples = crate::root().join("examples");
        copy(&examples.join("acme"), &sample.dir);
        sample.commit("initial", "Tickets and service levels");
        for step in MAIN {
            sample.step(&examples, step);
        }
        for step in FAILING {
            sample.git(&["checkout", "--quiet", "-b", name_of(step), "main"]);
            sample.step(&examples, step);
        }
        sample.git(&["checkout", "--quiet", "-b", "front-end", sample.commit_of("initial")]);
        for step in FRONT_END {
            sample.step(&examples, step);
        }
        sample.git(&["checkout", "--quiet", "main"]);
        sample
    }

    /// The repository that is in this folder, with the commits that it has by name.
    pub(crate) fn known(dir: PathBuf, commits: BTreeMap<String, String>) -> Self {
        Self { dir, commits }
    }

    /// Its commits by name.
    pub(crate) fn commits(&self) -> &BTreeMap<String, String> {
        &self.commits
    }

    /// Where it is; also the URL to clone it from.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The full hash of a commit by its name (such as `code-only`).
    pub fn commit_of(&self, name: &str) -> &str {
        self.commits
            .get(name)
            .unwrap_or_else(|| panic!("the sample has no commit {name}: {:?}", self.commits.keys()))
    }

    /// Points a branch at a commit by name, as if only so much of the history had been pushed. Makes the branch if need be.
    pub fn set_branch(&self, branch: &str, commit: &str) {
        let commit = self.commit_of(commit);
        if self.git(&["branch", "--show-current"]) == branch {
            self.git(&["reset", "--quiet", "--hard", commit]);
        } else {
            self.git(&["branch", "--force", branch, commit]);
        }
    }

    /// Checks a branch out, so that what follows is committed there.
    pub fn checkout(&self, branch: &str) {
        self.git(&["checkout", "--quiet", branch]);
    }

    /// Commits a new release (what `/acme/version` answers) on the branch that is checked out: a change of code only. The
    /// commit is known by the release's name from then on.
    pub fn release(&mut self, release: &str) -> String {
        let file = self.dir.join("acme_base/release.py");
        let text = fs::read_to_string(&file).unwrap();
        let (before, _) = text.split_once("RELEASE = ").expect("release.py has a RELEASE");
        fs::write(&file, format!("{before}RELEASE = \"{release}\"\n")).unwrap();
        self.commit(release, &format!("Release {release}"))
    }

    /// Writes a file and commits it on the branch that is checked out. The commit is known by `name` from then on.
    pub fn change(&mut self, name: &str, path: &str, contents: impl AsRef<[u8]>) -> String {
        let file = self.dir.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, contents).unwrap();
        self.commit(name, &format!("Change {path}"))
    }

    /// Runs `git ARGS` in the repository and gives what it printed.
    pub fn git(&self, args: &[&str]) -> String {
        let mut git = Command::new("git");
        git.arg("-C").arg(&self.dir).args(args);
        // Nobody's own settings, and always the same times: the same history has the same hashes everywhere.
        git.envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")]);
        for who in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{who}_NAME"), "Ada Acme").env(format!("GIT_{who}_EMAIL"), "ada@example.com");
            git.env(format!("GIT_{who}_DATE"), format!("2026-01-05T09:{:02}:00Z", self.commits.len() % 60));
        }
        // Set by a git that runs us, such as in a hook: they would turn every command to its repository.
        for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            git.env_remove(variable);
        }
        must(&mut git)
    }

    fn step(&mut self, examples: &Path, step: &str) {
        copy(&examples.join("steps").join(step), &self.dir);
        let name = name_of(step);
        self.commit(name, &name.replace('-', " "));
    }

    fn commit(&mut self, name: &str, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "-m", message]);
        let hash = self.git(&["rev-parse", "HEAD"]);
        self.commits.insert(name.to_owned(), hash.clone());
        hash
    }
}

/// `01-code-only` → `code-only`.
fn name_of(step: &str) -> &str {
    step.split_once('-').expect("a step is NN-name").1
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_history_is_a_tree() {
        let dir = tempfile::tempdir().unwrap();
        let mut sample = Sample::create(dir.path().join("acme"));
        let main = sample.git(&["log", "--format=%s", "--reverse", "main"]);
        assert_eq!(main.lines().count(), 6, "{main}");
        for branch in ["migration-fails", "load-fails", "health-fails"] {
            assert_eq!(sample.git(&["rev-parse", branch]), sample.commit_of(branch));
            assert_eq!(sample.git(&["rev-parse", &format!("{branch}^")]), sample.commit_of("cron"));
        }
        assert_eq!(
            sample.git(&["diff", "--name-only", "main^^^^^", "main^^^^"]).lines().count(),
            2,
            "code only"
        );
        for commit in ["script", "style", "template", "image"] {
            let commit = sample.commit_of(commit);
            let changed = sample.git(&["diff", "--name-only", &format!("{commit}^"), commit]);
            assert!(changed.starts_with("acme_base/static/") && changed.lines().count() == 1, "{changed}");
        }
        assert_eq!(sample.git(&["rev-parse", "front-end~4"]), sample.commit_of("initial"));
        let size =
            |commit| sample.git(&["cat-file", "-s", &format!("{commit}:acme_base/static/img/sign.svg")]);
        assert_eq!(size("front-end^"), size("front-end"), "another image of the same size");
        let hash = sample.release("9.9");
        assert_eq!(sample.commit_of("9.9"), hash);
        assert!(sample.git(&["show", "main:acme_base/release.py"]).contains("RELEASE = \"9.9\""));
        sample.set_branch("main", "initial");
        assert!(sample.git(&["show", "main:acme_base/release.py"]).contains("RELEASE = \"1.0\""));
        assert_eq!(sample.git(&["status", "--porcelain"]), "");
    }

    #[test]
    fn it_is_the_same_everywhere() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (Sample::create(dir.path().join("a")), Sample::create(dir.path().join("b")));
        assert_eq!(one.commits, two.commits);
    }
}
