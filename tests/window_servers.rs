//! Servers in the real window, against a real one as a provider hands it over: no Docker, and a host key that nobody has seen.

// Tells clippy that the functions below, too, are tests: they may unwrap.
#![cfg(test)]

use std::time::Duration;

use serde_json::{Value, json};
use slipway_tests::{BareServer, Desktop, Page, Sample, Slipway};

const SOON: Duration = Duration::from_secs(60);
/// Packages come from the system's archive.
const LONG: Duration = Duration::from_secs(300);
const CARD: &str = "[data-testid=server-bare]";
const STATE: &str = "[data-testid=server-bare] [data-testid=server-state]";
const TEST: &str = "[data-testid=server-bare] [data-testid=server-test]";
const FORGET: &str = "[data-testid=server-bare] [data-testid=server-forget]";
const PROBLEM: &str = "[data-testid=server-bare] [data-testid=server-problem]";

/// A second server is added: its key compared, its Docker installed. It goes away, comes back as another, and is removed.
#[test]
fn a_bare_server_is_added_made_usable_doubted_and_removed() {
    let Some(desktop) = Desktop::start() else { return };
    let server = BareServer::start();
    let slipway = Slipway::new(server.scratch("home"));
    let window = Page(desktop.open(slipway.home(), &[]));
    first_server(&window);
    let home = There { window, slipway, server };
    home.one_that_nobody_answers_at_says_so();
    home.the_second_is_compared_and_gets_its_docker();
    home.it_shows_what_is_reserved();
    home.it_goes_away_and_comes_back();
    home.another_key_is_refused_until_it_was_compared();
    home.it_is_removed_when_nothing_needs_it();
}

struct There {
    window: Page,
    slipway: Slipway,
    server: BareServer,
}

/// One that nobody answers at, so that the app has begun.
fn first_server(window: &Page) {
    let mut server = window.invoke("draft_server", &json!({"local": false})).unwrap();
    server["name"] = json!("nowhere");
    server["kind"]["destination"] = json!("127.0.0.1");
    server["kind"]["port"] = json!(1);
    let wish = "01890a5d-ac96-774b-bcce-000000000001";
    window.invoke("add_server", &json!({"id": wish, "server": server, "secrets": []})).unwrap();
}

impl There {
    fn one_that_nobody_answers_at_says_so(&self) {
        let window = &self.window;
        window.at("place-servers").click();
        let problem = window.find("[data-testid=server-nowhere] [data-code=connection_refused]").content();
        assert!(problem.contains("127.0.0.1"), "it says where: {problem}");
        let state = window.find("[data-testid=server-nowhere] [data-testid=server-state]").content();
        assert!(state.contains("Unreachable"), "{state}");
    }

    fn the_second_is_compared_and_gets_its_docker(&self) {
        let Self { window, slipway, server } = self;
        assert_eq!(server.run("command -v docker"), None, "it has none");
        window.at("new-server").click();
        // A number nobody listens at first: said at once, and tried again with the right one.
        window.at("server-address").fill(&format!("root@{}:1", server.address()));
        window.at("server-name").fill("bare");
        window.at("server-more").click();
        window.at("server-key").fill(&server.key().display().to_string());
        window.at("server-connect").click();
        window.find("[data-testid=server-dialog] [data-code=connection_refused]");
        window.wait_for_text("[data-testid=server-connect]", SOON, |text| text == "Try again");
        window.at("server-address").fill(&format!("root@{}", server.address()));
        window.at("server-connect").click();
        assert_eq!(window.at("fingerprint").content(), server.fingerprint());
        assert!(!slipway.home().join("known_hosts").exists(), "nothing is trusted before it was compared");
        window.at("trust-key").click();
        let offer = window.at("install-docker").content();
        assert!(offer.contains("bare has no Docker"), "{offer}");
        window.at("install-docker-go").click();
        window.until("it says what it does", || {
            let said = window.look("[data-testid=install-docker]").map(|e| e.content()).unwrap_or_default();
            said.contains("docker.io")
        });
        let report = "[data-testid=server-report]";
        let told = window.wait_for_text(report, LONG, |text| text.contains("bare answers"));
        let version = server.run("docker version --format '{{.Server.Version}}'").expect("Docker answers");
        assert!(told.contains(&format!("Docker {version} on Linux")), "{told}");
        window.at("server-add").click();
        window.gone("[data-testid=server-dialog]");
        assert_eq!(self.names(), ["bare", "nowhere"]);
        self.is("Reachable");
    }

    fn it_shows_what_is_reserved(&self) {
        let Self { window, slipway, server } = self;
        let sample = Sample::create(server.scratch("repository"));
        let url = sample.dir().display().to_string();
        slipway.must(&["project", "add", "acme", "--url", &url, "--series", "19.0"]);
        let env = ["env", "add", "acme/production", "--server", "bare", "--branch", "main"];
        slipway.must(&[&env[..], &["--memory", "768", "--cpus", "0.5"]].concat());
        let cores = server.run("nproc").unwrap();
        for part in [
            "acme / production",
            "0.5 cores · 768 MiB",
            &format!("0.5 of {cores} cores"),
            "768 MiB of ",
            "free of",
            &server.fingerprint(),
        ] {
            window.until(&format!("its card says {part:?}"), || window.find(CARD).content().contains(part));
        }
    }

    fn it_goes_away_and_comes_back(&self) {
        let Self { window, server, .. } = self;
        server.stop_sshd();
        window.find(TEST).click();
        self.is("Unreachable");
        let problem = window.find(&format!("{PROBLEM}[data-code=connection_refused]")).content();
        assert!(problem.contains(&server.address()), "it says where: {problem}");
        assert!(!window.at("server-problem-hint").content().is_empty(), "and what to do");
        server.start_sshd();
        window.find(TEST).click();
        self.is("Reachable");
        window.gone(PROBLEM);
    }

    /// Installed anew, as it seems: nothing goes on before somebody has compared the new key.
    fn another_key_is_refused_until_it_was_compared(&self) {
        let Self { window, slipway, server } = self;
        let before = server.fingerprint();
        server.stop_sshd();
        server.change_host_key();
        server.start_sshd();
        assert_ne!(server.fingerprint(), before);
        window.find(TEST).click();
        self.is("Not usable");
        let problem = window.find(&format!("{PROBLEM}[data-code=changed_host_key]")).content();
        assert!(problem.contains("If the server was installed anew"), "it says what to do: {problem}");
        assert_eq!(slipway.run(&["server", "test", "bare"]).error(), "changed_host_key");
        window.find_text("button", "Look at its fingerprint").click();
        let told = window.at("host-key").content();
        assert!(told.contains("shows another key than before"), "{told}");
        assert_eq!(window.at("fingerprint").content(), server.fingerprint());
        window.at("trust-key").click();
        window.at("server-report");
        window.at("server-add").click();
        window.gone("[data-testid=server-dialog]");
        window.find(TEST).click();
        self.is("Reachable");
    }

    fn it_is_removed_when_nothing_needs_it(&self) {
        let Self { window, slipway, .. } = self;
        window.find(FORGET).click();
        window.refuses("forget-server-dialog-go", "Environments are assigned to it");
        let said = window.at("forget-server-dialog").content();
        assert!(said.contains("acme / production"), "it names them: {said}");
        window.at("forget-server-dialog-back").click();
        window.gone("[data-testid=forget-server-dialog]");
        slipway.must(&["env", "set", "acme/production", "--server", "nowhere"]);
        window.until("none is on it", || window.find(CARD).content().contains("Nothing is deployed here"));
        window.find(FORGET).click();
        window.allows("forget-server-dialog-go");
        window.at("forget-server-dialog-go").click();
        window.gone(CARD);
        assert_eq!(self.names(), ["nowhere"]);
    }

    /// Waits until its card says this of it.
    fn is(&self, word: &str) {
        self.window.wait_for_text(STATE, SOON, |text| text.starts_with(word));
    }

    /// The servers as the command line tells them.
    fn names(&self) -> Vec<String> {
        let listed = self.slipway.must(&["server", "list"]);
        let name = |server: &Value| server["name"].as_str().unwrap().to_owned();
        listed.result().as_array().unwrap().iter().map(name).collect()
    }
}
