//! The interface as programs see it: over real connections, on a real store. Deployments aren't carried out here; the
//! whole-system tests do that.

// Tells clippy that the functions below, too, are tests: they may unwrap.
#![cfg(test)]

use std::net::TcpListener;

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use slipway_api::Api;
use slipway_engine::engine::{Engine, EngineOptions};
use slipway_engine::error::ErrorCode;
use slipway_engine::model::{Environment, Project, Repository, Server, ServerKind};

#[tokio::test]
async fn environments_are_told_deployed_and_followed() {
    let bed = Bed::on().await;
    let all = bed.get("/v1/environments").await;
    assert_eq!(names(&all), ["acme/production", "acme/staging"]);
    assert_eq!(all[0]["status"], "pending");
    assert_eq!(all[0]["server"], "here");
    assert_eq!(all[1]["server"], Value::Null);
    assert_eq!(bed.get("/v1/environments/acme/production").await, all[0]);

    let asked = bed.post("/v1/environments/acme/production/deployments");
    let answer = asked.json(&json!({"ref": "v1.2", "update": ["sale"]})).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let place = answer.headers()["location"].to_str().unwrap().to_owned();
    let queued: Value = answer.json().await.unwrap();
    assert_eq!(place, format!("/v1/deployments/{}", queued["id"].as_str().unwrap()));
    let told =
        [&queued["status"], &queued["trigger"], &queued["ref"], &queued["environment"], &queued["finished"]];
    assert_eq!(
        told,
        [&json!("queued"), &json!("api"), &json!("v1.2"), &json!("acme/production"), &json!(false)]
    );
    let kept = bed.engine.deployment(queued["id"].as_str().unwrap()).await.unwrap();
    assert_eq!(kept.settings.options.update, ["sale"]);

    let followed = bed.get(&place).await;
    assert_eq!(followed["number"], 1);
    let steps = followed["steps"].as_array().unwrap();
    assert_eq!((steps.len(), &steps[0]["title"]), (15, &json!("Initializing")));
    assert_eq!(bed.get("/v1/environments/acme/production").await["latest"]["id"], queued["id"]);

    let cancel = || bed.post(&format!("{place}/cancel"));
    assert_eq!(body(cancel()).await, (StatusCode::OK, json!({"cancelled": "at_once"})));
    let again = json!({"cancelled": "ended", "status": "cancelled"});
    assert_eq!(body(cancel()).await, (StatusCode::OK, again));
    let listed = bed.get("/v1/environments/acme/production/deployments").await;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["status"]), (1, &json!("cancelled")));
}

#[tokio::test]
async fn what_is_asked_twice_with_one_key_is_done_once() {
    let bed = Bed::on().await;
    let ask = |key: &'static str| {
        let asked = bed.post("/v1/environments/acme/production/deployments");
        async move { body(asked.header("Idempotency-Key", key)).await.1["id"].as_str().unwrap().to_owned() }
    };
    let (one, again, other) = (ask("build-7").await, ask("build-7").await, ask("build-8").await);
    assert_eq!(one, again);
    assert_ne!(one, other);
    let otherwise =
        bed.post("/v1/environments/acme/production/deployments").header("Idempotency-Key", "build-7");
    let (status, told) = body(otherwise.json(&json!({"ref": "v2"}))).await;
    assert_eq!(
        (status, &told["code"]),
        (StatusCode::CONFLICT, &json!("conflict")),
        "not what was asked before"
    );
}

#[tokio::test]
async fn who_has_not_the_token_learns_nothing() {
    let bed = Bed::on().await;
    let bare = |method, path: &str| Client::new().request(method, format!("{}{path}", bed.address));
    for path in ["/v1/environments", "/v1/environments/acme/production/deployments", "/nothing"] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let (status, told) = body(bare(method.clone(), path)).await;
            assert_eq!(
                (status, &told["code"]),
                (StatusCode::UNAUTHORIZED, &json!("unauthorized")),
                "{method} {path}"
            );
        }
    }
    for wrong in ["Bearer wrong", "Bearer ", "Basic x", &bed.token, &format!("Basic {}", bed.token)] {
        let (status, _) = body(bare(Method::GET, "/v1/environments").header("Authorization", wrong)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    let rebound = bed.ask(Method::GET, "/v1/environments").header("Host", "example.com:7867");
    assert_eq!(body(rebound).await.0, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(
        bed.get("/v1/environments/acme/production/deployments").await,
        json!([]),
        "nothing was deployed"
    );
}

#[tokio::test]
async fn a_new_token_takes_the_place_of_the_old_one_and_outlives_a_restart() {
    let mut bed = Bed::on().await;
    let old = bed.token.clone();
    bed.token = bed.api.new_token().await.unwrap().expose().to_owned();
    assert_ne!(old, bed.token);
    assert_eq!(names(&bed.get("/v1/environments").await).len(), 2);
    let with_old = Client::new().get(format!("{}/v1/environments", bed.address)).bearer_auth(old);
    let (status, _) = body(with_old).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);

    bed.stop().await;
    bed.restart().await;
    assert_eq!(names(&bed.get("/v1/environments").await).len(), 2);
}

#[tokio::test]
async fn it_is_off_until_it_is_turned_on_and_says_when_a_port_is_taken() {
    let mut bed = Bed::new().await;
    let status = bed.api.status().await;
    assert!(!status.on && !status.has_token && status.address.is_none());
    bed.api.begin().await;
    assert_eq!(bed.api.status().await.address, None);

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = bed.api.turn(true, port).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::BadInput);
    assert!(error.message.contains(&port.to_string()), "{}", error.message);
    assert!(!bed.api.status().await.on, "it is as it was");
    assert_eq!(bed.api.turn(true, 0).await.unwrap_err().code, ErrorCode::BadInput);
    drop(taken);

    let (status, told) = {
        bed.turn_on().await;
        body(bed.ask(Method::GET, "/v1/environments")).await
    };
    assert_eq!((status, &told["message"]), (StatusCode::UNAUTHORIZED, &json!("No token was made yet.")));

    // Another program has the port when the app starts again: it says so, and nothing else is amiss.
    let port = bed.api.status().await.port;
    for _ in 0..20 {
        // At once again: it waits until the port is free.
        bed.api.turn(false, port).await.unwrap();
        bed.api.turn(true, port).await.unwrap();
    }
    bed.stop().await;
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    bed.restart().await;
    let status = bed.api.status().await;
    assert!(status.on && status.address.is_none());
    assert!(status.problem.unwrap().message.contains(&port.to_string()));
    drop(taken);
    let status = bed.api.turn(true, port).await.unwrap();
    assert!(status.problem.is_none() && status.address.is_some());
}

#[tokio::test]
async fn another_port_takes_the_place_of_the_one_before() {
    let mut bed = Bed::on().await;
    let before = bed.address.clone();
    bed.turn_on().await;
    assert_ne!(before, bed.address);
    assert_eq!(names(&bed.get("/v1/environments").await).len(), 2);
    bed.address = before;
    bed.is_gone().await;
}

#[tokio::test]
async fn whatever_is_asked_wrongly_is_said_in_the_same_form() {
    let bed = Bed::on().await;
    let deployments = "/v1/environments/acme/production/deployments";
    let post = || bed.post(deployments);
    let get = |path: &str| bed.ask(Method::GET, path);
    let nobody = "/v1/deployments/01990000-0000-7000-8000-000000000000";
    for (status, code, request) in [
        (404, "not_found", get("/v1")),
        (404, "not_found", get("/v1/environments/acme/nothing")),
        (404, "not_found", get(nobody)),
        (400, "bad_input", get("/v1/deployments/%FF")),
        (400, "bad_input", get("/v1/deployments/x")),
        (404, "not_found", bed.post(&format!("{nobody}/cancel"))),
        (405, "method_not_allowed", bed.ask(Method::DELETE, deployments)),
        (400, "bad_input", post().body("{")),
        (400, "bad_input", post().json(&json!({"reference": "main"}))),
        (400, "bad_input", post().json(&json!({"ref": " "}))),
        (400, "bad_input", post().header("Idempotency-Key", "")),
        (400, "bad_input", post().header("Idempotency-Key", "k".repeat(201))),
        (413, "too_large", post().body(vec![b' '; 65 * 1024])),
        (409, "no_server", bed.post("/v1/environments/acme/staging/deployments")),
    ] {
        let asked = format!("{request:?}");
        let (got, told) = body(request).await;
        assert_eq!((got.as_u16(), told["code"].as_str()), (status, Some(code)), "{asked}: {told}");
        assert!(["message", "hint"].iter().all(|key| !told[key].as_str().unwrap().is_empty()), "{told}");
    }
    assert_eq!(bed.get(deployments).await, json!([]), "nothing was queued");
}

#[tokio::test]
async fn a_file_that_can_not_be_read_turns_nothing_on() {
    let mut bed = Bed::on().await;
    bed.stop().await;
    std::fs::write(bed.home.path().join("api.json"), "{\"on\": tru").unwrap();
    bed.restart().await;
    let status = bed.api.status().await;
    assert!(!status.on && !status.has_token && status.problem.is_some());
    bed.api.new_token().await.unwrap();
    assert!(bed.api.status().await.problem.is_none());
    bed.turn_on().await;
}

/// A home with a project of two environments, one of them without a server, and the interface over it.
struct Bed {
    home: tempfile::TempDir,
    engine: Engine,
    api: Api,
    address: String,
    token: String,
}

impl Bed {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let engine = Engine::open(home.path(), EngineOptions::default()).await.unwrap();
        let server = Server::new("here", ServerKind::Local);
        let project = Project::new("acme", "19.0", vec![Repository::new("main", "/srv/acme.git")]);
        let production =
            Environment { server_id: Some(server.id), ..Environment::new(project.id, "production", "main") };
        let staging = Environment::new(project.id, "staging", "main");
        engine.store().add_server(server).await.unwrap();
        engine.store().add_project(project).await.unwrap();
        engine.store().add_environment(production).await.unwrap();
        engine.store().add_environment(staging).await.unwrap();
        let api = Api::of(engine.clone());
        Self { home, engine, api, address: String::new(), token: "slipway_none".into() }
    }

    /// One that listens and has a token.
    async fn on() -> Self {
        let mut bed = Self::new().await;
        bed.token = bed.api.new_token().await.unwrap().expose().to_owned();
        bed.turn_on().await;
        bed
    }

    /// Turns it on at a port that nobody has.
    async fn turn_on(&mut self) {
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            // Somebody may be quicker.
            if let Ok(status) = self.api.turn(true, port).await {
                self.address = status.address.unwrap();
                return;
            }
        }
        panic!("no port to be had");
    }

    async fn stop(&mut self) {
        self.api = Api::of(self.engine.clone());
        self.is_gone().await;
    }

    async fn restart(&mut self) {
        self.api = Api::of(self.engine.clone());
        self.api.begin().await;
    }

    /// Waits until nobody listens any more.
    async fn is_gone(&self) {
        let address = self.address.strip_prefix("http://").unwrap();
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(address).await.is_err() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("it listens still at {address}");
    }

    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        Client::new().request(method, format!("{}{path}", self.address)).bearer_auth(&self.token)
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.ask(Method::POST, path)
    }

    async fn get(&self, path: &str) -> Value {
        let (status, told) = body(self.ask(Method::GET, path)).await;
        assert_eq!(status, StatusCode::OK, "{path}: {told}");
        told
    }
}

async fn body(request: RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text:?}")))
}

fn names(all: &Value) -> Vec<&str> {
    all.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}
