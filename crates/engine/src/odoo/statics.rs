//! The static files that a release brings otherwise than what is live: what its check asks the new container for.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::Modules;
use crate::git::{ChangeKind, Source, diff};

/// What one check asks for at most, in files, and in bytes of their addresses and paths: they are part of the plan that is laid
/// on the server, which is one argument of a command.
const MOST: usize = 200;
const MOST_BYTES: usize = 40_000;

/// The changed files of modules' `static` folders: where Odoo serves each, and its path in the release. What the new release
/// hasn't got any more is among them. Of too many, some of each folder and kind are kept, so that each bundle keeps one.
pub fn changed(live: Option<&Source>, new: &Source, modules: &Modules) -> Vec<(String, String)> {
    let mut folders: BTreeMap<Vec<u8>, &str> = BTreeMap::new();
    for module in modules.by_name.values() {
        folders.insert([module.folder.as_slice(), b"/static/"].concat(), &module.name);
    }
    let (mut there, mut gone) = (BTreeMap::new(), BTreeMap::new());
    for change in diff(live, new) {
        let Ok(path) = String::from_utf8(change.path) else { continue };
        let Some((folder, module)) = folders.range(..=path.as_bytes().to_vec()).next_back() else { continue };
        let Some(inside) = path.as_bytes().strip_prefix(folder.as_slice()) else { continue };
        if path.chars().any(char::is_control) {
            continue;
        }
        let address = format!("/{module}/static/{}", String::from_utf8_lossy(inside));
        let side = if change.kind == ChangeKind::Removed { &mut gone } else { &mut there };
        side.insert(address, path);
    }
    gone.retain(|address, _| !there.contains_key(address));
    there.append(&mut gone);
    some_of_each(there)
}

fn some_of_each(all: BTreeMap<String, String>) -> Vec<(String, String)> {
    let kind = |address: &str| {
        let (folder, name) = address.rsplit_once('/').unwrap_or_default();
        (folder.to_owned(), name.rsplit_once('.').map(|(_, extension)| extension.to_owned()))
    };
    let mut kinds = BTreeSet::new();
    let (first, rest): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(address, _)| kinds.insert(kind(address)));
    let mut bytes = 0;
    let fits = |(address, path): &(String, String)| {
        bytes += address.len() + path.len();
        bytes <= MOST_BYTES
    };
    first.into_iter().chain(rest).take(MOST).take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::{FILE, Repo, part};
    use crate::odoo::modules::AddonsIn;

    fn source(repo: &Repo, files: &[(&str, &str)]) -> Source {
        let manifest: (&[u8], i32, &[u8]) =
            (b"acme_web/__manifest__.py", FILE, b"{'name': 'Acme', 'depends': ['web']}");
        let files = files.iter().map(|(path, text)| (path.as_bytes(), FILE, text.as_bytes()));
        let sha = repo.commit("main", "x", &files.chain([manifest]).collect::<Vec<_>>());
        Source::read(vec![part("main", repo, &sha)]).unwrap()
    }

    fn modules(source: &Source) -> Modules {
        let places = [AddonsIn { repository: "main".into(), paths: vec![] }];
        Modules::find(&source.reader().unwrap(), &places).unwrap().0
    }

    #[test]
    fn what_changed_in_a_modules_static_folder() {
        let repo = Repo::new();
        let old = [
            ("acme_web/static/a.js", "1"),
            ("acme_web/static/gone.css", "1"),
            ("acme_web/static/same.png", "1"),
            ("acme_web/models/x.py", "1"),
            ("docs/static/b.js", "1"),
        ];
        let new = [
            ("acme_web/static/a.js", "2"),
            ("acme_web/static/é 'x'.svg", "2"),
            ("acme_web/static/tab\t.svg", "2"),
            ("acme_web/static/same.png", "1"),
            ("acme_web/models/x.py", "2"),
            ("docs/static/b.js", "2"),
        ];
        let (old, new) = (source(&repo, &old), source(&repo, &new));
        let file = |name: &str| (format!("/acme_web/static/{name}"), format!("main/acme_web/static/{name}"));
        let mut found = changed(Some(&old), &new, &modules(&new));
        found.sort();
        assert_eq!(found, [file("a.js"), file("gone.css"), file("é 'x'.svg")]);
        assert_eq!(changed(Some(&new), &new, &modules(&new)), []);
        assert_eq!(changed(None, &new, &modules(&new)).len(), 3);
    }

    #[test]
    fn of_too_many_some_of_each_folder_and_kind_stay() {
        let all = (0..1000).map(|i| (format!("/a/static/img/{i:04}.png"), "x".to_owned()));
        let few = [
            ("/a/static/src/x.js".to_owned(), "x".to_owned()),
            ("/a/static/zz/x.scss".to_owned(), "x".to_owned()),
        ];
        let kept = some_of_each(all.chain(few.clone()).collect());
        assert_eq!(kept.len(), MOST);
        assert!(few.iter().all(|file| kept.contains(file)), "{kept:?}");
        let long = (0..100).map(|i| (format!("/a/static/{i}{}", "x".repeat(1000)), "x".to_owned()));
        assert_eq!(some_of_each(long.collect()).len(), 39);
    }
}
