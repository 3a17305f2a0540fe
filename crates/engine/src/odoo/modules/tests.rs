use super::*;
use crate::odoo::files::fake::Memory;

fn anywhere(names: &[&str]) -> Vec<AddonsIn> {
    names.iter().map(|name| AddonsIn { repository: (*name).to_owned(), paths: vec![] }).collect()
}

fn kinds(problems: &[Problem]) -> Vec<(ProblemKind, bool)> {
    problems.iter().map(|p| (p.kind, p.stops)).collect()
}

fn sample() -> Memory {
    Memory::of(&[
        ("main/acme_base/__manifest__.py", "{'depends': ['base', 'acme_no']}"),
        ("main/acme_base/static/lib/x/__manifest__.py", "{}"),
        ("main/addons/deep/acme_sla/__manifest__.py", "{'depends': ['acme_base'], 'version': '19.0.1.0.0'}"),
        ("main/old/acme_old/__openerp__.py", "{'version': '18.0.1.0.0'}"),
        ("main/off/__manifest__.py", "{'installable': False}"),
        ("main/README.md", ""),
        ("oca/web_tool/__manifest__.py", "{}"),
    ])
}

#[test]
fn modules_are_found_anywhere_but_in_modules() {
    let places = anywhere(&["main", "oca"]);
    let (modules, problems) = Modules::find(&sample(), &places).unwrap();
    assert_eq!(problems, []);
    assert_eq!(modules.by_name.keys().collect::<Vec<_>>(), ["acme_base", "acme_old", "acme_sla", "web_tool"]);
    assert_eq!(modules.parents(&places), ["main", "main/addons/deep", "main/old", "oca"]);
    let limited = [AddonsIn { repository: "main".into(), paths: vec!["./addons/".into(), "nope".into()] }];
    let (modules, problems) = Modules::find(&sample(), &limited).unwrap();
    assert_eq!(modules.by_name.keys().collect::<Vec<_>>(), ["acme_sla"]);
    assert_eq!(kinds(&problems), [(ProblemKind::NoSuchPath, true)]);
}

#[test]
fn duplicates_and_broken_ones_are_named() {
    let files = sample().with(&[
        ("oca/x/acme_base/__manifest__.py", "{}"),
        ("oca/broken/__manifest__.py", "{\n'name': foo}"),
        ("oca/my-module/__manifest__.py", "{}"),
    ]);
    let (_, problems) = Modules::find(&files, &anywhere(&["main", "oca"])).unwrap();
    assert_eq!(
        kinds(&problems),
        [(ProblemKind::BrokenManifest, true), (ProblemKind::BadName, false), (ProblemKind::Duplicate, true)]
    );
    assert!(problems[0].message.starts_with("oca/broken/__manifest__.py, line 2"));
    let twice = &problems[2].message;
    assert!(twice.contains("main/acme_base") && twice.contains("oca/x/acme_base"), "{twice}");
}

#[test]
fn what_is_wanted_is_checked_with_all_it_needs() {
    let (modules, _) = Modules::find(&sample(), &anywhere(&["main", "oca"])).unwrap();
    let check = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        modules.check(&names, Series::V19, &is_odoos_own)
    };
    assert_eq!(
        kinds(&check(&["acme_sla", "sale"])),
        [(ProblemKind::UnknownDependency, false), (ProblemKind::WrongSeries, false)],
        "acme_base needs acme_no; acme_old is for 18.0, but nobody needs it"
    );
    let problems = check(&["acme_old", "acme_slaa"]);
    assert_eq!(kinds(&problems), [(ProblemKind::NoSuchModule, true), (ProblemKind::WrongSeries, true)]);
    assert!(problems[0].hint.contains("acme_sla"), "{}", problems[0].hint);
}

#[test]
fn odoos_own_modules_are_known() {
    assert!(["base", "web", "sale", "website"].into_iter().all(is_odoos_own));
    assert!(!is_odoos_own("acme_base") && !is_odoos_own(""));
}
