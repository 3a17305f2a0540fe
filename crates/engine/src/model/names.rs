//! Names of things, as users choose them and as servers see them.

use crate::error::EngineError;

/// The longest slug of an environment in bytes. Every name made from it on a server, with its prefixes and the
/// deployment's short id, then stays within the 63 bytes that DNS labels and PostgreSQL names may have.
pub(crate) const SLUG_MAX: usize = 40;

/// The name of an environment on its server: `<project>-<environment>`.
pub fn slug(project: &str, environment: &str) -> String {
    format!("{project}-{environment}")
}

/// The name of the environment's database: its slug, with `_` for `-`.
pub fn database_name(slug: &str) -> String {
    slug.replace('-', "_")
}

/// Checks a name that becomes part of names on a server: lower-case letters, digits and single inner hyphens.
pub(crate) fn check_slug(what: &str, name: &str) -> Result<(), EngineError> {
    let good = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if !good {
        return Err(EngineError::bad_input(format!("{what} can't be named {name:?}.")).hint(
            "Use lower-case letters, digits and hyphens, beginning and ending with a letter or digit.",
        ));
    }
    if name.len() > SLUG_MAX {
        return Err(EngineError::bad_input(format!(
            "The name {name:?} is longer than {SLUG_MAX} characters."
        ))
        .hint("Choose a shorter name."));
    }
    Ok(())
}

/// The slug of an environment, if it fits a server's names.
pub(crate) fn checked_slug(project: &str, environment: &str) -> Result<String, EngineError> {
    let slug = slug(project, environment);
    if slug.len() <= SLUG_MAX {
        return Ok(slug);
    }
    Err(EngineError::bad_input(format!("{slug:?} is longer than {SLUG_MAX} characters."))
        .hint("Choose a shorter name for the environment."))
}

/// Checks a name that is only shown: anything that can be read on one line.
pub(crate) fn check_label(what: &str, name: &str) -> Result<(), EngineError> {
    if name.trim().is_empty() || name != name.trim() || name.chars().any(char::is_control) || name.len() > 100
    {
        return Err(EngineError::bad_input(format!("{what} can't be named {name:?}."))
            .hint("Use 1 to 100 characters on one line, without spaces around."));
    }
    Ok(())
}

/// Checks a text that stands on one line of a configuration file or a command.
pub(crate) fn check_line(what: &str, value: &str) -> Result<(), EngineError> {
    if value.is_empty() || value.chars().any(char::is_control) {
        return Err(EngineError::bad_input(format!("{what} can't be {value:?}."))
            .hint("Give a value of at least one character, on one line."));
    }
    Ok(())
}

/// Checks a name of letters, digits and underscores that doesn't begin with a digit: Odoo's modules and options,
/// and environment variables.
pub(crate) fn check_word(what: &str, word: &str) -> Result<(), EngineError> {
    let good = word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && word.bytes().next().is_some_and(|b| !b.is_ascii_digit())
        && word.len() <= 128;
    if good {
        return Ok(());
    }
    Err(EngineError::bad_input(format!("{what} can't be named {word:?}."))
        .hint("Use letters, digits and underscores, not beginning with a digit."))
}

/// Checks a domain name: labels of letters, digits and inner hyphens, joined by dots.
pub(crate) fn check_domain(domain: &str) -> Result<(), EngineError> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if domain.len() <= 253 && domain.split('.').all(label) {
        return Ok(());
    }
    Err(EngineError::bad_input(format!("{domain:?} is not a domain name."))
        .hint("Give the bare name, such as erp.example.com, without https:// and without a path."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_what_a_server_can_bear() {
        for good in ["acme", "a", "7up", "acme-2", "a-b-c"] {
            check_slug("A project", good).unwrap();
        }
        for bad in ["", "Acme", "-a", "a-", "a_b", "a b", "ä", "a\n", "a/b", "$(id)", &"a".repeat(41)] {
            assert!(check_slug("A project", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn project_and_environment_together_fit_a_servers_names() {
        assert_eq!(checked_slug("acme", "production").unwrap(), "acme-production");
        checked_slug(&"p".repeat(29), "production").unwrap();
        assert!(checked_slug(&"p".repeat(30), "production").is_err());
    }

    #[test]
    fn domains_are_bare_names() {
        for good in ["example.com", "localhost", "a-b.example.co.uk", "xn--bcher-kva.example"] {
            check_domain(good).unwrap();
        }
        for bad in
            ["", "https://example.com", "example.com/x", "a..b", "-a.com", "a b", "a{b", "a\nb", "*.com"]
        {
            assert!(check_domain(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn words_are_names_of_variables() {
        for good in ["sale", "acme_base", "_x", "PATH", "l10n_de"] {
            check_word("A module", good).unwrap();
        }
        for bad in ["", "9lives", "a-b", "a b", "a=b", "é", "a\n"] {
            assert!(check_word("A module", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn labels_fit_on_one_line() {
        check_label("A server", "Hetzner, Falkenstein #2").unwrap();
        for bad in ["", " ", " a", "a\tb", "a\nb", &"x".repeat(101)] {
            assert!(check_label("A server", bad).is_err(), "{bad:?}");
        }
    }
}
