//! What stands on the server isn't what the last deployment left: somebody removed a container, something waits in Odoo, the base
//! image is another.

use slipway_engine::engine::{Engine, EngineOptions};
use slipway_engine::model::{Project, Repository};
use slipway_tests::{Journey, Sample};

/// The exit code of a deployment that was rolled back.
const ROLLED_BACK: i32 = 5;

/// Removes a container by hand.
fn remove(journey: &Journey, container: &str) {
    journey.server.docker().must(&["rm", "-f", container]);
}

/// The slots whose gate is open.
fn gates(journey: &Journey) -> usize {
    let gates = journey.server.home().join(".slipway/caddy/gate").join(journey.slug());
    std::fs::read_dir(gates).map_or(0, Iterator::count)
}

#[test]
fn a_container_that_was_removed() {
    let journey = Journey::start();
    journey.deploy_ends("initial", 0);
    journey.make_ticket("kept");

    remove(&journey, &journey.web());
    let same = journey.deploy_ends("initial", 0).result()["deployment"].clone();
    assert_eq!(
        (&same["lane"], &same["plan"]["update"]),
        (&"update".into(), &serde_json::json!([])),
        "{same:#}"
    );
    journey.assert_serves("1.0");

    remove(&journey, &journey.web());
    let newer = journey.deploy_ends("cron", 0).result()["deployment"].clone();
    assert_eq!(newer["plan"]["update"][0]["module"], "acme_base", "{newer:#}");
    assert!(!newer.to_string().contains("not known what runs"), "what it held is known: {newer:#}");
    journey.assert_serves("1.5");

    // What fails leaves the data, and no gate to a container that isn't there: with nothing to update, and with something.
    let before = journey.data();
    let databases = journey.databases();
    remove(&journey, &journey.web());
    for commit in ["load-fails", "migration-fails"] {
        journey.deploy_ends(commit, ROLLED_BACK);
        before.assert_same(&journey.data());
        assert_eq!(journey.databases(), databases, "{commit}: no database was left");
        assert_eq!(gates(&journey), 0, "{commit}: nobody is sent to where nothing is");
    }

    // The database's own container may be gone as well.
    remove(&journey, &journey.database_container());
    let plan = journey.slipway.must(&["plan", &journey.env()]).result().clone();
    assert!(plan["warnings"].to_string().contains("container does not run"), "{plan:#}");
    journey.deploy_ends("cron", 0);
    journey.assert_serves("1.5");
    assert!(journey.tickets().contains(&"kept".to_owned()), "{:?}", journey.tickets());
}

#[test]
fn a_database_that_lets_nobody_in() {
    let journey = Journey::start();
    journey.deploy_ends("initial", 0);
    journey.make_ticket("kept");
    let before = journey.data();
    let database = journey.database();
    let may_be_used = |may: bool| {
        let change = format!("alter database \"{database}\" allow_connections {may}");
        let container = journey.database_container();
        let psql = ["exec", &container, "psql", "-qU", "postgres", "-c", &change];
        journey.server.docker().must(&psql);
    };

    may_be_used(false);
    for ran in [journey.slipway.run(&["plan", &journey.env()]), journey.deploy("cron")] {
        assert_eq!(ran.error(), "database_failed", "{}", ran.told());
        assert!(
            ran.told().contains("lets nobody in"),
            "it is there, and is not planned for anew: {}",
            ran.told()
        );
    }
    assert_eq!(journey.databases(), std::slice::from_ref(&database), "nothing was made beside it");

    may_be_used(true);
    before.assert_same(&journey.data());
    journey.deploy_ends("cron", 0);
    assert!(journey.tickets().contains(&"kept".to_owned()), "{:?}", journey.tickets());
}

#[test]
fn modules_that_wait_in_odoo() {
    let mut journey = Journey::start();
    let env = journey.env();
    journey.deploy_ends("initial", 0);
    // One with a folder, and one that is in the database alone.
    set(&journey, "web_tour", "to upgrade");
    journey.sql("insert into ir_module_module (name, state, latest_version) values ('acme_row', 'to upgrade', '19.0.1.0')");
    journey.sql(
        "insert into ir_module_module_dependency (name, module_id) select 'base', id from ir_module_module where name = 'acme_row'",
    );
    let ran = journey.deploy_ends("code-only", 0);
    let plan = &ran.result()["deployment"]["plan"];
    assert_eq!(
        (&plan["lane"], &plan["update"][0]["module"]),
        (&"update".into(), &"web_tour".into()),
        "{plan:#}"
    );
    assert!(plan["warnings"].to_string().contains("acme_row waits"), "{plan:#}");
    assert_eq!(
        (state(&journey, "web_tour"), state(&journey, "acme_row")),
        ("installed".into(), "to upgrade".into())
    );

    // An update of everything marks what has no folder, too, and nothing would ever take the mark away.
    set(&journey, "acme_row", "installed");
    let ran = journey.slipway.run(&["deploy", &env, "--update", "all"]);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    assert_eq!(state(&journey, "acme_row"), "installed");

    // What is to be uninstalled is left in the code lane, and never uninstalled by the way.
    set(&journey, "web_tour", "to remove");
    set(&journey, "acme_row", "to install");
    journey.sample.checkout("live");
    journey.sample.release("2.0");
    let ran = journey.slipway.run(&["deploy", &env]);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    assert_eq!(ran.result()["deployment"]["lane"], "code");
    journey.assert_serves("2.0");
    let refused = journey.deploy("new-field");
    assert_eq!((refused.code, refused.error()), (Some(3), "conflict"), "{}", refused.told());
    assert_eq!(state(&journey, "web_tour"), "to remove");

    // A database is of one series.
    change_project(&journey, |project| project.series = "18.0".into());
    let refused = journey.slipway.run(&["deploy", &env]);
    assert_eq!((refused.code, refused.error()), (Some(3), "wrong_series"), "{}", refused.told());
    journey.assert_serves("2.0");
}

#[test]
fn another_base_image_and_fewer_repositories() {
    const FIELD: &str =
        "\n\nclass Mark(models.Model):\n    _inherit = 'web_tour.tour'\n    acme_mark = fields.Char()\n";
    const FILE: &str = "/usr/lib/python3/dist-packages/odoo/addons/web_tour/models/tour.py";
    let journey = Journey::start();
    let (env, docker) = (journey.env(), journey.server.docker().clone());
    let tag = format!("slipway-test/base:{}", journey.slug());
    docker.must(&["tag", "odoo:19.0", &tag]);
    journey.set(&["--image", &tag]);
    let mut extra = Sample::create(journey.server.scratch("extra"));
    extra.git(&["rm", "-rq", "."]);
    extra.change("extra", "acme_extra/__init__.py", "");
    extra.change(
        "extra",
        "acme_extra/__manifest__.py",
        "{'name': 'Extra', 'author': 'Acme', 'license': 'LGPL-3'}",
    );
    let url = extra.dir().display().to_string();
    change_project(&journey, |project| project.repositories.push(Repository::new("extra", &url)));
    journey.set(&["--modules", "acme_base,acme_sla,acme_extra"]);
    journey.deploy_ends("initial", 0);

    // The tag is another image now, in which one of Odoo's own modules has a field more.
    let container = docker.must(&["create", &tag]);
    let file = journey.server.scratch("image").join("tour.py");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    docker.must(&["cp", &format!("{container}:{FILE}"), file.to_str().unwrap()]);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + FIELD).unwrap();
    docker.must(&["cp", file.to_str().unwrap(), &format!("{container}:{FILE}")]);
    docker.must(&["commit", &container, &tag]);
    docker.must(&["rm", &container]);
    let plan = journey.slipway.must(&["plan", &env]).result().clone();
    let updated: Vec<&str> =
        plan["update"].as_array().unwrap().iter().map(|m| m["module"].as_str().unwrap()).collect();
    assert_eq!(updated, ["web_tour"], "{plan:#}");
    assert!(plan["why"].to_string().contains("base image changed"), "{plan:#}");
    journey.deploy_ends("initial", 0);
    let column = "select count(*) from information_schema.columns where column_name = 'acme_mark'";
    assert_eq!(journey.sql(column), "1");
    let plan = journey.slipway.must(&["plan", &env]).result().clone();
    assert_eq!(plan["lane"], "code", "it is the same image now: {plan:#}");

    change_project(&journey, |project| project.repositories.truncate(1));
    journey.set(&["--modules", "acme_base,acme_sla"]);
    let refused = journey.slipway.run(&["deploy", &env]);
    assert_eq!((refused.code, refused.error()), (Some(3), "module_not_found"), "{}", refused.told());
    assert!(refused.told().contains("no longer has extra"), "{}", refused.told());
    journey.assert_serves("1.0");
    docker.run(&["image", "rm", "-f", &tag]);
}

/// The state of a module in Odoo.
fn state(journey: &Journey, module: &str) -> String {
    journey.sql(&format!("select state from ir_module_module where name = '{module}'"))
}

/// Changes the state of a module in Odoo.
fn set(journey: &Journey, module: &str, state: &str) {
    journey.sql(&format!("update ir_module_module set state = '{state}' where name = '{module}'"));
}

/// Changes the project as the window does.
#[expect(clippy::unwrap_used, reason = "a test tells what is wrong by panicking")]
fn change_project(journey: &Journey, change: impl FnOnce(&mut Project)) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let engine = Engine::open(journey.slipway.home(), EngineOptions::default()).await.unwrap();
        let mut project = engine.project(journey.project()).await.unwrap();
        change(&mut project);
        engine.save_project(project).await.unwrap();
    });
}
