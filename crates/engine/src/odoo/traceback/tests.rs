use super::*;

/// What odoo:19.0 and odoo:14.0 really wrote, from the last module's loading on, without the lines of carets.
macro_rules! real {
    ($name:literal) => {
        diagnose(
            include_str!(concat!("logs/", $name, ".log")),
            Ending { code: Some(255), out_of_memory: false },
        )
    };
}

fn place(failure: &Failure) -> (Option<&str>, Option<&str>, Option<u32>) {
    (failure.module.as_deref(), failure.file.as_deref(), failure.line)
}

fn one(text: &str) -> Failure {
    diagnose(text, Ending { code: Some(1), out_of_memory: false })
}

#[test]
fn python_that_does_not_load() {
    for failure in [real!("bad_import-19.0"), real!("bad_import-14.0")] {
        assert_eq!(failure.cause, Cause::MissingPythonPackage { package: "nosuchpackage_xyz".into() });
        assert_eq!(place(&failure), (Some("bad_import"), Some("bad_import/models/m.py"), Some(1)));
        assert!(failure.hint.contains("requirements.txt"));
        assert!(failure.not_loaded);
    }
    let failure = real!("bad_syntax-19.0");
    assert_eq!(failure.cause, Cause::Syntax);
    assert_eq!(place(&failure), (Some("bad_syntax"), Some("bad_syntax/models/m.py"), Some(7)));
    let failure = real!("bad_hook-19.0");
    assert_eq!(failure.cause, Cause::Python);
    assert_eq!(place(&failure), (Some("bad_hook"), Some("bad_hook/__init__.py"), Some(3)));
    assert!(failure.message.contains("ValueError: hook says no"), "{}", failure.message);
    assert_eq!(place(&real!("bad_hook-14.0")), place(&failure));
    for failure in [real!("bad_field-19.0"), real!("bad_field-14.0")] {
        assert_eq!((failure.cause, failure.module.as_deref()), (Cause::Model, Some("bad_field")));
    }
}

#[test]
fn data_that_is_refused() {
    let failure = real!("bad_view-19.0");
    assert_eq!(
        failure.cause,
        Cause::Data { reason: "Field \"nope\" does not exist in model \"x.m\"".into() }
    );
    assert_eq!(place(&failure), (Some("bad_view"), Some("bad_view/views/v.xml"), Some(2)));
    let failure = real!("bad_xml-19.0");
    assert!(
        matches!(&failure.cause, Cause::Data { reason } if reason.contains("tag mismatch")),
        "{failure:?}"
    );
    assert_eq!(place(&failure), (Some("bad_xml"), Some("bad_xml/views/v.xml"), Some(1)));
    for failure in [real!("bad_file-19.0"), real!("bad_file-14.0")] {
        assert!(
            matches!(&failure.cause, Cause::MissingFile { path } if path.ends_with("views/missing.xml")),
            "{failure:?}"
        );
        assert_eq!(failure.module.as_deref(), Some("bad_file"));
    }
}

#[test]
fn what_a_module_needs() {
    for failure in [real!("bad_dep-19.0"), real!("bad_dep-14.0")] {
        assert_eq!(failure.cause, Cause::MissingModule { missing: "no_such_module".into() });
    }
    for failure in [real!("bad_ext-19.0"), real!("bad_ext-14.0")] {
        assert_eq!(failure.cause, Cause::MissingPythonPackage { package: "nosuchpackage_xyz".into() });
    }
}

#[test]
fn a_migration() {
    for failure in [real!("bad_mig-19.0"), real!("bad_mig-14.0")] {
        assert_eq!(failure.cause, Cause::Migration, "{failure:?}");
        assert_eq!((failure.module.as_deref(), failure.line), (Some("bad_mig"), Some(2)));
        assert!(failure.message.contains("UndefinedColumn"), "{}", failure.message);
    }
}

#[test]
fn what_the_machine_did() {
    let killed = diagnose("", Ending { code: Some(137), out_of_memory: false });
    assert_eq!(killed.cause, Cause::OutOfMemory);
    assert_eq!(diagnose("", Ending { code: Some(1), out_of_memory: true }).cause, Cause::OutOfMemory);
    assert_eq!(one("").cause, Cause::Unknown);
    assert!(one("").message.contains("code 1"));
    let taken = "Traceback (most recent call last):\n  File \"/usr/bin/odoo\", line 8, in <module>\nOSError: [Errno 98] Address already in use\n";
    assert_eq!(one(taken).cause, Cause::AddressInUse);
    let full = "2026-11-22 10:22:01,123 1 ERROR x odoo.sql_db: bad query\nTraceback (most recent call last):\n  File \"/usr/lib/python3/dist-packages/odoo/sql_db.py\", line 433, in execute\npsycopg2.errors.DiskFull: could not extend file \"base/1/2\": No space left on device\n";
    assert_eq!(one(full).cause, Cause::DiskFull);
    let unreachable = "Database connection failure: could not translate host name \"db\" to address\n";
    assert_eq!(one(&format!("2026-11-22 10:22:01,123 1 ERROR ? odoo: {unreachable}")).cause, Cause::Database);
    let skipped = "2026-11-22 10:22:01,123 1 ERROR x odoo.modules.loading: Some modules are not loaded, some dependencies or manifest may be missing: ['acme_a', 'acme_b'] \n";
    assert_eq!(one(skipped).cause, Cause::Skipped { modules: vec!["acme_a".into(), "acme_b".into()] });
    let busy = "Traceback (most recent call last):\n  File \"/usr/lib/python3/dist-packages/odoo/sql_db.py\", line 433, in execute\npsycopg2.errors.LockNotAvailable: canceling statement due to lock timeout\n";
    assert_eq!(one(busy).cause, Cause::Busy);
}

#[test]
fn only_the_last_failure_counts() {
    let first = "Traceback (most recent call last):\n  File \"/opt/x/acme_a/models/a.py\", line 1, in f\nKeyError: 'a'\n";
    let second = "2026-11-22 10:22:01,123 1 INFO x odoo: going on\nTraceback (most recent call last):\n  File \"/opt/x/acme_b/models/b.py\", line 2, in g\nacme.errors.Odd: b\n";
    let failure = one(&format!("{first}{second}"));
    assert_eq!(place(&failure), (Some("acme_b"), Some("acme_b/models/b.py"), Some(2)));
    let chained = format!(
        "{first}\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"/usr/lib/python3/dist-packages/odoo/x.py\", line 3, in h\nRuntimeError: wrapped\n"
    );
    let failure = one(&chained);
    assert_eq!(place(&failure).0, Some("acme_a"), "the reason's place, not the wrapper's");
    for cut in (0..chained.len()).filter(|at| chained.is_char_boundary(*at)) {
        diagnose(&chained[cut..], Ending::default());
    }
}
