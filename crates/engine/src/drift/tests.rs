use super::*;
use crate::model::{
    DeployOptions, DeploymentId, Environment, Project, Repository, Server, ServerKind, Settings,
};
use crate::odoo::files::fake::Memory;
use crate::odoo::modules::AddonsIn;
use crate::render::caddy::{Site, Tls};

/// A project with the module `a`, whose last release had `b` in a second repository, which is no longer there.
struct Bed {
    settings: Settings,
    facts: Facts,
    last: Option<ReleaseManifest>,
    modules: Modules,
    images: BaseImages,
}

impl Bed {
    fn new(states: &[(&str, &str)]) -> Self {
        let files = Memory::of(&[("main/a/__manifest__.py", "{}")]);
        let places = [AddonsIn { repository: "main".into(), paths: vec![] }];
        let project = Project::new("acme", "19.0", vec![Repository::new("main", "/srv/acme")]);
        let mut facts = Facts { database_version: Some("19.0.1.3".into()), ..Facts::default() };
        facts.modules = states.iter().map(|(name, state)| ((*name).into(), (*state).into())).collect();
        Self {
            settings: Settings {
                environment: Environment::new(project.id, "production", "main"),
                project,
                server: Server::new("here", ServerKind::Local),
                options: DeployOptions::default(),
            },
            facts,
            last: Some(last()),
            modules: Modules::find(&files, &places).unwrap().0,
            images: BaseImages {
                name: "odoo:19.0".into(),
                now: Some("sha256:old".into()),
                new: None,
                old: None,
            },
        }
    }

    /// The same on another base image, in which these modules are something else.
    fn on_another(mut self, odoo: &str, modules: &[(&str, &str)]) -> Self {
        self.images.now = Some("sha256:new".into());
        self.images.old = Some(image("1", &[("base", "1"), ("web", "1"), ("sale", "1")]));
        self.images.new = Some(image(odoo, modules));
        self
    }

    fn decide(&self, updates: bool) -> Drift {
        let before = Before {
            settings: &self.settings,
            facts: &self.facts,
            last: self.last.as_ref(),
            is_compared: true,
            modules: &self.modules,
            images: &self.images,
            has_pip_modules: false,
        };
        before.decide(updates)
    }
}

fn last() -> ReleaseManifest {
    let at = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    ReleaseManifest {
        deployment: DeploymentId::new(),
        series: "19.0".into(),
        commits: [("main".to_owned(), "1".to_owned()), ("extra".to_owned(), "2".to_owned())].into(),
        modules: [("main".to_owned(), at(&["a"])), ("extra".to_owned(), at(&["b"]))].into(),
        subject: String::new(),
        image: "slipway/acme-production:0".into(),
        dependencies: None,
        base_id: "sha256:old".into(),
        times: Default::default(),
        pip: vec![],
        apt: vec![],
        site: Site {
            slug: "acme-production".into(),
            domain: "acme.localhost".into(),
            tls: Tls::Plain,
            https_port: 443,
            socket_port_a: 8069,
            socket_port_b: 8069,
            hold: Default::default(),
            limit_time_real: Default::default(),
        },
        live_port: 8069,
        who: String::new(),
        at: crate::model::now(),
    }
}

fn image(odoo: &str, modules: &[(&str, &str)]) -> ImageModules {
    ImageModules {
        series: "19.0".into(),
        odoo: odoo.into(),
        by_name: modules.iter().map(|(name, hash)| ((*name).into(), (*hash).into())).collect(),
    }
}

fn names(drift: &Drift) -> Vec<&str> {
    drift.update.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn what_changed_in_the_base_image_is_updated() {
    let states = [("base", "installed"), ("web", "installed"), ("a", "installed")];
    assert_eq!(Bed::new(&states).decide(false), Drift::default());
    let web = Bed::new(&states).on_another("1", &[("base", "1"), ("web", "2"), ("sale", "2")]).decide(false);
    assert_eq!(names(&web), ["web"], "sale isn't installed");
    assert!(web.why[0].contains("old → new"), "{:?}", web.why);
    let none = Bed::new(&states).on_another("1", &[("base", "1"), ("web", "1")]).decide(false);
    assert!(names(&none).is_empty() && none.why[0].contains("no installed module"), "{:?}", none.why);
    let ours = Bed::new(&states).on_another("1", &[("base", "1"), ("web", "1"), ("a", "2")]).decide(false);
    assert!(names(&ours).is_empty(), "the repository's own counts, not the image's");
    let odoo = Bed::new(&states).on_another("2", &[("base", "1"), ("web", "1")]).decide(false);
    assert_eq!(names(&odoo), ["base"]);
    let mut unknown = Bed::new(&states).on_another("1", &[("base", "1")]);
    unknown.images.old = None;
    assert_eq!(names(&unknown.decide(false)), ["base"], "what can't be compared is updated");
    unknown.last = None;
    assert_eq!(names(&unknown.decide(false)), ["base"], "and what nobody recorded");
    unknown.last = Some(last());
    unknown.images.now = None;
    assert!(unknown.decide(false).warnings[0].contains("pulled first"));
}

#[test]
fn what_comes_from_nowhere_any_more_stops() {
    let stops = |bed: &Bed, says: &str| {
        let problems = bed.decide(false).problems;
        assert!(problems.iter().all(|p| p.stops && p.kind == ProblemKind::RemovedModule), "{problems:?}");
        assert!(problems[0].message.contains(says), "{problems:?}");
    };
    stops(&Bed::new(&[("a", "installed"), ("b", "installed")]), "no longer has extra");
    let states = [("a", "installed"), ("sale", "installed")];
    stops(&Bed::new(&states).on_another("1", &[("base", "1")]), "the image odoo:19.0 has it no more");
    // Recorded by an older version: what isn't known is told by what is gone.
    let mut older = Bed::new(&[("b", "installed")]);
    older.images.new = Some(image("1", &[("base", "1")]));
    older.last.as_mut().unwrap().modules.clear();
    stops(&older, "no longer has extra");
    assert!(asks_for_image(&older.facts, &older.modules), "whether the image has it must be known");
}

#[test]
fn what_never_had_a_folder_stops_nothing() {
    let mut bed = Bed::new(&[("sheet", "installed"), ("row", "installed"), ("other-row", "installed")]);
    bed.facts.imported = ["sheet".to_owned()].into();
    bed.images.new = Some(image("1", &[("base", "1")]));
    let drift = bed.decide(false);
    assert_eq!(
        (drift.problems, drift.update, drift.absent),
        (vec![], vec![], vec!["sheet".into(), "row".into()])
    );
    assert_eq!(drift.warnings.len(), 2, "{:?}", drift.warnings);
}

#[test]
fn what_waits_is_updated_left_or_refused() {
    let upgrade = Bed::new(&[("web", "to upgrade"), ("sheet", "to upgrade"), ("a", "to install")]);
    let mut drift = upgrade.decide(false);
    assert_eq!(names(&drift), ["web", "sheet"][..1]);
    assert!(drift.warnings.iter().any(|w| w.contains("sheet waits")), "{:?}", drift.warnings);
    assert!(drift.warnings.iter().any(|w| w.contains("a waits to be installed")), "{:?}", drift.warnings);
    assert!(drift.absent.is_empty(), "what waits is left as it waits");

    let remove = Bed::new(&[("web", "to remove")]);
    drift = remove.decide(false);
    assert_eq!((drift.problems.len(), drift.warnings.len()), (0, 1));
    drift = remove.decide(true);
    assert!(drift.problems[0].stops && drift.problems[0].message.contains("with all its data"));
}

#[test]
fn another_series_is_no_update() {
    let mut bed = Bed::new(&[("web", "installed")]);
    bed.settings.project.series = "18.0".into();
    assert_eq!(bed.decide(false).problems[0].kind, ProblemKind::WrongSeries);
    bed.facts.database_version = None;
    assert_eq!(bed.decide(false).problems[0].kind, ProblemKind::WrongSeries, "the last release's is known");
    bed.settings.project.series = "19.0".into();
    bed = bed.on_another("1", &[("base", "1"), ("web", "1")]);
    bed.images.new.as_mut().unwrap().series = "18.0".into();
    assert!(bed.decide(false).problems[0].message.contains("holds 18.0"));
}
