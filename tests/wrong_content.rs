//! What is served is what was deployed: the new release is asked for its bundles before the commit, and what differs is rolled
//! back with the bundles as they were.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test tells what is wrong by panicking")]

use slipway_tests::{Daemon, Journey, Options, Server};

const ROLLED_BACK: i32 = 5;
const MANIFEST: &str = "{'name': 'Acme web', 'author': 'Acme', 'license': 'LGPL-3', 'depends': ['web'],
 'assets': {'web.assets_frontend': ['acme_web/static/src/*']}}\n";

fn style(mark: &str) -> String {
    format!(".acme_mark {{ --acme-mark: \"{mark}\"; }}\n")
}

fn script(mark: &str) -> String {
    format!("/** @odoo-module **/\nexport const MARK = \"{mark}\";\n")
}

/// Commits both files, by the name of what they say.
fn say(journey: &mut Journey, mark: &str) {
    journey.sample.change(&format!("half-{mark}"), "acme_web/static/src/mark.css", style(mark));
    journey.sample.change(mark, "acme_web/static/src/mark.js", script(mark));
}

/// The bundles that the login page takes, each asked for once: the style's and the script's that hold our files.
fn bundles(journey: &Journey) -> [(String, String); 2] {
    let page = journey.get("/web/login").unwrap().text();
    let links = page.split('"').filter(|word| word.starts_with("/web/assets/"));
    let links: Vec<(String, String)> =
        links.map(|link| (link.to_owned(), journey.get(link).unwrap().text())).collect();
    ["css", "js"].map(|kind| {
        let ours =
            links.iter().find(|(link, text)| link.ends_with(kind) && text.contains("/acme_web/static/"));
        ours.unwrap_or_else(|| panic!("no {kind} has our file: {page}")).clone()
    })
}

#[test]
fn what_differs_is_rolled_back() {
    // On this computer's own address: what visitors get of a name that only the server knows isn't looked at.
    let server = Server::with(Options { daemon: Daemon::Suite, ..Options::default() });
    let mut journey = Journey::on(server, "19.0");
    journey.sample.checkout("live");
    journey.sample.change("init", "acme_web/__init__.py", "");
    journey.sample.change("manifest", "acme_web/__manifest__.py", MANIFEST);
    say(&mut journey, "one");
    journey.set(&["--modules", "acme_base,acme_web"]);
    journey.deploy_ends("one", 0);
    let one = bundles(&journey);
    assert!(one.iter().all(|(_, text)| text.contains("one")), "{one:?}");

    journey.sample.checkout("live");
    say(&mut journey, "two");
    let ran = journey.deploy_ends("two", 0);
    assert_eq!(ran.result()["deployment"]["lane"], "code", "{}", ran.told());
    let log = journey.slipway.must(&["logs", &journey.env()]).stdout.join("\n");
    assert!(log.contains("What it serves: checked 2 files in"), "{log}");
    assert!(log.contains("changed addresses give visitors what was deployed"), "{log}");
    assert!(log.contains("The proxy gives what was deployed: 4 addresses compared"), "{log}");
    let two = bundles(&journey);
    assert!(two.iter().all(|(_, text)| text.contains("two")), "{two:?}");
    assert_ne!(one[0].0, two[0].0);

    // Going back brings the old ones again; then an attachment of the old style lies where the new one's will be looked for.
    journey.deploy_back("one");
    assert_eq!(bundles(&journey), one);
    journey.sql(&format!(
        "insert into ir_attachment (name, url, type, public, res_model, res_id, create_uid, write_uid, create_date, write_date, \
         mimetype, store_fname, checksum, file_size) select name, '{}', type, public, res_model, res_id, create_uid, write_uid, \
         create_date, write_date, mimetype, store_fname, checksum, file_size from ir_attachment where url = '{}'",
        two[0].0, one[0].0
    ));
    let before = journey.data();
    journey.deploy_ends("two", ROLLED_BACK);
    let last = journey.last();
    assert_eq!((&last["status"], &last["lane"]), (&"rolled_back".into(), &"code".into()), "{last:#}");
    assert_eq!(last["error"]["code"], "wrong_content", "{last:#}");
    let message = last["error"]["message"].as_str().unwrap();
    assert!(message.contains("/acme_web/static/src/mark.css in web.assets_frontend"), "{message}");
    before.assert_same(&journey.data());
    assert_eq!(bundles(&journey), one);
}
