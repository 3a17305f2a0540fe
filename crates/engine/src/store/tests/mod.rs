use super::*;
use crate::{
    error::ErrorCode,
    model::*,
    queue::{Queue, Want},
    redact::Redactor,
};
use std::{collections::BTreeMap, time::Duration};
use strum::VariantArray;

mod elsewhere;
mod lists;
mod log;
mod releases;

/// A store in a home that goes with it.
pub(crate) struct Bed {
    pub(crate) home: tempfile::TempDir,
    pub(crate) store: Store,
}

impl Bed {
    pub(crate) async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).await.unwrap();
        Self { home, store }
    }

    pub(crate) async fn server(&self, name: &str) -> Server {
        let server = Server::new(name, ServerKind::Local);
        self.store.add_server(server.clone()).await.unwrap();
        server
    }

    pub(crate) async fn project(&self, name: &str) -> Project {
        let project =
            Project::new(name, "19.0", vec![Repository::new("main", "https://git.example.com/a.git")]);
        self.store.add_project(project.clone()).await.unwrap();
        project
    }

    pub(crate) async fn environment(&self, project: &Project, server: &Server, name: &str) -> Environment {
        let environment =
            Environment { server_id: Some(server.id), ..Environment::new(project.id, name, "main") };
        self.store.add_environment(environment.clone()).await.unwrap();
        environment
    }

    /// One environment on one server.
    pub(crate) async fn one(&self) -> Environment {
        let (server, project) = (self.server("web").await, self.project("acme").await);
        self.environment(&project, &server, "production").await
    }

    pub(crate) async fn enqueue(&self, environment: &Environment) -> DeploymentId {
        let new = NewDeployment::new(environment.id, Trigger::Manual, "me");
        Queue::new(self.store.clone()).enqueue(new).await.unwrap().id
    }

    pub(crate) async fn claim(&self) -> crate::queue::Claim {
        Queue::new(self.store.clone()).claim(Want::Any, &Redactor::new()).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn what_is_written_is_what_is_read_also_after_closing() {
    let bed = Bed::new().await;
    let kind = ServerKind::Ssh {
        destination: "erp.example.com".into(),
        user: Some("deploy".into()),
        port: Some(2222),
        key_file: Some("/home/me/.ssh/id".into()),
        password: None,
        passphrase: Some(SecretRef::new()),
        config_file: None,
    };
    let server = Server {
        root: Some("/srv".into()),
        docker_sudo: true,
        acme_directory: Some("https://ca.example.com/acme/directory".into()),
        acme_root_file: Some("~/ca.pem".into()),
        build_proxy: Some("http://builds@proxy.example:3128".into()),
        build_proxy_password: Some(SecretRef::new()),
        ..Server::new("web", kind)
    };
    bed.store.add_server(server.clone()).await.unwrap();
    let repository = Repository {
        paths: vec!["addons".into()],
        credential: GitCredential::Token { user: None, token: SecretRef::new() },
        ..Repository::new("main", "https://git.example.com/a.git")
    };
    let project = Project::new("acme", "19.0", vec![repository]);
    bed.store.add_project(project.clone()).await.unwrap();
    let environment = Environment {
        server_id: Some(server.id),
        domain: Some("erp.example.com".into()),
        tls: Tls::Acme { email: Some("it@example.com".into()) },
        cpus: 1.5,
        modules: vec!["acme_base".into()],
        options: BTreeMap::from([("limit_request".into(), "8192".into())]),
        secret_options: BTreeMap::from([("smtp_password".into(), SecretRef::new())]),
        secret_variables: BTreeMap::from([("TOKEN".into(), SecretRef::new())]),
        health_limit_s: 300,
        update_limit_s: 7200,
        kind: EnvironmentKind::Staging,
        ..Environment::new(project.id, "staging", "main")
    };
    bed.store.add_environment(environment.clone()).await.unwrap();

    let again = Store::open(bed.home.path()).await.unwrap();
    assert_eq!(again.server(server.id).await.unwrap(), server);
    assert_eq!(again.servers().await.unwrap(), std::slice::from_ref(&server));
    assert_eq!(again.project(project.id).await.unwrap(), project);
    assert_eq!(again.environment_named("acme/staging").await.unwrap(), environment);

    let id = bed.enqueue(&environment).await;
    let deployment = again.deployment(id).await.unwrap();
    assert_eq!(
        deployment.settings,
        Settings { environment, project, server, options: DeployOptions::default() }
    );
    assert_eq!((deployment.number, deployment.status), (1, Status::Queued));
    assert_eq!(again.steps(id).await.unwrap().len(), 15);
}

#[tokio::test]
async fn names_are_unique_and_the_error_says_which() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let code = |error: EngineError| error.code;
    let server = Server::new("web", ServerKind::Local);
    assert_eq!(bed.store.add_server(server).await.map_err(code), Err(ErrorCode::Conflict));
    let twin = Environment { id: EnvironmentId::new(), ..environment.clone() };
    assert_eq!(bed.store.add_environment(twin).await.map_err(code), Err(ErrorCode::Conflict));

    // acme + x-y and acme-x + y are one name on a server.
    let (acme, acme_x) = (bed.store.project_named("acme").await.unwrap(), bed.project("acme-x").await);
    bed.store.add_environment(Environment::new(acme.id, "x-y", "main")).await.unwrap();
    let same_slug = bed.store.add_environment(Environment::new(acme_x.id, "y", "main")).await;
    assert_eq!(same_slug.map_err(code), Err(ErrorCode::Conflict));

    let domain =
        |environment: &Environment| Environment { domain: Some("a.example".into()), ..environment.clone() };
    bed.store.update_environment(domain(&environment)).await.unwrap();
    let server = bed.store.server_named("web").await.unwrap();
    let other = bed.environment(&acme, &server, "other").await;
    let error = bed.store.update_environment(domain(&other)).await.unwrap_err();
    assert!(error.message.contains("a.example"), "{error}");
}

#[tokio::test]
async fn what_is_in_use_is_not_removed() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let code = |error: EngineError| error.code;
    let (server, project) = (environment.server_id.unwrap(), environment.project_id);
    assert_eq!(bed.store.remove_server(server).await.map_err(code), Err(ErrorCode::Conflict));
    assert_eq!(bed.store.remove_project(project).await.map_err(code), Err(ErrorCode::Conflict));
    let id = bed.enqueue(&environment).await;
    assert_eq!(bed.store.remove_environment(environment.id).await.map_err(code), Err(ErrorCode::Conflict));
    Queue::new(bed.store.clone()).cancel(id, "me").await.unwrap();
    bed.store.remove_environment(environment.id).await.unwrap();
    assert_eq!(bed.store.deployment(id).await.map_err(code).map(drop), Err(ErrorCode::NotFound));
    bed.store.remove_server(server).await.unwrap();
    bed.store.remove_project(project).await.unwrap();
    let left: i64 = bed
        .store
        .read(|c| {
            Ok(c.query_row("SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM step)", [], |r| {
                r.get(0)
            })?)
        })
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn an_environment_with_data_stays_on_its_server_under_its_name() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let renamed = Environment { name: "other".into(), ..environment.clone() };
    assert_eq!(bed.store.update_environment(renamed).await.unwrap_err().code, ErrorCode::BadInput);
    let elsewhere = Environment { server_id: Some(bed.server("second").await.id), ..environment.clone() };
    bed.store.update_environment(elsewhere.clone()).await.unwrap();
    bed.enqueue(&elsewhere).await;
    let claim = bed.claim().await;
    claim.start_deploying().await.unwrap();
    claim.finish(Status::Success, None).await.unwrap();
    assert_eq!(bed.store.update_environment(environment).await.unwrap_err().code, ErrorCode::Conflict);
    assert!(bed.store.live_deployment(elsewhere.id).await.unwrap().is_some());
}

#[tokio::test]
async fn sqlite_allows_the_transitions_that_the_model_allows_and_no_other() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let id = bed.enqueue(&environment).await;
    for &from in Status::VARIANTS {
        for &to in Status::VARIANTS {
            if from == to {
                continue;
            }
            let allowed = bed
                .store
                .write(move |t| {
                    // Everything that goes with a status, so that the trigger alone decides.
                    let set = |status: Status| {
                        t.execute(
                            "UPDATE deployment SET status = ?2, claim = iif(?3, 'c', NULL), owner = iif(?3, '{}', NULL),
                                heartbeat_at = iif(?3, 1, NULL), finished_at = iif(?4, 1, NULL) WHERE id = ?1",
                            (id, status, status.is_active(), status.is_finished()),
                        )
                    };
                    t.execute_batch("DROP TRIGGER deployment_status_goes_forward")?;
                    set(from)?;
                    t.execute_batch(TRIGGER)?;
                    let result = set(to);
                    if let Err(error) = result {
                        assert_eq!(EngineError::from(error).code, ErrorCode::IllegalTransition);
                        return Ok(false);
                    }
                    Ok(true)
                })
                .await
                .unwrap();
            assert_eq!(allowed, from.may_become(to), "{from} to {to}");
        }
    }
}

/// The trigger as the migration makes it.
const TRIGGER: &str = {
    const SQL: &str = include_str!("../migrations/0002_elsewhere.sql");
    const fn find(haystack: &[u8], needle: &[u8], from: usize) -> usize {
        let mut at = from;
        loop {
            let mut i = 0;
            while i < needle.len() && haystack[at + i] == needle[i] {
                i += 1;
            }
            if i == needle.len() {
                return at;
            }
            at += 1;
        }
    }
    let start = find(SQL.as_bytes(), b"CREATE TRIGGER", 0);
    let end = find(SQL.as_bytes(), b"END;", start) + 4;
    SQL.split_at(end).0.split_at(start).1
};

#[tokio::test]
async fn the_store_refuses_what_makes_no_sense() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    bed.enqueue(&environment).await;
    for nonsense in [
        "UPDATE deployment SET claim = 'x'",
        "UPDATE deployment SET finished_at = 1",
        "UPDATE deployment SET status = 'building'",
        "UPDATE deployment SET status = 'no such'",
        "UPDATE deployment SET settings = 'no json'",
        "UPDATE deployment SET queued_at = 'text'",
        "UPDATE step SET step = 16 WHERE step = 15",
        "UPDATE event SET kind = 'line'",
        "UPDATE environment SET server_id = x'00'",
        "UPDATE environment SET cpus = 0",
        "UPDATE server SET http_port = 0",
        "INSERT INTO line_count VALUES (x'00', 1, 1, 1)",
    ] {
        let result = bed.store.write(move |t| Ok(t.execute(nonsense, [])?)).await;
        assert!(result.is_err(), "{nonsense}");
    }
}

#[tokio::test]
async fn names_that_are_nearly_right_get_a_suggestion() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let error = bed.store.environment_named("acme/prodution").await.unwrap_err();
    assert_eq!((error.code, error.hint.as_str()), (ErrorCode::NotFound, "Did you mean acme/production?"));
    assert_eq!(bed.store.environment_named("acme").await.unwrap_err().code, ErrorCode::BadInput);
    let error = bed.store.server_named("completely-else").await.unwrap_err();
    assert_eq!(error.hint, "See `slipway server list`.");

    assert_eq!(bed.store.deployment_named("acme/production").await.unwrap_err().code, ErrorCode::NotFound);
    let id = bed.enqueue(&environment).await;
    Queue::new(bed.store.clone()).cancel(id, "me").await.unwrap();
    let second = bed.enqueue(&environment).await;
    let short = second.short();
    for (name, expected) in [
        (id.to_string(), id),
        (short.clone(), second),
        (short[8..].to_owned(), second),
        ("acme/production#1".into(), id),
        ("acme/production".into(), second),
    ] {
        assert_eq!(bed.store.deployment_named(&name).await.unwrap().id, expected, "{name}");
    }
    for (name, code) in [
        ("acme/production#3", ErrorCode::NotFound),
        ("acme/production#x", ErrorCode::BadInput),
        ("ab", ErrorCode::BadInput),
        ("%%%%%%", ErrorCode::BadInput),
        ("000000000000", ErrorCode::NotFound),
    ] {
        assert_eq!(bed.store.deployment_named(name).await.unwrap_err().code, code, "{name}");
    }
}

#[tokio::test]
async fn another_handles_change_is_noticed_within_a_moment() {
    let bed = Bed::new().await;
    let other = Store::open(bed.home.path()).await.unwrap();
    let mut changes = other.changes();
    tokio::time::sleep(Duration::from_millis(250)).await;
    changes.mark();
    assert!(
        tokio::time::timeout(Duration::from_millis(300), changes.changed()).await.is_err(),
        "nothing changed"
    );
    bed.server("web").await;
    tokio::time::timeout(Duration::from_secs(2), changes.changed()).await.unwrap();
}

#[tokio::test]
async fn two_stores_open_on_a_new_home_at_once() {
    let home = tempfile::tempdir().unwrap();
    let stores = futures::future::join_all((0..8).map(|_| Store::open(home.path()))).await;
    for store in stores {
        assert!(store.unwrap().servers().await.unwrap().is_empty());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(home.path()), 0o700);
        assert_eq!(mode(&home.path().join(DATABASE)), 0o600);
    }
}

#[tokio::test]
async fn snapshots_go_when_their_time_is_over_but_the_newest_stay() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let deployment_id = bed.enqueue(&environment).await;
    let now = now();
    let mut ids = Vec::new();
    for age in (0..5).rev() {
        let created_at = now - jiff::SignedDuration::from_hours(age * 24);
        let snapshot = Snapshot {
            id: SnapshotId::new(),
            environment_id: environment.id,
            deployment_id,
            created_at,
            kind: SnapshotKind::Dump,
            database_bytes: 10,
            filestore_bytes: 20,
            location: serde_json::json!({"path": "x"}),
            kept_until: Some(created_at + jiff::SignedDuration::from_hours(36)),
            state: if age == 4 { SnapshotState::Failed } else { SnapshotState::Ready },
        };
        bed.store.save_snapshot(snapshot.clone()).await.unwrap();
        assert_eq!(bed.store.snapshot(snapshot.id).await.unwrap(), snapshot);
        ids.push(snapshot.id);
    }
    let due = async |keep| {
        let due = bed.store.snapshots_due(environment.id, keep, now).await.unwrap();
        due.into_iter().map(|snapshot| snapshot.id).collect::<Vec<_>>()
    };
    assert_eq!(due(0).await, ids[1..3], "those of 3 and 2 days");
    assert_eq!(due(3).await, ids[1..2]);
    assert_eq!(due(4).await, []);
    let gone = Snapshot { state: SnapshotState::Removed, ..bed.store.snapshot(ids[1]).await.unwrap() };
    bed.store.save_snapshot(gone).await.unwrap();
    assert_eq!(due(0).await, ids[2..3]);
    assert_eq!(bed.store.snapshots(environment.id).await.unwrap().len(), 5);
    assert_eq!(bed.store.snapshots_of(deployment_id).await.unwrap().len(), 5);
}
