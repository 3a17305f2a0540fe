//! A snapshot in the window: looked at, downloaded and made a database of by Odoo itself, gone back to, and deleted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use slipway_tests::{Data, Journey, Page};

use super::{LONG, SOON};

/// The one that was taken before deployment 2, when the data was `before`.
pub(super) fn one_is_downloaded_restored_and_deleted(window: &Page, journey: &Journey, before: &Data) {
    journey.make_ticket("lost");
    window.at(&format!("environment-{}-production", journey.project())).click();
    window.is_environment(journey.project(), "production");
    window.tab("snapshots");
    window.allows("download-2");
    let known = journey.slipway.must(&["snapshots", &journey.env()]).result().clone();
    assert_eq!(known.as_array().unwrap().len(), 1, "{known:#}");
    let deployment = known[0]["deployment_id"].as_str().unwrap();
    let there = There { short: deployment.rsplit('-').next().unwrap().to_owned(), window, journey };
    there.it_says_when_why_how_much_and_how_long(&known[0]);
    let folder = journey.server.scratch("downloads");
    there.what_breaks_off_leaves_nothing(&folder);
    let zip = there.it_is_downloaded(&folder);
    there.odoo_makes_the_same_of_it(&zip, before);
    there.it_is_restored(before);
    there.it_is_deleted();
}

struct There<'a> {
    window: &'a Page,
    journey: &'a Journey,
    /// The end of the id of the deployment that it was taken before: what it is called on the server.
    short: String,
}

impl There<'_> {
    fn it_says_when_why_how_much_and_how_long(&self, snapshot: &Value) {
        let row = self.window.find("[data-testid=snapshots] tbody tr").content();
        let mib = |key: &str| snapshot[key].as_u64().unwrap() / (1024 * 1024);
        assert!(mib("database_bytes") >= 1, "{snapshot:#}");
        for part in ["Ready", "#2", "MiB", "in 1"] {
            assert!(row.contains(part), "it says {part:?}: {row}");
        }
        assert!(row.contains(&mib("database_bytes").to_string()), "the dump's size: {row}");
    }

    /// The list of its files can't be read to its end: so the download stands still half-way, and is ended.
    fn what_breaks_off_leaves_nothing(&self, folder: &Path) {
        let Self { window, journey, .. } = self;
        let (list, kept) = (self.on_server().join("filestore.list"), self.on_server().join("kept"));
        fs::rename(&list, &kept).unwrap();
        assert!(Command::new("mkfifo").arg(&list).status().unwrap().success());
        let is_empty = || fs::read_dir(folder).unwrap().count() == 0;
        let stands_still = || {
            self.ask_for(&folder.join("acme.zip"));
            window.wait_for_text("[data-testid=downloading-2]", SOON, |text| text.starts_with("Database"));
            journey.eventually("the list is being read", SOON, || self.is_being_read());
            assert!(!is_empty() && !folder.join("acme.zip").exists(), "it has another name meanwhile");
        };
        stands_still();
        journey.server.cut();
        window.allows("download-2");
        let told = window.find("[data-testid=toast][data-kind=failed]").content();
        assert!(told.contains("The download broke off."), "{told}");
        journey.eventually("nobody on the server reads it any more", SOON, || !self.is_being_read());
        journey.eventually("nothing of it is left", SOON, is_empty);

        stands_still();
        window.at("cancel-download-2").click();
        window.allows("download-2");
        journey.eventually("nothing half is left", SOON, is_empty);
        journey.eventually("nobody on the server reads it any more", SOON, || !self.is_being_read());
        fs::rename(&kept, &list).unwrap();
    }

    fn it_is_downloaded(&self, folder: &Path) -> PathBuf {
        let Self { window, journey, short } = self;
        let zip = folder.join("acme.zip");
        self.ask_for(&zip);
        window.find_text("[data-testid=toast] p", &format!("Saved as {}", zip.display()));
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "nothing else is there");
        window.allows("download-2");
        window.at("download-2").click();
        window.until("a place is suggested", || window.value("download-to").ends_with(".zip"));
        window.at("download-to").fill(&zip.display().to_string());
        window.at("download-dialog-go").click();
        window.find("[data-testid=download-dialog] [data-code=conflict]");
        window.at("download-dialog-back").click();
        window.gone("[data-testid=download-dialog]");

        let again = folder.join("again.zip");
        let to = again.display().to_string();
        let told = journey.slipway.must(&["snapshots", &journey.env(), "--download", short, "--to", &to]);
        assert_eq!(told.result()["missing"].as_array().map(Vec::len), Some(0), "{:#}", told.result());
        assert_eq!(names_in(&zip), names_in(&again), "the command line brings the same");
        zip
    }

    /// By its own database manager's function, as the manager's page calls it; the page is closed in our environments.
    fn odoo_makes_the_same_of_it(&self, zip: &Path, before: &Data) {
        let journey = self.journey;
        let docker = journey.server.docker();
        let web = journey.web();
        docker.must(&["cp", &zip.display().to_string(), &format!("{web}:/tmp/acme.zip")]);
        // It is its owner's alone, and Odoo takes what it can't read for a dump of another kind.
        docker.must(&["exec", "-u", "0", &web, "chown", "odoo", "/tmp/acme.zip"]);
        let sql = |query: &str| docker.sql(&journey.database_container(), "postgres", query);
        sql("alter role odoo createdb");
        let restore = "import odoo, odoo.service.db as db, odoo.tools as t\n\
            c = t.config; c.parse_config(['-c', '/etc/odoo/odoo.conf', '--no-database-list']); c['list_db'] = True\n\
            db.restore_db('restored', '/tmp/acme.zip')";
        docker.must(&["exec", "-u", "odoo", &web, "python3", "-c", restore]);
        before.assert_same(&journey.data_of("restored"));

        let modules =
            "select json_object_agg(name, latest_version) from ir_module_module where state = 'installed'";
        let modules = docker.sql(&journey.database_container(), "restored", modules);
        let manifest: Value = serde_json::from_str(&read_from(zip, "manifest.json")).unwrap();
        assert_eq!(manifest["modules"], serde_json::from_str::<Value>(&modules).unwrap());
        assert_eq!((&manifest["odoo_dump"], &manifest["major_version"]), (&"1".into(), &"19.0".into()));
        sql("drop database restored");
        sql("alter role odoo nocreatedb");
        docker.must(&[
            "exec",
            "-u",
            "0",
            &web,
            "rm",
            "-rf",
            "/var/lib/odoo/filestore/restored",
            "/tmp/acme.zip",
        ]);
    }

    fn it_is_restored(&self, before: &Data) {
        let Self { window, journey, .. } = self;
        window.at("restore-2").click();
        let lost = window.at("rollback-loss").content();
        assert!(lost.contains("1 made"), "it names what would be lost: {lost}");
        window.refuses("rollback-go", "Type “production” first");
        window.at("rollback-type").fill("production");
        window.at("rollback-go").click();
        window.is_at("overview");
        journey.eventually("it is as it was", LONG, || journey.release().as_deref() == Some("1.0"));
        window.is_live();
        let now = journey.data();
        assert_eq!(now.files, before.files, "the files of then");
        for table in ["acme_ticket", "res_partner", "ir_attachment", "res_users"] {
            assert_eq!(now.tables[table], before.tables[table], "{table} is as it was then");
        }
    }

    fn it_is_deleted(&self) {
        let Self { window, journey, short } = self;
        let files = format!("/var/lib/odoo/filestore/before_{short}");
        let docker = journey.server.docker();
        let is_there = || docker.run(&["exec", &journey.web(), "test", "-d", &files]).status.success();
        assert!(is_there() && self.on_server().is_dir());
        window.tab("snapshots");
        window.at("delete-2").click();
        let said = window.at("delete-snapshot-dialog").content();
        assert!(said.contains("can't be brought back"), "{said}");
        window.refuses("delete-snapshot-dialog-go", "Type “production” first");
        window.at("delete-snapshot-dialog-type").fill("production");
        window.at("delete-snapshot-dialog-go").click();
        window.gone("[data-testid=delete-2]");
        assert!(!is_there() && !self.on_server().exists(), "it is gone from the server");
        window.at("download-3");
        journey.assert_serves("1.0");
    }

    fn ask_for(&self, to: &Path) {
        let window = self.window;
        window.at("download-2").click();
        window.until("a place is suggested", || window.value("download-to").ends_with(".zip"));
        window.at("download-to").fill(&to.display().to_string());
        window.at("download-dialog-go").click();
        window.gone("[data-testid=download-dialog]");
    }

    fn on_server(&self) -> PathBuf {
        self.journey.folder().join("snapshots").join(&self.short)
    }

    fn is_being_read(&self) -> bool {
        let pids = self.journey.server.processes().into_iter();
        let mut lines = pids.filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/cmdline")).ok());
        lines.any(|line| line.contains("filestore.list"))
    }
}

fn read_from(zip: &Path, name: &str) -> String {
    let script =
        "import sys, zipfile; sys.stdout.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]).decode())";
    python(script, &[&zip.display().to_string(), name])
}

/// The names in a zip whose every sum is right.
fn names_in(zip: &Path) -> String {
    let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
        print(*sorted(z.namelist()), sep='\\n')";
    python(script, &[&zip.display().to_string()])
}

fn python(script: &str, arguments: &[&str]) -> String {
    let ran = Command::new("/usr/bin/python3").args(["-c", script]).args(arguments).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}
