//! The cut over against real Docker, Odoo, PostgreSQL and Caddy: what succeeds, what fails, and what is killed at each
//! of its actions.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "tests: a failure is a panic, and a long one says where it is"
)]

mod cutover_lab;

use std::time::{Duration, Instant};

use cutover_lab::{Case, Lab, asks, serve};
use slipway_engine::{
    cutover::{Entry, Event, Lane, Outcome, Slot},
    render::caddy::Tls,
};

#[test]
fn a_page_that_sends_its_visitors_elsewhere_has_answered() {
    // 192.0.2.1 is no host anywhere (RFC 5737).
    let address = serve(&[
        ("/page", "200 OK"),
        ("/provider", "303 See Other\r\nLocation: https://192.0.2.1/login"),
        ("/provider-by-name", "302 Found\r\nlocation: //provider.example/login"),
        ("/here", "303 See Other\r\nLocation: /page"),
        ("/broken-here", "303 See Other\r\nLocation: /broken"),
        ("/circle", "303 See Other\r\nLocation: /circle"),
        ("/gone", "404 Not Found"),
    ]);
    let said = asks(address, &["/page", "/provider", "/provider-by-name", "/here"]);
    assert_eq!(said, [Ok(()), Ok(()), Ok(()), Ok(())]);
    let said = asks(address, &["/broken-here", "/circle", "/gone"]);
    assert!(said.len() == 3 && said.iter().all(Result::is_err), "{said:?}");
}

#[test]
fn update_lane() {
    let Some(mut lab) = Lab::new("update") else { return };
    lab.reset();
    let database = lab.database();
    lab.sql(&database, "create extension unaccent; alter function unaccent(text) immutable");
    let before = lab.digest();

    println!("a migration that fails");
    let load = lab.load();
    let case = lab.case(Lane::Update, "migration_fails");
    let outcome = lab.start_and_follow(&case, &[]);
    let Some(Outcome::Reverted { step, action, error: Some(error) }) = outcome else { panic!("{outcome:?}") };
    assert_eq!((step.as_deref(), action.as_str()), (Some("initializing_database"), "update"));
    assert!(error.contains(r#"ValueError: a "quoted" failure \ of the migration"#), "{error}");
    let report = load.stop();
    assert!(report.failed.is_empty(), "{report:?}");
    assert_eq!(lab.digest(), before);
    assert_eq!(lab.made(&database), "C UTF8 odoo t unaccent i\n", "a clone has what it had");
    // As we made it in the past, and as it stays unless an update succeeds.
    lab.sql(&database, "alter function unaccent(text) stable");
    let said: Vec<String> =
        lab.journal(&case).into_iter().filter(|e| e.ev == Event::Line).map(|e| e.text).collect();
    assert!(said.iter().any(|line| line.contains("loading lab_mod")), "{said:?}");

    println!("a page that is broken");
    let mut case = lab.case(Lane::Update, "health_fails");
    case.plan.limits.health = Duration::from_secs(5);
    lab.write(&case);
    let outcome = lab.start_and_follow(&case, &[]);
    assert!(matches!(&outcome, Some(Outcome::Reverted { action, .. }) if action == "healthy"), "{outcome:?}");
    assert_eq!(lab.digest(), before);

    println!("cancelled");
    for action in ["drain", "clone", "update", "healthy"] {
        let case = lab.case(Lane::Update, "good");
        assert!(lab.call(&case, "start", &[]).status.success());
        lab.wait_for(&case, action);
        assert_eq!(lab.call(&case, "cancel", &[]).stdout, b"cancelling\n");
        assert!(lab.call(&case, "follow", &[]).status.success());
        assert_eq!(lab.status(&case), "cancelled", "at {action}");
        assert_eq!(lab.digest(), before, "cancelled at {action}");
    }

    println!("cancelled while a statement runs in the database that has to be renamed");
    lab.break_script("  indexable \"$DB\" ||", "  SQLDB=$DB sql 'select pg_sleep(60)'; indexable \"$DB\" ||");
    let case = lab.case(Lane::Update, "good");
    assert!(lab.call(&case, "start", &[]).status.success());
    let sleeps = format!(
        "select count(*) from pg_stat_activity where datname = '{database}' and wait_event = 'PgSleep'"
    );
    lab.until("the statement", || lab.sql("postgres", &sleeps) == "1\n");
    assert_eq!(lab.call(&case, "cancel", &[]).stdout, b"cancelling\n");
    assert!(lab.call(&case, "follow", &[]).status.success());
    assert_eq!((lab.status(&case), lab.digest()), ("cancelled".to_owned(), before.clone()));
    lab.mend_script();

    println!("good, guarded, run killed in the update: the guard goes back by itself");
    let case = lab.case(Lane::Update, "good");
    let outcome = lab.start_and_follow(&case, &[("KILL_IN", "update:1.5")]);
    assert!(matches!(&outcome, Some(Outcome::Reverted { action, .. }) if action == "update"), "{outcome:?}");
    assert_eq!(lab.digest(), before);
    assert_eq!(lab.made(&database), "C UTF8 odoo t unaccent s\n");

    println!("good");
    let load = lab.load();
    let case = lab.case(Lane::Update, "good");
    assert_eq!(lab.start_and_follow(&case, &[]), Some(Outcome::Committed));
    let report = load.stop();
    println!("longest answer {:?}, {} answered, {:?}", report.longest, report.answered, report.versions);
    assert!(report.failed.is_empty(), "{report:?}");
    assert_is_new(&lab, &case);
    assert_eq!(lab.made(&database), "C UTF8 odoo t unaccent i\n", "repaired, and only that");
    assert_eq!(lab.made(&case.plan.before()), "C UTF8 odoo t unaccent s\n");
    assert_eq!(
        lab.sql(&case.plan.before(), "select count(*) from res_partner where comment like '%two%'"),
        "0\n"
    );
    assert_eq!(lab.call(&case, "cancel", &[]).stdout, b"not_running\n");
    let actions = lab.actions(&case);

    println!("killed at and in every action of {actions:?}");
    lab.reset();
    let before = lab.digest();
    let inside = ["clone:0.3", "link:0.2", "update:2", "start_new:0.15"].map(|w| ("KILL_IN", w.to_owned()));
    kill_everywhere(
        &mut lab,
        Lane::Update,
        &before,
        actions.iter().map(|a| ("KILL_AT", a.clone())).chain(inside),
    );
}

#[test]
fn code_lane() {
    let Some(mut lab) = Lab::new("code") else { return };
    for tls in [
        Tls::Plain,
        Tls::Internal,
        Tls::Own,
        Tls::Acme { email: None, directory: None, trusted_root: None },
        Tls::Acme {
            email: Some("me@example.com".into()),
            directory: Some("https://ca.example/dir".into()),
            trusted_root: Some("root.pem".into()),
        },
    ] {
        assert_eq!(lab.caddy_accepts(&lab.site(tls.clone()).render().unwrap()), Ok(()), "{tls:?}");
    }
    lab.reset();
    let before = lab.digest();

    println!("without the hold, a cron of the new release runs before the commit");
    lab.break_script("step hold_crons &&", "");
    let mut case = lab.case(Lane::Code, "health_fails");
    case.plan.limits.health = Duration::from_secs(300);
    lab.write(&case);
    let nudge = lab.nudge_crons();
    assert!(lab.call(&case, "start", &[]).status.success());
    lab.wait_for(&case, "healthy");
    let begun = Instant::now();
    lab.until("a cron of the new release", || lab.cron_runs("two") > 0);
    let took = begun.elapsed();
    assert_eq!(lab.call(&case, "cancel", &[]).stdout, b"cancelling\n");
    assert!(lab.call(&case, "follow", &[]).status.success());
    lab.sql(&lab.database(), "delete from lab_run");
    lab.mend_script();

    println!("with it, none does in more than twice the {took:?} that this took");
    let mut case = lab.case(Lane::Code, "health_fails");
    case.plan.limits.health = took * 2 + Duration::from_secs(10);
    lab.write(&case);
    let outcome = lab.start_and_follow(&case, &[]);
    drop(nudge);
    assert!(matches!(&outcome, Some(Outcome::Reverted { action, .. }) if action == "healthy"), "{outcome:?}");
    assert_eq!(lab.cron_runs("two"), 0);
    assert_eq!(lab.digest(), before);

    println!("good, under load");
    let load = lab.load();
    let case = lab.case(Lane::Code, "good");
    assert_eq!(lab.start_and_follow(&case, &[]), Some(Outcome::Committed));
    let report = load.stop();
    println!("longest answer {:?}, {} answered, {:?}", report.longest, report.answered, report.versions);
    assert!(report.failed.is_empty(), "{report:?}");
    assert!(
        report.versions["one"] > 5 && report.versions["two"] > 0 && report.versions.len() == 2,
        "{report:?}"
    );
    assert_is_new(&lab, &case);
    assert!(std::fs::metadata(format!("{}/dump", case.plan.snapshot())).unwrap().len() > 100_000);
    let nudge = lab.nudge_crons();
    lab.until("crons after the commit", || lab.cron_runs("two") > 0);
    drop(nudge);
    let actions = lab.actions(&case);

    println!("cancelled, then killed at and in every action of {actions:?}");
    lab.reset();
    let before = lab.digest();
    let case = lab.case(Lane::Code, "good");
    assert!(lab.call(&case, "start", &[]).status.success());
    lab.wait_for(&case, "healthy");
    assert_eq!(lab.call(&case, "cancel", &[]).stdout, b"cancelling\n");
    assert!(lab.call(&case, "follow", &[]).status.success());
    assert_eq!((lab.status(&case), lab.digest()), ("cancelled".to_owned(), before.clone()));
    let load = lab.load();
    kill_everywhere(&mut lab, Lane::Code, &before, actions.iter().map(|a| ("KILL_AT", a.clone())));
    let report = load.stop();
    println!("longest answer {:?}, {} answered", report.longest, report.answered);
    assert!(report.failed.is_empty(), "{report:?}");
}

#[test]
fn what_is_served() {
    let Some(mut lab) = Lab::new("served") else { return };
    lab.reset();
    let old = lab.style();
    assert!(old.1.contains("--lab-mark: \"one\""), "{}", old.1);
    let before = lab.digest();

    println!("files that changed under their old times: the old bundle is served");
    for lane in [Lane::Code, Lane::Update] {
        let case = lab.case_with_files(lane, "stale");
        let outcome = lab.start_and_follow(&case, &[]);
        let Some(Outcome::Reverted { step, action, error: Some(error) }) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!((step.as_deref(), action.as_str()), (Some("health_check"), "served"), "{error}");
        assert!(error.contains("/lab_mod/static/src/lab.css in web.assets_frontend"), "{error}");
        assert_eq!((lab.digest(), lab.style()), (before.clone(), old.clone()));
    }

    println!("good, but killed after its bundles took the old ones' place: going back brings those again");
    let bundles = |lab: &Lab| {
        let rows = "select string_agg(md5(a::text), ' ' order by id) from ir_attachment a where url like '/web/assets/%'";
        lab.sql(&lab.database(), rows)
    };
    let rows = bundles(&lab);
    let case = lab.case_with_files(Lane::Code, "good");
    assert!(!lab.call(&case, "run", &[("KILL_AT", "keep")]).status.success());
    assert_eq!(lab.actions(&case).last().map(String::as_str), Some("keep"), "{:?}", lab.journal(&case));
    assert_ne!(bundles(&lab), rows, "the new release has put its bundle in the old one's place");
    for _ in 0..2 {
        assert_eq!(lab.call(&case, "revert", &[]).status.code(), Some(0));
    }
    assert_eq!((lab.status(&case), bundles(&lab)), ("reverted".to_owned(), rows));
    assert_eq!((lab.digest(), lab.style()), (before, old.clone()));

    println!("good");
    let case = lab.case_with_files(Lane::Code, "good");
    assert_eq!(lab.start_and_follow(&case, &[]), Some(Outcome::Committed));
    let said = lab.journal(&case).into_iter().find(|e| e.action == "served" && e.ev == Event::Ok).unwrap();
    assert_eq!(said.text.trim(), "checked 2 files in 1 bundle");
    let new = lab.style();
    assert!(new.0 != old.0 && new.1.contains("--lab-mark: \"two\""), "{new:?}");
}

#[test]
fn first_and_restore_lanes() {
    let Some(mut lab) = Lab::new("first") else { return };

    println!("first, with an extension that is broken");
    lab.reset_empty();
    lab.rename_extension("unaccent--1.1.sql", "hidden");
    let case = lab.case(Lane::First, "good");
    let outcome = lab.start_and_follow(&case, &[]);
    let Some(Outcome::Reverted { action, error: Some(error), .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(action, "create_db");
    assert!(error.contains("the extension unaccent could not be made"), "{error}");
    lab.rename_extension("hidden", "unaccent--1.1.sql");

    println!("a migration can't fail yet, but a kill can come");
    for at in ["KILL_AT=create_db", "KILL_IN=update:4", "KILL_AT=healthy"] {
        let case = lab.case(Lane::First, "good");
        let (hook, at) = at.split_once('=').unwrap();
        // The last time on a PostgreSQL that hasn't all extensions.
        let lacking = at == "healthy";
        if lacking {
            lab.rename_extension("unaccent.control", "hidden");
        }
        assert!(!lab.call(&case, "run", &[(hook, at)]).status.success());
        assert_eq!(lab.status(&case), "dead");
        if lacking {
            lab.rename_extension("hidden", "unaccent.control");
            assert_eq!(lab.made(&lab.database()), "C UTF8 odoo t pg_trgm\n");
            let warned = |e: &Entry| e.ev == Event::Warn && e.text.contains("no extension unaccent");
            assert!(lab.journal(&case).iter().any(warned), "{:?}", lab.journal(&case));
        }
        for _ in 0..2 {
            assert_eq!(lab.call(&case, "revert", &[]).status.code(), Some(0));
        }
        assert_eq!(lab.status(&case), "reverted");
        assert_eq!(
            lab.sql("postgres", "select count(*) from pg_database where datname like 'lab%'"),
            "0\n",
            "{at}"
        );
        assert_eq!(lab.files("ls"), "tpl\n", "{at}");
    }
    let case = lab.case(Lane::First, "good");
    assert_eq!(lab.start_and_follow(&case, &[]), Some(Outcome::Committed));
    assert_eq!(lab.version(), "two");
    // As `_create_empty_database` of Odoo's service/db.py makes it.
    assert_eq!(lab.made(&lab.database()), "C UTF8 odoo t pg_trgm unaccent i\n");

    println!("first again: refuses a database that is there, and leaves it alone");
    let case = lab.case(Lane::First, "good");
    let outcome = lab.start_and_follow(&case, &[]);
    assert!(
        matches!(&outcome, Some(Outcome::Reverted { action, .. }) if action == "fresh" || action == "look"),
        "{outcome:?}"
    );
    assert_eq!(lab.version(), "two");

    println!("restore: killed around the swap, then good");
    lab.reset();
    let before = lab.digest();
    lab.sql("postgres", &format!("grant connect on database {} to pg_monitor", lab.database()));
    let kept = lab.kept(&lab.database());
    let prepare = |lab: &Lab, case: &Case| {
        let staging = case.plan.staging();
        lab.sql("postgres", &format!("create database {staging} template tpl strategy file_copy"));
        lab.sql("postgres", &format!("comment on database {staging} is 'slipway: whole'"));
        lab.sql(&staging, "update res_partner set comment = 'restored'");
        lab.files(&format!("cp -al tpl {staging}; echo x > {staging}/restored"));
    };
    for at in ["stop_old", "swap", "unseal", "hold_crons", "keep"].into_iter().filter(|at| is_chosen(at)) {
        let case = lab.case(Lane::Restore, "old");
        prepare(&lab, &case);
        assert!(!lab.call(&case, "run", &[("KILL_AT", at)]).status.success());
        for _ in 0..2 {
            assert_eq!(lab.call(&case, "revert", &[]).status.code(), Some(0), "{at}");
        }
        assert_eq!(
            (lab.status(&case), lab.digest()),
            ("reverted".to_owned(), before.clone()),
            "killed at {at}"
        );
    }
    let case = lab.case(Lane::Restore, "good");
    prepare(&lab, &case);
    assert_eq!(lab.start_and_follow(&case, &[]), Some(Outcome::Committed));
    let restored = "select count(*) from res_partner where comment like '%restored%'";
    assert_ne!(lab.sql(&lab.database(), restored), "0\n");
    assert_eq!(lab.kept(&lab.database()), kept);
    assert_eq!(lab.sql(&case.plan.before(), restored), "0\n");
    let expected = format!("{}/restored\n", lab.database());
    assert_eq!(lab.files("ls -d */restored"), expected);
    assert_eq!(lab.version(), "two");
}

/// Where a kill is tried in every run: where Odoo, Caddy and Docker themselves are in the middle of something. `cutover_faults` has
/// PostgreSQL and the script at all other places; all of them with Odoo take a quarter of an hour more: `make test-faults`.
const CRITICAL: [&str; 6] = ["swap", "update:2", "proof", "commit", "gate_switch", "keep"];

fn is_chosen(at: &str) -> bool {
    std::env::var("SLIPWAY_FAULTS").is_ok_and(|faults| faults == "all") || CRITICAL.contains(&at)
}

/// Kills a run, reverts it twice, and looks whether all is as it was — or, once the commit had begun, whether all is new.
fn kill_everywhere(
    lab: &mut Lab,
    lane: Lane,
    before: &str,
    hooks: impl Iterator<Item = (&'static str, String)>,
) {
    for (hook, at) in hooks.filter(|(_, at)| is_chosen(at)) {
        let case = lab.case(lane, "good");
        let ran = lab.call(&case, "run", &[(hook, &at)]);
        assert!(!ran.status.success(), "{hook}={at} killed nothing");
        assert_eq!(lab.status(&case), "dead", "{hook}={at}");
        let committed = lab.journal(&case).iter().any(|e| e.action == "commit" && e.ev == Event::Start);
        for _ in 0..2 {
            let reverted = lab.call(&case, "revert", &[]);
            assert_eq!(
                reverted.status.code(),
                Some(0),
                "{hook}={at}: {}",
                String::from_utf8_lossy(&reverted.stderr)
            );
        }
        if committed {
            assert_eq!(lab.status(&case), "committed", "{hook}={at}");
            assert_is_new(lab, &case);
            lab.reset();
        } else {
            assert_eq!(lab.status(&case), "reverted", "{hook}={at}");
            assert_eq!(lab.digest(), before, "{hook}={at}");
        }
        println!("{hook}={at}: {}", lab.status(&case));
    }
}

fn assert_is_new(lab: &Lab, case: &Case) {
    assert_eq!(lab.version(), "two");
    assert!(lab.gate(Slot::B).exists() && !lab.gate(Slot::A).exists());
    let updated = lab.sql(&lab.database(), "select count(*) > 0 from res_partner where comment like '%two%'");
    assert_eq!(updated, if case.plan.lane == Lane::Update { "t\n" } else { "f\n" });
}
