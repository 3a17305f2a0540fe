//! What is served is what was deployed: the bytes that a page, a cache and a person get, after commits that change one static file and
//! nothing else, by each lane and after each kind of rollback. Odoo names a bundle of scripts or styles by its files' addresses and their times, and serves
//! what it has under that name: 19.0 by the time of each file, 14.0 by the newest time of all, Odoo's own files included. Browsers
//! keep a bundle for a year, and any other file of `static` for a week, without asking (`STATIC_CACHE_LONG` and `STATIC_CACHE` in
//! `odoo/http.py` of both).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test tells what is wrong by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use slipway_tests::http::{self, Answer};
use slipway_tests::{Daemon, Desktop, Journey, Options, Server, Window};

/// How long an answer may take: 14.0 makes its bundles while the page is asked for.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a browser comes to the page until it is drawn, and how long each time.
const VISITS: u32 = 4;
const VISIT: Duration = Duration::from_secs(40);
/// The page that shows all of it.
const PAGE: &str = "/acme";
/// Its image, by the address that most pages would use.
const SIGN: &str = "/acme_base/static/img/sign.svg";
/// How many seconds a browser keeps that without asking.
const A_WEEK: &str = "max-age=604800";

/// Where a series of Odoo has what the sample's commits change.
struct Series {
    name: &'static str,
    /// The bundle of the styles.
    style: &'static str,
    /// The bundle of the scripts.
    script: &'static str,
    /// It has OWL components on public pages.
    components: bool,
}

const ODOO_19: Series = Series {
    name: "19.0",
    style: "web.assets_frontend.min.css",
    script: "web.assets_frontend_lazy.min.js",
    components: true,
};

const ODOO_14: Series = Series {
    name: "14.0",
    style: "web.assets_frontend.css",
    script: "web.assets_frontend_lazy.js",
    components: false,
};

/// What is to be seen on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    /// Written by a script.
    hours: &'static str,
    /// Its colour, from a style.
    colour: &'static str,
    /// Written by a component, from its template.
    board: &'static str,
    /// The width of the image.
    sign: u64,
}

/// What there is to be seen at the commits of `front-end`, each of which changes one thing.
fn seen_at(commit: &str) -> Seen {
    let commits = ["initial", "script", "style", "template", "image"];
    let at = commits.iter().position(|one| *one == commit).unwrap();
    Seen {
        hours: ["We answer from nine to five.", "We answer by day and night."][usize::from(at >= 1)],
        colour: ["#714b67", "#017e84"][usize::from(at >= 2)],
        board: ["No outages today.", "All is well today."][usize::from(at >= 3)],
        sign: [40, 64][usize::from(at >= 4)],
    }
}

/// A bundle: where the page says that it is, and what is there.
#[derive(Clone, PartialEq, Eq)]
struct Bundle {
    address: String,
    body: String,
}

/// What the page leads to.
struct Served {
    /// By name.
    bundles: BTreeMap<String, Bundle>,
    sign: Answer,
}

/// A person's browser, on one page after the other; nothing that it keeps is ever cleared.
struct Browser {
    window: Window,
    _desktop: Desktop,
}

struct Scene {
    journey: Journey,
    odoo: &'static Series,
    /// None where this machine has no desktop to show one on.
    browser: Option<Browser>,
}

#[test]
fn odoo_19() {
    let scene = Scene::start(&ODOO_19);
    let (initial, _) = scene.deploys_first();
    let (script, id) = scene.changes("script", &initial, &[ODOO_19.script]);
    let style = scene.changes("style", &script, &[ODOO_19.style]).0;
    let template = scene.changes("template", &style, &[ODOO_19.script]).0;
    let image = scene.changes("image", &template, &[]).0;
    scene.a_kept_image_is_asked_for_again_after_a_week();

    // Back over three changes, in both bundles and the image.
    let back = scene.goes_back("script", &id, &image);
    assert_eq!(back.addresses(), script.addresses(), "what a file's time is depends on its content alone");
    let id = scene.stays_as_it_is("script", &back);

    // An update brings the files of the first commit with it; then back with the data, in which the bundles of then are kept.
    let updated = scene.updates("new-field", "initial", &script, &[ODOO_19.script]);
    assert_eq!(updated.addresses(), initial.addresses());
    let restored = scene.goes_back_with_its_data("script", &id, &updated, &[ODOO_19.script]);
    assert_eq!(restored.addresses(), script.addresses());
}

#[test]
fn odoo_14() {
    let both = [ODOO_14.style, ODOO_14.script];
    let scene = Scene::start(&ODOO_14);
    let (initial, id) = scene.deploys_first();
    // Two files of one bundle in turn, so that one of them is always older than the other.
    let (script, _) = scene.changes("script", &initial, &both);
    let style = scene.changes("style", &script, &both).0;
    let back = scene.goes_back("initial", &id, &style);
    let image = scene.changes("image", &back, &both).0;
    scene.a_kept_image_is_asked_for_again_after_a_week();
    let id = scene.stays_as_it_is("image", &image);

    let updated = scene.updates("new-field", "initial", &image, &both);
    scene.goes_back_with_its_data("image", &id, &updated, &both);
}

impl Scene {
    fn start(odoo: &'static Series) -> Self {
        // Browsers know the names below `localhost` at this computer's own address only.
        let server = Server::with(Options { daemon: Daemon::Suite, ..Options::default() });
        let journey = Journey::on(server, odoo.name);
        let browser = Desktop::start().map(|desktop| Browser { window: desktop.browse(), _desktop: desktop });
        Self { journey, odoo, browser }
    }

    /// The first deployment. Gives what is served then, and the deployment's id.
    fn deploys_first(&self) -> (Served, String) {
        let ran = self.journey.deploy_ends("initial", 0);
        (self.shows("initial"), id_of(&ran.result()["deployment"]))
    }

    /// Deploys a commit, by the code lane. The bundles that hold what it changes have new addresses, the others stay.
    fn changes(&self, commit: &str, before: &Served, bundles: &[&str]) -> (Served, String) {
        let layers = self.layers();
        self.journey.sample.set_branch("live", commit);
        let plan = self.journey.slipway.must(&["plan", &self.journey.env()]).result().clone();
        assert_eq!((&plan["lane"], &plan["update"]), (&"code".into(), &Value::Array(Vec::new())), "{plan:#}");
        let ran = self.journey.deploy_ends(commit, 0);
        let deployment = &ran.result()["deployment"];
        assert_eq!(deployment["lane"], "code", "{deployment:#}");
        let now = self.shows(commit);
        now.differs(before, bundles);
        self.is_asked_for_again(before, &now);
        let same = layers.iter().zip(self.layers()).filter(|(before, now)| **before == *now).count();
        assert_eq!(same, layers.len() - 1, "all layers but that of the repository are shared");
        (now, id_of(deployment))
    }

    /// Goes back to the code of an earlier deployment. Nothing that the newer release made is served under its address.
    fn goes_back(&self, commit: &str, id: &str, newer: &Served) -> Served {
        let ran = self.journey.slipway.run(&["rollback", &self.journey.env(), "--to", id]);
        assert_eq!(ran.code, Some(0), "nothing is lost by it, so nothing is asked: {}", ran.told());
        assert_eq!(ran.result()["deployment"]["lane"], "code");
        let now = self.shows(commit);
        now.differs(newer, &[self.odoo.style, self.odoo.script]);
        self.is_asked_for_again(newer, &now);
        now
    }

    /// Deploys the same commit again: every address and every layer stays. Gives the deployment's id.
    fn stays_as_it_is(&self, commit: &str, before: &Served) -> String {
        let layers = self.layers();
        let ran = self.journey.deploy_ends(commit, 0);
        self.shows(commit).differs(before, &[]);
        assert_eq!(self.layers(), layers, "equal content is one layer");
        id_of(&ran.result()["deployment"])
    }

    /// Deploys a commit that updates the database and has the static files of another one.
    fn updates(&self, commit: &str, same_files: &str, before: &Served, bundles: &[&str]) -> Served {
        let ran = self.journey.deploy_ends(commit, 0);
        assert_eq!(ran.result()["deployment"]["lane"], "update");
        let now = self.shows(same_files);
        now.differs(before, bundles);
        now
    }

    /// Goes back to the code and the data of before an update.
    fn goes_back_with_its_data(&self, commit: &str, id: &str, newer: &Served, bundles: &[&str]) -> Served {
        let env = self.journey.env();
        let ran = self.journey.slipway.run(&["rollback", &env, "--to", id, "--data", "--yes"]);
        assert_eq!(ran.code, Some(0), "{}", ran.told());
        assert_eq!(ran.result()["deployment"]["lane"], "restore");
        let now = self.shows(commit);
        now.differs(newer, bundles);
        now
    }

    /// Panics unless all that the page leads to is this commit's, for what asks and for who looks.
    fn shows(&self, commit: &str) -> Served {
        let (wanted, odoo) = (seen_at(commit), self.odoo);
        let served = self.served();
        let holds = |bundle: &str, new: &str, all: [&str; 2]| {
            let body = &served.bundles[bundle].body;
            let there: Vec<&str> = all.into_iter().filter(|text| body.contains(text)).collect();
            assert_eq!(there, [new], "{commit}: what {} has", served.bundles[bundle].address);
        };
        let [first, last] = ["initial", "image"].map(seen_at);
        holds(odoo.script, wanted.hours, [first.hours, last.hours]);
        let rule = |seen: &Seen| format!(".acme_hours{{color: {};}}", seen.colour);
        holds(odoo.style, &rule(&wanted), [&rule(&first), &rule(&last)]);
        if odoo.components {
            holds(odoo.script, wanted.board, [first.board, last.board]);
        }
        assert!(served.sign.text().contains(&format!("width=\"{}\"", wanted.sign)), "{commit}: the image");
        assert!(served.sign.header("cache-control").unwrap().contains(A_WEEK), "{:?}", served.sign.headers);
        if let Some(browser) = &self.browser {
            browser.sees(&self.site(), &wanted, odoo);
        }
        served
    }

    /// What comes when a browser asks whether the image that it keeps is still the one: it sends what it was told about it.
    fn is_asked_for_again(&self, before: &Served, now: &Served) {
        let told = |name: &str| before.sign.header(name).unwrap();
        let (tag, date) = (("If-None-Match", told("etag")), ("If-Modified-Since", told("last-modified")));
        let changed = before.sign.body != now.sign.body;
        assert_eq!(now.sign.body.len(), before.sign.body.len(), "of one size, which is what makes it hard");
        for headers in [vec![tag], vec![tag, date]] {
            let answer = self.ask(SIGN, &headers);
            assert_eq!(answer.status, if changed { 200 } else { 304 }, "{headers:?}: {:?}", answer.headers);
            assert_eq!(answer.body, if changed { now.sign.body.clone() } else { Vec::new() });
        }
    }

    /// What a person would not see, whoever deploys: an image that changes under an address of its own is what the browser has kept,
    /// for a week. The sample's page adds the image's sum to the address. This shows as well that the browser keeps things.
    fn a_kept_image_is_asked_for_again_after_a_week(&self) {
        let Some(browser) = &self.browser else { return };
        assert_eq!(browser.width_of(SIGN), seen_at("initial").sign, "the browser did not ask");
    }

    fn served(&self) -> Served {
        let page = self.ask(PAGE, &[]);
        assert_eq!(page.status, 200, "{}", page.text());
        let text = page.text();
        let is_bundle = |part: &&str| part.starts_with("/web/assets/") || part.starts_with("/web/content/");
        let mut bundles = BTreeMap::new();
        for address in text.split('"').filter(is_bundle) {
            let answer = self.ask(address, &[]);
            assert_eq!(answer.status, 200, "{address}");
            let name = address.rsplit('/').next().unwrap().to_owned();
            bundles.insert(name, Bundle { address: address.to_owned(), body: answer.text() });
        }
        assert!(bundles.len() >= 3, "there are more bundles than those that change: {:?}", bundles.keys());
        Served { bundles, sign: self.ask(SIGN, &[]) }
    }

    fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let (address, host) = (self.journey.server.http(), self.journey.host());
        http::get_with(address, &host, path, headers, PATIENCE).unwrap()
    }

    /// Where a browser finds it.
    fn site(&self) -> String {
        format!("http://{}:{}", self.journey.host(), self.journey.server.http().port())
    }

    /// The layers of the image that runs.
    fn layers(&self) -> Vec<String> {
        let docker = self.journey.server.docker();
        let image = docker.must(&["inspect", "-f", "{{.Image}}", &self.journey.web()]);
        let layers = docker.must(&["image", "inspect", "-f", "{{json .RootFS.Layers}}", &image]);
        serde_json::from_str(&layers).unwrap()
    }
}

impl Served {
    fn addresses(&self) -> Vec<&str> {
        self.bundles.values().map(|bundle| bundle.address.as_str()).collect()
    }

    /// Panics unless just these bundles have other addresses than before, and all others are as they were.
    fn differs(&self, before: &Served, bundles: &[&str]) {
        let names = |served: &Served| served.bundles.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(self), names(before));
        for (name, bundle) in &self.bundles {
            let (had, has) = (&before.bundles[name].address, &bundle.address);
            assert_eq!(had != has, bundles.contains(&name.as_str()), "{name}: from {had} to {has}");
            assert!(had != has || before.bundles[name] == *bundle, "{had} was something else before");
        }
    }
}

impl Browser {
    /// Comes from another page of the site, as a person does who follows a link, and looks.
    ///
    /// When a deployment changed the registry, 19.0's pages delete the browser's database of translations (`_checkVersion` in
    /// `web/static/src/core/utils/indexed_db.js`), and draw no component before it is made again. Where a page that was left in that
    /// moment still holds it, the next one waits for good, with everything loaded. So a page is left when it says that it is ready
    /// (`is-ready`, by `public_root.js`), and one that is never drawn is come to again, like any other visit: the browser keeps its cache.
    fn sees(&self, site: &str, wanted: &Seen, odoo: &Series) {
        let board = if odoo.components { ".acme_board" } else { "body" };
        let drawn = format!(
            "const [hours, board, sign] = ['.acme_hours', '{board}', '.acme_sign'].map(css => document.querySelector(css));
            if (!hours?.textContent || !board || !sign?.complete) return null;
            return [hours.textContent, getComputedStyle(hours).color, board.textContent.trim(), sign.naturalWidth]"
        );
        let ready = format!(
            "return document.querySelector('{}') && true",
            if odoo.components { "body[is-ready]" } else { "body" }
        );
        let seen = (0..VISITS).find_map(|_| {
            self.window.visit(&format!("{site}/web/login"));
            self.window.look_by_script(&ready, VISIT);
            self.window.visit(&format!("{site}{PAGE}"));
            self.window.look_by_script(&drawn, VISIT)
        });
        let seen = seen.unwrap_or_else(|| panic!("not drawn in {VISITS} visits: {}", self.window.state()));
        assert_eq!(
            (&seen[0], &seen[1], &seen[3]),
            (&wanted.hours.into(), &rgb(wanted.colour).into(), &wanted.sign.into()),
            "what is seen: {seen:#}"
        );
        if odoo.components {
            assert_eq!(seen[2], wanted.board);
        }
        self.width_of(SIGN);
    }

    /// The width of an image that the page shows by its plain address.
    fn width_of(&self, image: &str) -> u64 {
        let script = format!(
            "return new Promise((loaded, failed) => {{
                const image = new Image();
                image.onload = () => loaded(image.naturalWidth);
                image.onerror = failed;
                image.src = '{image}';
            }})"
        );
        self.window.script(&script).as_u64().unwrap()
    }
}

fn id_of(deployment: &Value) -> String {
    deployment["id"].as_str().unwrap().to_owned()
}

/// `#0a0b0c` as a browser says it.
fn rgb(hex: &str) -> String {
    let part = |from: usize| u8::from_str_radix(&hex[from..from + 2], 16).unwrap();
    format!("rgb({}, {}, {})", part(1), part(3), part(5))
}
