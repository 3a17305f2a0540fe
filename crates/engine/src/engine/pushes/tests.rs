use std::collections::BTreeMap;

use super::*;
use crate::engine::EngineOptions;
use crate::git::testing::{FILE, Repo};
use crate::model::{DeployOptions, Deployment, Environment, Project, Status, Trigger};
use crate::store::tests::Bed;

/// An environment that deploys new commits of a repository by itself.
struct Watched {
    bed: Bed,
    engine: Engine,
    repo: Repo,
    environment: Environment,
}

impl Watched {
    async fn new() -> Self {
        let (bed, repo) = (Bed::new().await, Repo::new());
        let engine = Engine::open(bed.home.path(), EngineOptions::default()).await.unwrap();
        let project = Project::new("acme", "19.0", vec![Repository::new("main", repo.url())]);
        bed.store.add_project(project.clone()).await.unwrap();
        let environment = bed.environment(&project, &bed.server("web").await, "production").await;
        let watched = Self { bed, engine, repo, environment };
        watched.push("main", "begin");
        watched.set(|e| e.deploy_on_push = true).await;
        watched
    }

    fn push(&self, branch: &str, text: &str) -> String {
        self.repo.commit(branch, text, &[(b"file", FILE, text.as_bytes())])
    }

    async fn set(&self, change: impl FnOnce(&mut Environment)) -> Option<Deployment> {
        let mut environment = self.bed.store.environment(self.environment.id).await.unwrap();
        change(&mut environment);
        self.engine.save_environment(environment).await.unwrap()
    }

    /// What a look queues.
    async fn look(&self) -> Vec<(Trigger, i64)> {
        let mut found = vec![];
        for id in self.engine.look_for_commits().await.unwrap() {
            let deployment = self.bed.store.deployment(id).await.unwrap();
            assert_eq!(
                (deployment.git_ref, deployment.commits),
                (None, BTreeMap::new()),
                "the newest when it begins"
            );
            found.push((deployment.trigger, deployment.number));
        }
        found
    }

    /// Ends what waits, as if it had fetched this commit.
    async fn end(&self, commit: &str, status: Status) {
        let claim = self.bed.claim().await;
        let commits = BTreeMap::from([("main".to_owned(), commit.to_owned())]);
        claim.record_commits(commit, commits, None, None).await.unwrap();
        if status == Status::Success {
            claim.start_deploying().await.unwrap();
        }
        claim.finish(status, None).await.unwrap();
    }

    async fn problem(&self) -> Option<EngineError> {
        self.bed.store.environments().await.unwrap().remove(0).watch_problem
    }
}

const PUSH: Trigger = Trigger::GitPush;

#[tokio::test]
async fn what_is_pushed_is_deployed_once() {
    let watched = Watched::new().await;
    assert_eq!(watched.look().await, [], "what was there before isn't new");
    let one = watched.push("main", "one");
    assert_eq!(watched.look().await, [], "the first deployment is a person's");
    watched.bed.enqueue(&watched.environment).await;
    watched.end(&one, Status::Failed).await;

    watched.push("main", "two");
    watched.push("other", "of another branch");
    assert_eq!(watched.look().await, [(PUSH, 2)]);
    assert_eq!(watched.look().await, [], "seen");
    let three = watched.push("main", "three");
    assert_eq!(watched.look().await, [], "what waits takes the newest when it begins");
    watched.end(&three, Status::Failed).await;
    assert_eq!(watched.look().await, [], "what failed isn't tried again by itself");

    let four = watched.push("main", "four");
    watched.bed.enqueue(&watched.environment).await;
    watched.end(&four, Status::Failed).await;
    assert_eq!(watched.look().await, [], "somebody was faster");
    watched.push("main", "five");
    assert_eq!(watched.look().await, [(PUSH, 4)]);
}

#[tokio::test]
async fn what_is_followed_since_is_not_new() {
    let watched = Watched::new().await;
    watched.look().await;
    watched.bed.enqueue(&watched.environment).await;
    watched.end(&"a".repeat(40), Status::Failed).await;
    watched.push("next", "of the other branch");
    watched.set(|e| e.branch = "next".into()).await;
    assert_eq!(watched.look().await, [], "another branch is a choice, not a push");

    watched.set(|e| e.deploy_on_push = false).await;
    watched.push("next", "while nobody looked");
    assert_eq!(watched.look().await, []);
    watched.set(|e| e.deploy_on_push = true).await;
    assert_eq!(watched.look().await, [], "nor what was pushed before it was turned on");
    watched.push("next", "and now");
    assert_eq!(watched.look().await, [(PUSH, 2)]);
}

#[tokio::test]
async fn what_was_asked_before_the_branch_was_changed_deploys_nothing_of_the_other() {
    let watched = Watched::new().await;
    watched.look().await;
    watched.bed.enqueue(&watched.environment).await;
    watched.end(&"a".repeat(40), Status::Failed).await;
    let id = watched.environment.id;
    let main = Head { reference: "main".into(), commit: watched.push("main", "pushed") };
    watched.push("next", "not to be deployed");
    watched.set(|e| e.branch = "next".into()).await;
    let heads = Heads::from([("main".to_owned(), main)]);
    assert_eq!(watched.bed.store.note_heads(id, heads, "me".into()).await.unwrap(), None);
    assert_eq!(watched.look().await, [], "another branch is a choice, not a push");

    // What waits is of the branch of before, and brings nothing of the new one.
    watched.set(|e| e.branch = "main".into()).await;
    watched.bed.enqueue(&watched.environment).await;
    watched.set(|e| e.branch = "next".into()).await;
    watched.look().await;
    watched.push("next", "to be deployed");
    assert_eq!(watched.look().await, [(PUSH, 3)]);
}

#[tokio::test]
async fn why_nothing_can_be_seen_is_said_until_it_can() {
    let watched = Watched::new().await;
    watched.look().await;
    watched.bed.enqueue(&watched.environment).await;
    watched.end(&"a".repeat(40), Status::Failed).await;
    watched.set(|e| e.branch = "gone".into()).await;
    assert_eq!(watched.look().await, []);
    assert_eq!(watched.problem().await.unwrap().code, ErrorCode::GitRefNotFound);

    watched.set(|e| e.branch = "main".into()).await;
    let away = watched.repo.path().with_extension("away");
    std::fs::rename(watched.repo.path(), &away).unwrap();
    assert_eq!(watched.look().await, []);
    assert_ne!(watched.problem().await.unwrap().code, ErrorCode::GitRefNotFound);
    std::fs::rename(&away, watched.repo.path()).unwrap();
    assert_eq!(watched.look().await, [], "nothing was pushed meanwhile");
    assert_eq!(watched.problem().await, None);

    std::fs::rename(watched.repo.path(), &away).unwrap();
    watched.look().await;
    std::fs::rename(&away, watched.repo.path()).unwrap();
    watched.push("main", "meanwhile");
    assert_eq!(watched.look().await, [(PUSH, 2)], "what came while it was away isn't lost");
}

#[tokio::test]
async fn changed_settings_are_deployed_by_themselves_where_that_is_wanted() {
    let watched = Watched::new().await;
    assert!(watched.set(|e| e.auto_deploy = true).await.is_none());
    assert!(watched.set(|e| e.memory_mb = 1024).await.is_none(), "nothing is live yet");
    watched.bed.enqueue(&watched.environment).await;
    watched.end(&"a".repeat(40), Status::Success).await;

    assert!(watched.set(|e| e.retention.keep_releases = 9).await.is_none(), "nothing of what is live");
    let deployed = watched.set(|e| e.memory_mb = 2000).await.unwrap();
    let live = DeployOptions { live_commits: true, wait: true, ..DeployOptions::default() };
    assert_eq!((deployed.trigger, &deployed.settings.options), (Trigger::AutoDeploy, &live));
    assert_eq!(deployed.settings.environment.memory_mb, 2000);
    watched.end(&"a".repeat(40), Status::Failed).await;
    let again = watched.engine.retry(deployed.id, None).await.unwrap();
    assert!(again.settings.options.live_commits && again.commits.is_empty(), "others may be live by now");
    let deployed = watched.set(|e| e.branch = "next".into()).await.unwrap();
    assert!(!deployed.settings.options.live_commits, "another branch is other code");
    watched.set(|e| e.auto_deploy = false).await;
    assert!(watched.set(|e| e.memory_mb = 3000).await.is_none());
}

#[test]
fn a_branch_goes_before_a_tag() {
    let at = |name: &str, sha: &str| RemoteRef { name: name.to_owned(), sha: sha.to_owned() };
    let refs = [
        at("HEAD", "1"),
        at("refs/heads/main", "1"),
        at("refs/tags/main", "2"),
        at("refs/tags/v1", "3"),
        at("refs/tags/v1^{}", "4"),
    ];
    let commit = |reference: &str| commit_of(&refs, reference);
    assert_eq!(commit("HEAD").as_deref(), Some("1"));
    assert_eq!(commit("main").as_deref(), Some("1"));
    assert_eq!(commit("v1").as_deref(), Some("4"), "the commit, not the tag");
    assert_eq!(commit("v2"), None);
    assert_eq!(commit(&"a".repeat(40)), Some("a".repeat(40)));
}
