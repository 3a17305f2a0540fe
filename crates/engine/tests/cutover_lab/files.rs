//! Static files of the lab's releases, and how their style reaches visitors.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use slipway_engine::cutover::{Lane, StaticFile};

use super::{Case, DOMAIN, Lab, copy, get};

/// Static files of the lab's module, in a release's addons.
const STATIC: &str = "lab_mod/static/src";

impl Lab {
    /// A release whose static files changed while their times didn't: Odoo takes its bundles for those that are there.
    pub(super) fn set_up_stale(&self, sources: &Path) {
        copy(&sources.join("old"), &self.addons("stale"));
        let [old, stale] = ["old", "stale"].map(|release| self.addons(release).join(STATIC));
        let new = sources.join("good").join(STATIC);
        for file in ["lab.css", "lab.svg"] {
            fs::copy(new.join(file), stale.join(file)).unwrap();
            let time = fs::metadata(old.join(file)).unwrap().modified().unwrap();
            let dated = |path: PathBuf, time| {
                fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
            };
            dated(stale.join(file), time);
            // Copied within the same tick of the kernel's clock, it would have the old one's time, too.
            dated(self.addons("good").join(STATIC).join(file), time + Duration::from_secs(60));
        }
    }

    /// A case with the static files that the releases other than `old` have otherwise.
    pub(crate) fn case_with_files(&mut self, lane: Lane, release: &str) -> Case {
        let mut case = self.case(lane, release);
        case.plan.static_files = ["lab.css", "lab.svg"]
            .map(|file| StaticFile {
                address: format!("/{STATIC}/{file}"),
                path: format!("/mnt/extra-addons/{STATIC}/{file}"),
            })
            .into();
        self.write(&case);
        case
    }

    /// The style of the login page that visitors get: its address and what it holds.
    pub(crate) fn style(&self) -> (String, String) {
        let page = get(self.port, DOMAIN, "/web/login").unwrap().body;
        let link = page.split('"').find(|word| word.starts_with("/web/assets/") && word.ends_with(".css"));
        let link = link.expect("the login page has a style");
        (link.to_owned(), get(self.port, DOMAIN, link).unwrap().body)
    }
}
