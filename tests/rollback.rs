//! Going back: of the code, of code and data; trying again; and what retention may take away.
#![expect(clippy::unwrap_used, reason = "a test tells what is wrong by panicking")]

use std::collections::BTreeMap;

use serde_json::Value;
use slipway_tests::{Journey, Ran, Server};

/// The rows of the table of losses that tell of a model: made and changed.
fn lost(preview: &Value, model: &str) -> (u64, u64) {
    let losses = preview["losses"].as_array().unwrap();
    let row = losses.iter().find(|row| row["model"] == model);
    row.map_or((0, 0), |row| (row["created"].as_u64().unwrap(), row["changed"].as_u64().unwrap()))
}

#[test]
fn to_code_and_to_data() {
    let journey = Journey::live();
    let env = journey.env();
    let first = journey.last()["id"].as_str().unwrap().to_owned();
    let none = journey.slipway.run(&["rollback", &env, "--to", &first, "--data", "--yes"]);
    assert_eq!(
        (none.code, none.error()),
        (Some(3), "not_found"),
        "there is nothing to go back to: {}",
        none.told()
    );

    journey.make_ticket("before everything");
    let tickets_then = journey.tickets();
    let then = journey.data();
    let sorts = "select datcollate, datctype from pg_database where datname = current_database()";
    let sorts_then = journey.sql(sorts);
    // As Odoo's own modules make them, of which the sample has none.
    journey.sql("create index acme_ticket_search on acme_ticket using gin (unaccent(name) gin_trgm_ops)");
    let second = journey.deploy_ends("new-field", 0).result()["deployment"].clone();
    assert_eq!(second["lane"], "update");
    journey.assert_serves("1.3");
    let snapshots = journey.slipway.must(&["snapshots", &env]).result().clone();
    let of: Vec<&Value> = snapshots.as_array().unwrap().iter().map(|s| &s["deployment_id"]).collect();
    assert_eq!(of, [&second["id"]], "one was taken before the second deployment: {snapshots:#}");
    let snapshot = &snapshots[0];
    assert_eq!((&snapshot["kind"], &snapshot["state"]), (&"dump".into(), &"ready".into()), "{snapshot:#}");
    assert!(snapshot["database_bytes"].as_u64().unwrap() > 100_000, "{snapshot:#}");

    let taken = short(&second);
    list_is_right(&journey, &taken);

    // Code only: the rows made since stay. What only the newer version has can't, and that is said and asked first.
    journey.make_ticket("made since");
    let has_priority = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'acme_ticket' AND \
        column_name = 'priority'";
    assert_eq!(journey.sql(has_priority), "1");
    let told = journey.slipway.run(&["rollback", &env, "--to", &first]);
    assert_ne!(told.code, Some(0), "nobody said yes");
    let preview = told.lines.iter().find_map(|line| line.get("rollback")).expect("the preview comes first");
    assert_eq!(
        (&preview["plan"]["lane"], &preview["data_from"]),
        (&"update".into(), &Value::Null),
        "{preview:#}"
    );
    assert_eq!(preview["plan"]["update"][0]["module"], "acme_base", "{preview:#}");
    assert_eq!(journey.sql(has_priority), "1", "nothing was touched");
    let ran = journey.slipway.run(&["rollback", &env, "--to", &first, "--yes"]);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    assert_eq!(journey.sql(has_priority), "0", "which is why it was asked");
    let deployment = &ran.result()["deployment"];
    assert_eq!(
        (&deployment["trigger"], &deployment["rollback_of"]),
        (&"rollback".into(), &first.as_str().into())
    );
    assert_eq!(deployment["commit"], journey.sample.commit_of("initial"));
    journey.assert_serves("1.0");
    assert!(journey.tickets().contains(&"made since".to_owned()), "{:?}", journey.tickets());

    // Code and data: what would be lost is named first, and nothing happens until somebody says yes.
    let told = journey.slipway.run(&["rollback", &env, "--to", &first, "--data"]);
    assert_ne!(told.code, Some(0), "nobody said yes");
    let preview =
        told.lines.iter().find_map(|line| line.get("rollback")).expect("the preview comes first").clone();
    assert_eq!(lost(&preview, "acme.ticket"), (1, 0), "{preview:#}");
    assert!(preview["data_from"].is_string(), "{preview:#}");
    journey.assert_serves("1.0");
    assert!(journey.tickets().contains(&"made since".to_owned()), "nothing was touched");

    // Somebody removed a file of the snapshot; what is live has it, too.
    let lost = list(&journey, &taken).into_keys().next().unwrap();
    journey.in_filestores(&format!("rm before_{taken}/{lost}"));
    let load = journey.load("1.0");
    let ran = journey.slipway.run(&["rollback", &env, "--to", &first, "--data", "--yes"]);
    let report = load.stop();
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    assert!(said(&ran, "info", "1 files of the snapshot were gone"), "{:#?}", ran.lines);
    report.assert_none_failed();
    println!("rollback of data: {} requests, none failed, longest {:.2?}", report.requests, report.longest);
    assert_eq!(ran.result()["deployment"]["lane"], "restore");
    journey.assert_serves("1.0");
    assert_eq!(journey.tickets(), tickets_then, "the data of then");
    let now = journey.data();
    assert_eq!(now.files, then.files, "the files of then");
    for table in ["acme_ticket", "res_partner", "ir_attachment", "ir_ui_view", "res_users"] {
        assert_eq!(now.tables[table], then.tables[table], "{table} is as it was then");
    }
    assert_eq!(journey.sql(sorts), sorts_then, "it sorts as it did then");
    let searches = "select c.relname, p.provolatile, pg_get_userbyid(c.relowner), has_schema_privilege('odoo', 'public', 'create') \
        from pg_class c, pg_proc p where c.relname = 'acme_ticket_search' and p.oid = 'unaccent(text)'::regprocedure";
    assert_eq!(journey.sql(searches), "acme_ticket_search|i|odoo|t");
    let ours = "select (select count(*) from pg_event_trigger) + (select count(*) from pg_namespace where nspname ~ 'slipway')";
    assert_eq!(journey.sql(ours), "0", "nothing of the restore's own is left in it");
    assert_eq!(journey.databases(), [journey.database()], "no other database is left");
    assert_eq!(journey.last()["status"], "success");

    // And forward again: what the rollback replaced was kept as well.
    let last = journey.last();
    let snapshots = journey.slipway.must(&["snapshots", &env]).result().clone();
    assert_eq!(snapshots[0]["deployment_id"], last["id"], "the rollback took a snapshot too: {snapshots:#}");
    // Now it's one that what is live hasn't.
    let taken = short(&last);
    let live = journey.data().files;
    let (lost, _) = list(&journey, &taken)
        .into_iter()
        .find(|(path, _)| !live.contains_key(&format!("./{path}")))
        .unwrap();
    journey.in_filestores(&format!("rm before_{taken}/{lost}"));
    let back = journey.slipway.run(&[
        "rollback",
        &env,
        "--to",
        journey.history()[1]["id"].as_str().unwrap(),
        "--data",
        "--yes",
    ]);
    assert_eq!(back.code, Some(0), "{}", back.told());
    assert!(said(&back, "warning", "files are missing or damaged"), "{}", back.told());
    assert!(said(&back, "warning", &lost), "it names the file: {}", back.told());
    assert!(journey.tickets().contains(&"made since".to_owned()), "{:?}", journey.tickets());
    journey.assert_serves("1.0");
}

/// A version's data has that version's modules: what was added since goes with the data made since, and nothing is updated,
/// so that what people changed by hand in a module's own records is as it was.
#[test]
fn to_data_of_before_a_module_was_added() {
    const BY_HAND: &str = "Called so by hand";
    let journey = Journey::live();
    let env = journey.env();
    let first = journey.last()["id"].as_str().unwrap().to_owned();
    let menu = "SELECT res_id FROM ir_model_data WHERE module = 'acme_base' AND model = 'ir.ui.menu' LIMIT 1";
    journey.sql(&format!(
        "UPDATE ir_ui_menu SET name = jsonb_build_object('en_US', '{BY_HAND}') WHERE id = ({menu})"
    ));
    let then = journey.data();

    journey.set(&["--modules", "acme_base,acme_sla,acme_watch"]);
    let second = journey.deploy_ends("cron", 0).result()["deployment"].clone();
    assert_eq!(second["plan"]["install"], serde_json::json!(["acme_watch"]), "{second:#}");
    let called = format!("SELECT name->>'en_US' FROM ir_ui_menu WHERE id = ({menu})");
    assert_ne!(journey.sql(&called), BY_HAND, "the update wrote over it");

    // Its data stays as it is now, so it needs the module.
    let code = journey.slipway.run(&["rollback", &env, "--to", &first]);
    assert_eq!((code.code, code.error()), (Some(3), "module_not_found"), "{}", code.told());
    assert!(code.told().contains("Go back to its data as well"), "it says what can be done: {}", code.told());
    journey.assert_serves("1.5");

    let ran = journey.slipway.run(&["rollback", &env, "--to", &first, "--data", "--yes"]);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    let plan = &ran.result()["deployment"]["plan"];
    assert_eq!(
        (&plan["update"], &plan["install"]),
        (&serde_json::json!([]), &serde_json::json!([])),
        "{plan:#}"
    );
    journey.assert_serves("1.0");
    let now = journey.data();
    for table in ["acme_ticket", "ir_ui_menu", "ir_ui_view", "ir_module_module", "ir_model", "ir_model_data"]
    {
        assert_eq!(now.tables[table], then.tables[table], "{table} is as it was then");
    }
    assert_eq!(now.files, then.files);
    assert_eq!(journey.sql(&called), BY_HAND);

    // The settings are those of now: what they want comes with the next deployment.
    let next = journey.deploy_ends("cron", 0).result()["deployment"].clone();
    assert_eq!(next["plan"]["install"], serde_json::json!(["acme_watch"]), "{next:#}");
    journey.assert_serves("1.5");
}

fn short(deployment: &Value) -> String {
    deployment["id"].as_str().unwrap()[24..].to_owned()
}

fn said(ran: &Ran, level: &str, what: &str) -> bool {
    ran.lines
        .iter()
        .any(|l| l["level"] == level && l["text"].as_str().is_some_and(|text| text.contains(what)))
}

/// A snapshot's list of files: the SHA-1 and the size by the path.
fn list(journey: &Journey, short: &str) -> BTreeMap<String, (String, u64)> {
    let file = journey.folder().join("snapshots").join(short).join("filestore.list");
    let text = std::fs::read_to_string(file).unwrap();
    let fields = |line: &str| {
        let mut fields = line.splitn(3, '\t').map(str::to_owned);
        let (sum, size, path) = (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap());
        (path, (sum, size.parse().unwrap()))
    };
    text.lines().map(fields).collect()
}

/// Panics unless the list beside the dump tells what the snapshot's files are, to the byte.
fn list_is_right(journey: &Journey, short: &str) {
    let line = format!(
        "cd before_{short} && find . -path ./checklist -prune -o -type f -print | while read -r f; do \
         echo \"$(sha1sum <$f | cut -c1-40) $(wc -c <$f) ${{f#./}}\"; done"
    );
    let there: BTreeMap<String, (String, u64)> = journey
        .in_filestores(&line)
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.splitn(3, ' ').collect();
            (fields[2].to_owned(), (fields[0].to_owned(), fields[1].parse().unwrap()))
        })
        .collect();
    assert!(!there.is_empty(), "there are files");
    assert_eq!(list(journey, short), there);
    let snapshots = journey.slipway.must(&["snapshots", &journey.env()]).result().clone();
    let bytes: u64 = there.values().map(|(_, size)| size).sum();
    assert_eq!(snapshots[0]["filestore_bytes"], bytes, "{snapshots:#}");
}

#[test]
fn retention_takes_dependencies_that_nothing_stands_on() {
    // Of its own, since dependencies are shared: on the suite's daemon a release of a killed test may stand on them.
    let mut journey = Journey::on(Server::with_own_docker(), "19.0");
    journey.set(&["--keep-releases", "1"]);
    let docker = journey.server.docker().clone();
    let deps = || docker.lines(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "slipway/deps"]);
    // What earlier tests left there is the same image, and would be found.
    for tag in deps() {
        docker.run(&["image", "rm", &tag]);
    }
    // An image that has such a name, but not our label.
    let foreign = format!("slipway/deps:not-ours-{}", journey.slug());
    docker.must(&["tag", "caddy:2", &foreign]);
    let ours = || -> Vec<String> { deps().into_iter().filter(|tag| *tag != foreign).collect() };
    journey.deploy_ends("initial", 0);
    let first = ours();
    assert_eq!(first.len(), 1, "an image with what requirements.txt asks for");
    journey.deploy_ends("new-dependency", 0);
    let both = ours();
    assert!(both.len() == 2 && both.contains(&first[0]), "the release that is kept stands on it: {both:?}");
    journey.sample.checkout("live");
    journey.sample.release("2.0");
    assert_eq!(journey.slipway.run(&["deploy", &journey.env()]).code, Some(0));
    let second: Vec<String> = both.into_iter().filter(|tag| *tag != first[0]).collect();
    assert_eq!(ours(), second, "nothing stands on the first one any more");
    assert!(deps().contains(&foreign), "what isn't ours stays");
    docker.must(&["image", "rm", &foreign]);
    journey.assert_serves("2.0");
}

#[test]
fn to_what_never_served_is_refused_and_retry_is_a_new_one() {
    let journey = Journey::start();
    let env = journey.env();
    journey.deploy_ends("code-only", 0);
    let failed = journey.deploy_ends("load-fails", 5).result()["deployment"].clone();
    let id = failed["id"].as_str().unwrap();
    let refused = journey.slipway.run(&["rollback", &env, "--to", id]);
    assert_eq!((refused.code, refused.error()), (Some(3), "bad_input"), "{}", refused.told());
    let unknown = journey.slipway.run(&["rollback", &env, "--to", "ffffffffffff"]);
    assert_eq!((unknown.code, unknown.error()), (Some(3), "not_found"), "{}", unknown.told());

    // The branch moves on; the retry is of the same commit all the same.
    journey.sample.set_branch("live", "new-field");
    let retried = journey.slipway.run(&["retry", id]);
    assert_eq!(retried.code, Some(5), "what is broken stays broken: {}", retried.told());
    let retry = &retried.result()["deployment"];
    assert_ne!(retry["id"], failed["id"]);
    assert_eq!(
        (&retry["commit"], &retry["retry_of"], &retry["trigger"]),
        (&failed["commit"], &failed["id"], &"retry".into())
    );
    journey.assert_serves("1.1");
    assert_eq!(journey.history().len(), 3);
}

#[test]
fn retention_takes_what_is_old_and_ours() {
    let mut journey = Journey::live();
    journey.set(&["--keep-releases", "1", "--keep-snapshots", "1", "--snapshot-days", "14"]);
    let docker = journey.server.docker().clone();
    // An image and a container that look like ours but for the label.
    let foreign = format!("slipway/{}:0123456789ab", journey.slug());
    docker.must(&["tag", "caddy:2", &foreign]);
    journey.sample.checkout("live");
    let root = journey.folder();
    let names = |folder: &str| -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(root.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let mut ids = vec![];
    for number in 1..=4 {
        if number == 4 {
            assert_eq!(names("snapshots").len(), 3, "more than one, because they are younger than 14 days");
            journey.set(&["--snapshot-days", "0"]);
        }
        let release = format!("3.{number}");
        journey.sample.release(&release);
        let ran = journey.slipway.run(&["deploy", &journey.env()]);
        assert_eq!(ran.code, Some(0), "{}", ran.told());
        ids.push(ran.result()["deployment"]["id"].as_str().unwrap().to_owned());
    }
    journey.assert_serves("3.4");
    let short = |id: &str| id[id.len() - 12..].to_owned();
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let kept = sorted(vec![short(&ids[2]), short(&ids[3])]);
    assert_eq!(names("releases"), kept, "the live release and one more");
    let tags = docker.lines(&["image", "ls", "--format", "{{.Tag}}", &format!("slipway/{}", journey.slug())]);
    let ours = sorted(tags.iter().filter(|tag| tag.len() == 12 && *tag != "0123456789ab").cloned().collect());
    assert_eq!(ours, kept, "their images");
    assert_eq!(
        tags.iter().filter(|tag| tag.starts_with("k-")).count(),
        2,
        "and the same two by content: {tags:?}"
    );
    assert!(tags.contains(&"0123456789ab".to_owned()), "an image without our label stays: {tags:?}");
    docker.must(&["image", "rm", &foreign]);
    // The snapshot of the live deployment and the one before it are what a rollback needs.
    assert_eq!(names("snapshots"), kept, "snapshots");
    let listed = journey.slipway.must(&["snapshots", &journey.env()]).result().clone();
    let listed = sorted(
        listed.as_array().unwrap().iter().map(|s| short(s["deployment_id"].as_str().unwrap())).collect(),
    );
    assert_eq!(listed, kept, "what is listed is what is there");

    let back = journey.slipway.run(&["rollback", &journey.env(), "--to", &ids[2], "--data", "--yes"]);
    assert_eq!(back.code, Some(0), "what retention left is enough to go back: {}", back.told());
    journey.assert_serves("3.3");
    let gone = journey.slipway.run(&["rollback", &journey.env(), "--to", &ids[0], "--data", "--yes"]);
    assert_eq!(
        (gone.code, gone.error()),
        (Some(3), "not_found"),
        "its data is gone, and it says so: {}",
        gone.told()
    );
    let code = journey.slipway.run(&["rollback", &journey.env(), "--to", &ids[0]]);
    assert_eq!(code.code, Some(0), "its code can still be had: {}", code.told());
    journey.assert_serves("3.1");
}

#[test]
fn an_older_version_is_not_taken_for_a_newer_one() {
    let journey = Journey::live();
    let env = journey.env();
    let first = journey.last()["id"].as_str().unwrap().to_owned();
    journey.make_ticket("kept");
    journey.deploy_ends("new-field", 0);
    journey.slipway.must(&["plan", &env]);
    let direction = |reference: &str| {
        let plan = journey.slipway.must(&["plan", &env, "--ref", reference]).result().clone();
        plan["direction"].as_str().unwrap().to_owned()
    };
    let initial = journey.sample.commit_of("initial").to_owned();
    assert_eq!(direction(&initial), "back");
    assert_eq!(direction(journey.sample.commit_of("new-field")), "same");
    assert_eq!(direction(journey.sample.commit_of("cron")), "forward");

    // By whichever door: a branch that was set back, a commit, an earlier deployment once more.
    journey.sample.set_branch("live", "initial");
    let doors: [&[&str]; 3] = [&["deploy", &env], &["deploy", &env, "--ref", &initial], &["retry", &first]];
    for door in doors {
        let refused = journey.slipway.run(door);
        assert_eq!(refused.error(), "would_go_back", "{door:?}: {}", refused.told());
        assert_ne!(refused.code, Some(0));
        journey.assert_serves("1.3");
    }
    let columns = "select count(*) from information_schema.columns where table_name = 'acme_ticket' and column_name = 'priority'";
    assert_eq!(journey.sql(columns), "1", "nothing was dropped");

    journey.deploy_back("initial");
    journey.assert_serves("1.0");
    assert!(journey.tickets().contains(&"kept".to_owned()));
    journey.deploy_ends("code-only", 0);
    journey.assert_serves("1.1");
}
