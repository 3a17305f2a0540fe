//! What is served by an address of its own, and not in a bundle: a font, a text, the web client's templates (14.0) and translations.
//! Each changes without changing its size, by the code lane, and comes back with a rollback.
#![expect(clippy::unwrap_used, reason = "a test tells what is wrong by panicking")]

use std::time::Duration;

use slipway_tests::http::{self, Answer};
use slipway_tests::{Daemon, Journey, Options, Server};

const PATIENCE: Duration = Duration::from_secs(120);
const FONT: &str = "static/src/fonts/acme.woff2";
const NOTE: &str = "static/src/note.txt";
const TEMPLATES: &str = "static/src/xml/acme.xml";
const TRANSLATIONS: &str = "i18n/de.po";

/// What the files hold, in two versions of one size each.
fn file(path: &str, version: u8) -> Vec<u8> {
    let text = |template: &str| template.replace('@', &version.to_string()).into_bytes();
    match path {
        FONT => [b"wOF2".as_slice(), &[version; 4096]].concat(),
        NOTE => text("The note of version @.\n"),
        TEMPLATES => text("<templates><t t-name=\"acme.note\"><p>Template @</p></t></templates>\n"),
        _ => text(
            "msgid \"\"\nmsgstr \"\"\n\"Content-Type: text/plain; charset=UTF-8\\n\"\n\n#. module: acme_base\n\
             #. odoo-javascript\n#. openerp-web\n#: code:addons/acme_base/static/src/js/hours.js:0\nmsgid \"Opening hours\"\nmsgstr \"Zeiten @\"\n",
        ),
    }
}

struct Scene {
    journey: Journey,
    /// The files, and the address of each.
    files: Vec<(&'static str, String)>,
}

impl Scene {
    fn start(series: &str, more: &[(&'static str, &str)]) -> Self {
        let server = Server::with(Options { daemon: Daemon::Suite, ..Options::default() });
        let journey = Journey::on(server, series);
        let plain = [FONT, NOTE].map(|path| (path, format!("/acme_base/{path}")));
        let more = more.iter().map(|(path, address)| (*path, (*address).to_owned()));
        Self { journey, files: plain.into_iter().chain(more).collect() }
    }

    /// Makes commits that bring a version of all files.
    fn writes(&mut self, version: u8) -> String {
        let mut last = String::new();
        for (path, _) in &self.files {
            let name = format!("{path}-{version}");
            let sample = &mut self.journey.sample;
            sample.change(&name, &format!("acme_base/{path}"), file(path, version));
            last = name;
        }
        last
    }

    fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        http::get_with(self.journey.server.http(), &self.journey.host(), path, headers, PATIENCE).unwrap()
    }

    /// Panics unless each address gives this version. Gives the answers.
    fn serves(&self, version: u8) -> Vec<Answer> {
        let answers: Vec<Answer> = self.files.iter().map(|(_, address)| self.ask(address, &[])).collect();
        for ((path, address), answer) in self.files.iter().zip(&answers) {
            assert_eq!(answer.status, 200, "{address}");
            let text = answer.text();
            match *path {
                FONT | NOTE => {
                    assert!(answer.body == file(path, version), "{address}: not version {version}")
                }
                TEMPLATES => assert!(text.contains(&format!("Template {version}")), "{address}: {text}"),
                _ => assert!(text.contains(&format!("Zeiten {version}")), "{address}: {text}"),
            }
        }
        answers
    }

    /// Panics if a browser is told that what it keeps is still right: it sends what it was told about it.
    fn is_asked_for_again(&self, kept: &[Answer]) {
        for ((_, address), kept) in self.files.iter().zip(kept) {
            let Some(tag) = kept.header("etag").map(|tag| ("If-None-Match", tag)) else { continue };
            let date = kept.header("last-modified").map(|date| ("If-Modified-Since", date));
            for headers in [vec![tag], [tag].into_iter().chain(date).collect()] {
                let answer = self.ask(address, &headers);
                assert_eq!(answer.status, 200, "{address} with {headers:?}: {:?}", answer.headers);
            }
        }
    }

    /// Deploys what is on the branch. Gives the deployment's id and its lane.
    fn deploys(&self, commit: &str) -> (String, String) {
        let ran = self.journey.deploy_ends(commit, 0);
        let of = |key: &str| ran.result()["deployment"][key].as_str().unwrap().to_owned();
        (of("id"), of("lane"))
    }

    fn goes_back(&self, id: &str) {
        let ran = self.journey.slipway.run(&["rollback", &self.journey.env(), "--to", id, "--yes"]);
        assert_eq!(ran.code, Some(0), "{}", ran.told());
    }
}

/// The first version, the second by the code lane, and back.
fn there_and_back(mut scene: Scene) {
    let first = scene.writes(1);
    let (id, _) = scene.deploys(&first);
    let before = scene.serves(1);
    let second = scene.writes(2);
    let (_, lane) = scene.deploys(&second);
    assert_eq!(lane, "code");
    let after = scene.serves(2);
    scene.is_asked_for_again(&before);
    scene.goes_back(&id);
    scene.serves(1);
    scene.is_asked_for_again(&after);
}

#[test]
fn of_odoo_19() {
    let scene = Scene::start("19.0", &[]);
    scene.journey.sample.set_branch("live", "initial");
    scene.journey.sample.checkout("live");
    there_and_back(scene);
}

#[test]
fn translations_of_odoo_19() {
    let mut scene =
        Scene::start("19.0", &[(TRANSLATIONS, "/web/webclient/translations?lang=de_DE&mods=acme_base")]);
    // A language that people have.
    scene.journey.deploy_ends("initial", 0);
    scene.journey.sql("update res_lang set active = true where code = 'de_DE'");
    scene.journey.sample.checkout("live");
    let first = scene.writes(1);
    let (id, _) = scene.deploys(&first);
    scene.serves(1);
    let second = scene.writes(2);
    scene.deploys(&second);
    scene.serves(2);
    scene.goes_back(&id);
    scene.serves(1);
}

#[test]
fn of_odoo_14() {
    let mut scene = Scene::start("14.0", &[(TEMPLATES, "/web/webclient/qweb/0?mods=acme_base")]);
    let sample = &mut scene.journey.sample;
    sample.set_branch("live", "initial");
    sample.checkout("live");
    let path = sample.dir().join("acme_base/__manifest__.py");
    let manifest = std::fs::read_to_string(path).unwrap();
    let (before, end) = manifest.rsplit_once('}').unwrap();
    let manifest = format!("{before}    \"qweb\": [\"{TEMPLATES}\"],\n}}{end}");
    sample.change("qweb", "acme_base/__manifest__.py", manifest);
    there_and_back(scene);
}

#[test]
fn translations_of_odoo_14() {
    let mut scene =
        Scene::start("14.0", &[(TRANSLATIONS, "/web/webclient/translations/0?lang=de_DE&mods=acme_base")]);
    scene.journey.sample.set_branch("live", "initial");
    scene.journey.deploy_ends("initial", 0);
    scene.journey.sql("update res_lang set active = true where code = 'de_DE'");
    scene.journey.sample.checkout("live");
    let first = scene.writes(1);
    let (id, _) = scene.deploys(&first);
    scene.serves(1);
    let second = scene.writes(2);
    scene.deploys(&second);
    scene.serves(2);
    scene.goes_back(&id);
    scene.serves(1);
    // What people have translated otherwise in Odoo is theirs.
    scene
        .journey
        .sql("update ir_translation set value = 'Zeiten 7' where src = 'Opening hours' and lang = 'de_DE'");
    let third = scene.writes(3);
    scene.deploys(&third);
    scene.files.retain(|(path, _)| *path == TRANSLATIONS);
    scene.serves(7);
}
