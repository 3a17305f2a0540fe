//! A redeployment with a change of one file: against the same work done by a shell script on the server, and over a slow link.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use slipway_tests::{Journey, Ran, Slipway, SlowLink, root};

use crate::journal::between;
use crate::table::{Table, all, median, ratio, seconds};

const ROUNDS: u32 = 5;
const ROUND_TRIP: Duration = Duration::from_millis(40);

pub(crate) fn measure(table: &mut Table) {
    let mut journey = crate::journey();
    journey.sample.checkout("live");
    journey.deploy_ends("initial", 0);
    let link = journey.server.slow_link(ROUND_TRIP);
    let far = far_desktop(&journey, &link);
    let hand = Hand::set_up(&journey);

    let (mut ours, mut by_hand, mut slow) = (vec![], vec![], vec![]);
    // The first round fills caches of all three, and isn't counted.
    for round in 0..=ROUNDS {
        let (took, ran) = redeploy(&mut journey, None, &format!("3.{round}.0"));
        let commit = journey.sample.release(&format!("3.{round}.1"));
        let hands = hand.deploy(&commit);
        let (slowly, _) = redeploy(&mut journey, Some(&far), &format!("3.{round}.2"));
        let each = [took, hands, slowly].map(seconds).join(" · ");
        eprintln!("round {round}, ours · by hand · at 40 ms: {each}; ours: {}", steps(&ran));
        if round > 0 {
            ours.push(took);
            by_hand.push(hands);
            slow.push(slowly);
        }
        if round == ROUNDS {
            table.note("Where a redeployment's time goes (s)", steps(&ran));
        }
    }
    table.note("Redeployments", all(&ours));
    table.note("The same by hand", all(&by_hand));
    table.note("Redeployments at 40 ms", all(&slow));
    // Each round against its own turn by hand: how fast the machine is changes between rounds more than within one.
    let mut ratios: Vec<f64> = ours.iter().zip(&by_hand).map(|(ours, hand)| ratio(*ours, *hand)).collect();
    ratios.sort_by(f64::total_cmp);
    let each: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    let middle = ratios[ratios.len() / 2];
    table.target(
        "One file changed, against a script on the server",
        format!("{middle:.2}× (the median of {})", each.join(", ")),
        "≤ 1.25×",
        middle <= 1.25,
    );
    let (ours, slow) = (median(ours), median(slow));
    let added = slow.saturating_sub(ours);
    table.target(
        "The same at 40 ms of round trip",
        format!("{} more, {:.0} round trips one after another", seconds(added), ratio(added, ROUND_TRIP)),
        "≤ 2.5 s more",
        added <= Duration::from_millis(2500),
    );
}

/// Another desktop, which reaches the journey's server by a link.
pub(crate) fn far_desktop(journey: &Journey, link: &SlowLink) -> Slipway {
    let (server, far) = (&journey.server, Slipway::new(journey.server.scratch("far")));
    let host = format!("{}@127.0.0.1:{}", server.user(), link.port());
    let (http, https) = (server.http_port().to_string(), server.https_port().to_string());
    let (key, fingerprint) = (server.key().display().to_string(), server.fingerprint());
    let add = ["server", "add", "demo", "--host", &host, "--key", &key, "--fingerprint", &fingerprint];
    far.must(
        &[&add[..], &["--http-port", &http, "--https-port", &https, "--bind", &server.address().to_string()]]
            .concat(),
    );
    let url = journey.sample.dir().display().to_string();
    far.must(&["project", "add", journey.project(), "--url", &url, "--series", "19.0"]);
    let added = journey.add_environment(&far, "production", &[]);
    assert_eq!(added.code, Some(0), "{added:#?}");
    far
}

/// Commits a release and brings it to the server, from the journey's desktop or another.
fn redeploy(journey: &mut Journey, desktop: Option<&Slipway>, release: &str) -> (Duration, Ran) {
    journey.sample.release(release);
    let since = Instant::now();
    let ran = desktop.unwrap_or(&journey.slipway).must(&["deploy", &journey.env()]);
    let took = since.elapsed();
    assert_eq!(ran.result()["deployment"]["lane"], "code", "{ran:#?}");
    journey.assert_serves(release);
    (took, ran)
}

/// `connecting 0.41, cloning_repositories 0.20, …`: the steps that took at least 50 ms.
fn steps(ran: &Ran) -> String {
    let at = |line: &Value| line["at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
    let mut parts = vec![];
    for begun in
        ran.lines.iter().filter(|line| line["event"] == "step_changed" && line["status"] == "running")
    {
        let ended = ran.lines.iter().find(|line| {
            line["event"] == "step_changed" && line["step"] == begun["step"] && line["status"] == "done"
        });
        if let (Some(from), Some(to)) = (at(begun), ended.and_then(at)) {
            let took = between(from, to);
            if took >= Duration::from_millis(50) {
                parts.push(format!(
                    "{} {:.2}",
                    begun["step"].as_str().unwrap_or_default(),
                    took.as_secs_f64()
                ));
            }
        }
    }
    parts.join(", ")
}

/// The same environment, served a second time by `hand.sh`.
struct Hand {
    work: PathBuf,
    slug: String,
    database: String,
    label: String,
    docker_host: String,
}

impl Hand {
    fn set_up(journey: &Journey) -> Self {
        let hand = Self {
            work: journey.server.scratch("hand"),
            slug: journey.slug(),
            database: journey.database(),
            // By this the server takes it along when it goes.
            label: format!("slipway.env={}-hand", journey.project()),
            docker_host: journey.server.docker().host().to_owned(),
        };
        let docker = journey.server.docker();
        let base = docker.must(&["inspect", "--format", "{{.Image}}", &journey.web()]);
        let at = |name: &str| hand.work.join(name).display().to_string();
        let source = journey.sample.dir().display().to_string();
        journey.sample.git(&["clone", "--quiet", &source, &at("src")]);
        // On the image that has the project's packages already, as Slipway builds too.
        fs::write(
            hand.work.join("src/Dockerfile"),
            format!("FROM {base}\nCOPY . /opt/slipway/addons/main/\n"),
        )
        .unwrap();
        fs::write(hand.work.join("src/.dockerignore"), ".git\nDockerfile\n").unwrap();
        let live = journey.last()["id"].as_str().unwrap().replace('-', "");
        let release = journey.folder().join("releases").join(&live[live.len() - 12..]);
        fs::copy(release.join("odoo.conf"), hand.work.join("odoo.conf")).unwrap();
        fs::create_dir_all(hand.work.join("caddy")).unwrap();
        fs::write(hand.work.join("caddy/Caddyfile"), ":80 {\n\trespond 503\n}\n").unwrap();
        let (name, network) = (format!("{}-hand-caddy", hand.slug), format!("slipway-{}", hand.slug));
        let mount = format!("{}:/etc/caddy", at("caddy"));
        let proxy =
            ["run", "-d", "--name", &name, "--label", &hand.label, "--network", &network, "-v", &mount];
        docker.must(&[&proxy[..], &["caddy:2"]].concat());
        hand
    }

    fn deploy(&self, commit: &str) -> Duration {
        let since = Instant::now();
        let output = Command::new("sh")
            .arg(root().join("tests/bench/hand.sh"))
            .arg(commit)
            .env("WORK", &self.work)
            .env("SLUG", &self.slug)
            .env("DB", &self.database)
            .env("LABEL", &self.label)
            .env("DOCKER_HOST", &self.docker_host)
            .output()
            .unwrap();
        assert!(output.status.success(), "the deployment by hand failed: {output:?}");
        since.elapsed()
    }
}
