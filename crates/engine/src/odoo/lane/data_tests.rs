//! Files that aren't Python: what decides is who loads them, not what they are called.

use super::tests::{Case, changed, lane_of};
use super::*;
use crate::odoo::files::fake::Memory;

const LOGO: &str = r#"<odoo>
  <!-- file="acme/static/img/old.svg" is history -->
  <record id="logo" model="ir.attachment">
    <field name="datas" type="base64" file="acme/static/img/logo.svg"/></record>
  <record id="flag" model="res.country"><field name="image" type='base64' file = 'addons/acme/static/img/flag.png' /></record>
  <record id="terms" model="acme.text"><field name="body" type="html"><p><img src="/acme/static/img/terms.png"/></p></field></record>
  <record id="eval" model="acme.text"><field name="x" eval="obj().load('acme/static/lists/eval.json')"/></record>
  <menuitem id="menu" name="Acme" web_icon="acme,static/description/menu.png"/>
  <record id="menu_2" model="ir.ui.menu"><field name="web_icon">acme,static/description/menu2.png</field></record>
  <function model="acme.text" name="load_list"><value>static/lists/plain.csv</value></function>
  <function model="acme.text" name="load_list" eval="['base_lib', 'base_lib/static/shared.json']"/>
  <record id="view" model="ir.ui.view"><field name="arch" type="xml">
    <form><img src="/acme/static/img/form.png"/></form></field></record>
  <record id="other" model="ir.ui.view"><field name="arch" type="xml" file="acme/static/xml/arch.xml"/></record>
  <template id="page" inherit_id="web.layout"><xpath expr="//head">
    <link href="/acme/static/src/x.css"/><script src="/acme/static/src/x.js"/><img src="/acme/static/img/page.png"/>
  </xpath></template>
  <record id="asset" model="ir.asset"><field name="path">acme/static/src/asset.js</field></record>
</odoo>"#;

fn acme() -> Memory {
    Memory::of(&[
        (
            "m/acme/__manifest__.py",
            "{'depends': ['base_lib'], 'data': ['data/logo.xml', './views//license_views.xml', 'doc/help.xml', 'tests/load.csv', \
              'static/data/first.xml', 'data/ir.ui.menu.csv', 'readme/README.md', '__pycache__/x.csv', '../base_lib/doc/common.xml'], \
              'demo': ['demo/README_demo.xml', 'static/demo.xml'], 'init_xml': ['description/init.sql'], \
              'update_xml': ['docs/update.xml'], 'qweb': ['static/src/xml/t.xml'], \
              'assets': {'web.assets_backend': ['acme/static/src/bundle.js']}}",
        ),
        ("m/acme/__init__.py", ""),
        ("m/acme/data/logo.xml", LOGO),
        ("m/acme/data/ir.ui.menu.csv", "id,name,web_icon\nm,\"Acme\",\"acme,static/description/csv.png\"\n"),
        (
            "m/acme/static/data/first.xml",
            "<odoo><record><field file='acme/static/img/second.svg'/></record></odoo>",
        ),
        ("m/base_lib/__manifest__.py", "{'data': ['data/theirs.xml']}"),
        ("m/base_lib/__init__.py", ""),
        (
            "m/base_lib/data/theirs.xml",
            "<odoo><record id='x' model='y'><field name='z' type='base64' file='acme/static/theirs.bin'/></record></odoo>",
        ),
    ])
}

#[test]
fn what_a_manifest_lists_is_data_wherever_it_is() {
    for path in [
        "views/license_views.xml",
        "doc/help.xml",
        "tests/load.csv",
        "static/data/first.xml",
        "readme/README.md",
        "__pycache__/x.csv",
        "description/init.sql",
        "docs/update.xml",
        "demo/README_demo.xml",
        "static/demo.xml",
    ] {
        let case = Case::new(acme(), &["acme", "base_lib"]);
        assert_eq!(case.updates(&format!("m/acme/{path}")), ["acme"], "{path}");
        assert!(case.reasons(&format!("m/acme/{path}")).contains(&format!("acme: {path} changed")), "{path}");
    }
    // Listed by another module: that one is updated.
    let case = Case::new(acme(), &["acme", "base_lib"]);
    assert_eq!(case.updates("m/base_lib/doc/common.xml"), ["acme"]);
}

#[test]
fn what_was_listed_counts_too() {
    let old = acme().with(&[("m/acme/doc/gone.xml", "<odoo/>")]);
    let listed = "{'data': ['doc/gone.xml']}";
    let old = old.with(&[("m/acme/__manifest__.py", listed)]);
    let choice = lane_of(&old, &old.without("m/acme/doc/gone.xml"), &["acme"], true);
    assert_eq!(choice.update, ["acme"]);
    assert_eq!(choice.reasons, ["acme: doc/gone.xml removed"]);
}

#[test]
fn demo_data_counts_where_it_may_be_installed() {
    for path in ["m/acme/demo/README_demo.xml", "m/acme/static/demo.xml"] {
        let (old, new) = changed(&acme(), path);
        assert_eq!(lane_of(&old, &new, &["acme"], true).lane, ContentLane::Update, "{path}");
        let without = lane_of(&old, &new, &["acme"], false);
        assert_eq!(
            (without.lane, without.changes.len()),
            (ContentLane::Code, 1),
            "{path}: {:?}",
            without.reasons
        );
    }
    let manifest = "{'depends': [], 'demo': ['demo/a.xml']}";
    let old = acme().with(&[("m/acme/__manifest__.py", manifest)]);
    let new = old.with(&[("m/acme/__manifest__.py", "{'depends': []}")]);
    assert_eq!(lane_of(&old, &new, &["acme"], false).lane, ContentLane::Code);
    assert_eq!(lane_of(&old, &new, &["acme"], true).lane, ContentLane::Update);
}

#[test]
fn what_data_files_load_is_data() {
    for (path, by) in [
        ("static/img/logo.svg", "data/logo.xml"),
        ("static/img/flag.png", "data/logo.xml"),
        ("static/img/terms.png", "data/logo.xml"),
        ("static/lists/eval.json", "data/logo.xml"),
        ("static/lists/plain.csv", "data/logo.xml"),
        ("static/description/menu.png", "data/logo.xml"),
        ("static/description/menu2.png", "data/logo.xml"),
        ("static/xml/arch.xml", "data/logo.xml"),
        ("static/description/csv.png", "data/ir.ui.menu.csv"),
        ("static/img/second.svg", "static/data/first.xml"),
    ] {
        let case = Case::new(acme(), &["acme", "base_lib"]);
        let whole = format!("m/acme/{path}");
        assert_eq!(case.updates(&whole), ["acme"], "{path}");
        let reason = format!("acme: {path}, which {by} loads, changed");
        assert!(case.reasons(&whole).contains(&reason), "{:?}", case.reasons(&whole));
    }
}

#[test]
fn a_file_that_another_module_loads_updates_that_one() {
    let case = Case::new(acme(), &["acme", "base_lib"]);
    assert_eq!(case.updates("m/base_lib/static/shared.json"), ["acme"]);
    assert_eq!(
        case.reasons("m/base_lib/static/shared.json"),
        ["acme: base_lib/static/shared.json, which data/logo.xml loads, changed"]
    );
    assert_eq!(case.updates("m/acme/static/theirs.bin"), ["base_lib"]);
    let alone = Case::new(acme(), &["acme"]);
    assert_eq!(alone.updates("m/acme/static/theirs.bin"), [""; 0], "base_lib isn't installed");
}

#[test]
fn what_is_read_when_it_is_asked_for_is_code() {
    for path in [
        "static/img/old.svg",
        "static/img/page.png",
        "static/img/form.png",
        "static/src/x.css",
        "static/src/x.js",
        "static/src/bundle.js",
        "static/src/asset.js",
        "static/src/xml/t.xml",
        "static/description/index.html",
        "__pycache__/__init__.cpython-313.pyc",
        "models/__pycache__/ticket.cpython-39.opt-1.pyc",
        "models/.ticket.py.swp",
        "views/x.xml~",
        "views/x.xml.orig",
        ".idea/workspace.xml",
        "views/.DS_Store",
        "LICENSE",
        "LICENSE.txt",
        "COPYING",
        "README",
        "readme/newsfragments/1.feature",
        "doc/x.odt",
        "requirements.txt",
        "i18n/acme.pot",
    ] {
        let case = Case::new(acme(), &["acme", "base_lib"]);
        assert_eq!(case.updates(&format!("m/acme/{path}")), [""; 0], "{path}: {:?}", case.reasons(path));
    }
}

#[test]
fn what_nobody_can_tell_is_data() {
    for path in [
        "views/license_views.xml",
        "security/license_security.xml",
        "views/authors_views.xml",
        "data/requirements_data.xml",
        "wizard/changelog_wizard.xml",
        "data/requirements.txt",
        "LICENSE.xml",
        "readme.sql",
        "data/x.json",
        "models/compiled.pyc",
        "hidden/x.bin",
        "i18n/de.po",
        "i18n_extra/de.po",
    ] {
        let files = acme().with(&[("m/acme/__manifest__.py", "{}")]);
        assert_eq!(Case::new(files, &["acme"]).updates(&format!("m/acme/{path}")), ["acme"], "{path}");
    }
}

#[test]
fn a_data_file_that_cannot_be_read_names_everything_beside_it() {
    let huge = format!("<odoo><!-- {} --></odoo>", "x".repeat(5 << 20));
    let files = acme().with(&[("m/acme/data/logo.xml", &huge)]);
    assert_eq!(Case::new(files, &["acme"]).updates("m/acme/static/img/any.png"), ["acme"]);
}

/// Whatever is written into data files and manifests: no panic, and a file that the manifest lists always counts.
#[test]
fn a_listed_file_counts_whatever_is_around_it() {
    use rand::{Rng, SeedableRng};
    let mut rng = rand::rngs::StdRng::seed_from_u64(8);
    let pieces = [
        "<",
        ">",
        "\"",
        "'",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "&",
        "/",
        "=",
        "\0",
        "file=",
        "<field ",
        "\u{fe0f}",
        "\r\n",
    ];
    for _ in 0..300 {
        let mut text: Vec<char> = LOGO.chars().collect();
        for _ in 0..rng.random_range(1..8) {
            let at = rng.random_range(0..text.len());
            match rng.random_range(0..3) {
                0 => text.truncate(at.max(1)),
                1 => drop(text.remove(at)),
                _ => drop(text.splice(at..at, pieces[rng.random_range(0..pieces.len())].chars())),
            }
            if text.is_empty() {
                text.push('<');
            }
        }
        let text: String = text.into_iter().collect();
        let new = acme().with(&[("m/acme/data/logo.xml", &text), ("m/acme/static/img/logo.svg", "new")]);
        let choice = lane_of(&acme(), &new, &["acme", "base_lib"], rng.random());
        assert!(text == LOGO || choice.update.contains(&"acme".to_owned()), "{text}");
        let listed = ["doc/help.xml", "tests/load.csv", "static/data/first.xml"][rng.random_range(0..3)];
        let whole = format!("m/acme/{listed}");
        let choice = lane_of(&new, &new.with(&[(&whole, "changed")]), &["acme"], false);
        assert_eq!(choice.update, ["acme"], "{listed} beside {text}");
    }
}
