//! Caddy's configuration: one main file for each server, one file for each environment.
//!
//! A site names both slots of its environment and never changes during a cut over. Which slot takes requests is said by
//! the files `gate/<slug>/a` and `gate/<slug>/b`, looked for ten times a second; while there is none, requests wait.
//! Changing a site means reloading Caddy, which fails the requests that any site holds at that moment: hold
//! `caddy/lock` exclusively for it. Caddy 2.8 or newer is needed (`health_upstream`); tried with 2.11.
//!
//! A look costs about 0.5 % of a core for each environment, measured with 21 of them.

use std::{net::Ipv4Addr, sync::LazyLock, time::Duration};

use minijinja::{Environment, context};
use serde::{Deserialize, Serialize};

use crate::odoo::time_limits::patience;

/// How much earlier than its limit Odoo may end a request: it counts from when the worker last said that it lives, which it does
/// every four seconds (`beat` in `odoo/service/server.py`).
const EARLY: Duration = Duration::from_secs(5);

/// The main Caddyfile, the same on every server.
pub const CADDYFILE: &str = include_str!("templates/Caddyfile");

/// What Caddy's container mounts: folder under Slipway's root on the server, place in the container.
pub const MOUNTS: [(&str, &str); 3] =
    [("caddy", "/etc/caddy"), ("caddy/data", "/data"), ("caddy/config", "/config")];

/// How long requests are held by default before the maintenance page is shown.
pub const HOLD: Duration = Duration::from_secs(60);

/// One environment as Caddy sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The environment's slug, `[a-z0-9-]`, at most 40 bytes.
    pub slug: String,
    /// A host name in ASCII, or an IPv4 address; no port, no wildcard.
    pub domain: String,
    /// Where the certificate comes from.
    pub tls: Tls,
    /// The port of HTTPS as the world sees it; 443 unless the container's is published elsewhere.
    pub https_port: u16,
    /// The port for websockets and long polling of the container in slot a: 8072 with workers, else 8069.
    pub socket_port_a: u16,
    /// The same for slot b; while a release with workers replaces one without, they differ.
    pub socket_port_b: u16,
    /// How long a request is held before the maintenance page is shown.
    pub hold: Duration,
    /// Odoo's `limit_time_real`: no answer is waited for less than this. Zero: none, so for as long as it takes.
    pub limit_time_real: Duration,
}

/// Where a site's certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Tls {
    /// Issued by ACME; Let's Encrypt, then ZeroSSL, unless a directory is named.
    Acme {
        /// Whom the issuer writes to when a certificate isn't renewed.
        email: Option<String>,
        /// Another issuer's directory, `https://…`.
        directory: Option<String>,
        /// A file under [`certificates`] with the certificate of that issuer's own CA.
        trusted_root: Option<String>,
    },
    /// Issued by Caddy's own CA, which browsers don't know.
    Internal,
    /// The user's own: `<slug>.crt` and `<slug>.key` under [`certificates`].
    Own,
    /// No TLS.
    Plain,
}

/// The folder in Caddy's container where certificates of the user's lie; on the server `caddy/certs`.
pub const fn certificates() -> &'static str {
    "/etc/caddy/certs"
}

/// Why a site can't be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} can't be {value:?}: {rule}")]
pub struct SiteError {
    /// The site's field.
    pub field: &'static str,
    /// What it was.
    pub value: String,
    /// What it must be.
    pub rule: &'static str,
}

impl Site {
    /// The file `caddy/sites/<slug>.caddy`.
    pub fn render(&self) -> Result<String, SiteError> {
        self.check()?;
        let secure = self.tls != Tls::Plain;
        let (tls, domain) = (self.tls_block(), &self.domain);
        let site = TEMPLATES.get_template("site").and_then(|template| {
            template.render(context! {
                slug => &self.slug,
                domain,
                address => format!("{}://{domain}", if secure { "https" } else { "http" }),
                redirect => (secure && self.https_port != 443).then_some(self.https_port),
                tls,
                socket_a => self.socket_port_a,
                socket_b => self.socket_port_b,
                hold => self.hold.as_secs().max(1),
                limit => self.limit_time_real.as_secs(),
                late => self.limit_time_real.saturating_sub(EARLY).as_secs().max(1),
                answer => patience(self.limit_time_real).map(|patience| patience.as_secs()),
            })
        });
        site.map(|text| text + "\n").map_err(|e| SiteError {
            field: "template",
            value: e.to_string(),
            rule: "a defect of Slipway",
        })
    }

    fn tls_block(&self) -> Option<String> {
        let certs = certificates();
        match &self.tls {
            Tls::Plain | Tls::Acme { email: None, directory: None, trusted_root: None } => None,
            Tls::Internal => Some("\ttls internal".to_owned()),
            Tls::Own => Some(format!("\ttls {certs}/{0}.crt {certs}/{0}.key", self.slug)),
            Tls::Acme { email, directory, trusted_root } => {
                let option = |name: &str, value: Option<String>| value.map(|v| format!("\t\t\t{name} {v}\n"));
                let root = trusted_root.as_ref().map(|file| format!("{certs}/{file}"));
                let options = [
                    option("email", email.clone()),
                    option("dir", directory.clone()),
                    option("trusted_roots", root),
                ];
                let options: String = options.into_iter().flatten().collect();
                Some(format!("\ttls {{\n\t\tissuer acme {{\n{options}\t\t}}\n\t}}"))
            }
        }
    }

    fn check(&self) -> Result<(), SiteError> {
        let require = |field, value: &str, rule, good: bool| {
            if good { Ok(()) } else { Err(SiteError { field, value: value.to_owned(), rule }) }
        };
        let slug = !self.slug.is_empty()
            && self.slug.len() <= 40
            && self.slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        require("slug", &self.slug, "[a-z0-9-], at most 40 bytes", slug)?;
        const DOMAIN: &str = "a host name such as shop.example.com (names with other letters in their xn-- form), or an IPv4 address";
        require("domain", &self.domain, DOMAIN, is_domain(&self.domain))?;
        if let Tls::Acme { email, directory, trusted_root } = &self.tls {
            if let Some(email) = email {
                require("email", email, "an e-mail address", is_email(email))?;
            }
            if let Some(url) = directory {
                let good = url.strip_prefix("https://").is_some_and(|rest| is_plain(rest, "./:_-"));
                require("directory", url, "an https:// address", good)?;
            }
            if let Some(file) = trusted_root {
                require(
                    "trusted_root",
                    file,
                    "a file's name",
                    is_plain(file, "._-") && !file.starts_with('.'),
                )?;
            }
            let numeric = self.domain.parse::<Ipv4Addr>().is_ok() || !self.domain.contains('.');
            require("domain", &self.domain, "a public name, to get a certificate by ACME", !numeric)?;
        }
        let ports = [self.https_port, self.socket_port_a, self.socket_port_b];
        require("port", &format!("{ports:?}"), "1 to 65535", !ports.contains(&0))
    }
}

/// Whether this can stand as a site's address: RFC 1123 host name in lower case, or an IPv4 address.
pub fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let numeric = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    text.len() <= 253 && text.split('.').all(is_label) && (!numeric || text.parse::<Ipv4Addr>().is_ok())
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, host)| is_plain(user, ".+_-") && is_domain(host))
}

fn is_plain(text: &str, more: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || more.as_bytes().contains(&b))
}

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    // A template that doesn't parse is found by the first test, and shows as "template not found" when rendered.
    let _ = environment.add_template("site", include_str!("templates/site.caddy.j2"));
    environment
});

#[cfg(test)]
mod tests {
    use super::*;

    fn site(tls: Tls) -> Site {
        Site {
            slug: "acme-prod".into(),
            domain: "shop.example.com".into(),
            tls,
            https_port: 443,
            socket_port_a: 8072,
            socket_port_b: 8069,
            hold: HOLD,
            limit_time_real: Duration::from_secs(1200),
        }
    }

    #[test]
    fn a_site_names_both_slots_and_its_sockets() {
        let text = site(Tls::Plain).render().unwrap();
        assert!(text.contains("\nhttp://shop.example.com {"), "{text}");
        assert!(text.contains(
            "reverse_proxy acme-prod-a:8069 acme-prod-b:8069 {\n\t\t\timport slipway_gate 60s 100ms"
        ));
        assert!(text.contains("reverse_proxy acme-prod-a-ws:8072 acme-prod-b-ws:8069 {"));
        assert!(!text.contains("tls"));
    }

    #[test]
    fn an_answer_is_waited_for_as_long_as_odoo_may_work() {
        let text = site(Tls::Plain).render().unwrap();
        assert!(text.contains("response_header_timeout 1260s"), "{text}");
        assert!(text.contains("There was no answer within 1200 s."));
        assert!(text.contains("{http.request.duration_ms} >= 1195000.0"), "Odoo may end it a little earlier");
        // What takes requests and gives answers may take longer, and sockets stay.
        assert_eq!(text.matches("_timeout").count(), 3, "{text}");
        let unlimited = Site { limit_time_real: Duration::ZERO, ..site(Tls::Plain) }.render().unwrap();
        assert!(!unlimited.contains("response_header_timeout") && !unlimited.contains("@late"));
    }

    #[test]
    fn only_a_page_that_nobody_could_answer_reloads() {
        let text = site(Tls::Plain).render().unwrap();
        let pages: Vec<&str> = text.split("<!doctype html>").skip(1).collect();
        let reloads: Vec<bool> = pages.iter().map(|page| page.contains("http-equiv=\"refresh\"")).collect();
        assert_eq!(reloads, [true, false, false]);
        for (page, status) in pages.iter().zip(["HTML 503", "HTML 504", "HTML 502"]) {
            assert!(page.contains(status), "{page}");
        }
        assert_eq!(text.matches("Retry-After").count(), 1);
    }

    #[test]
    fn tls_in_all_its_kinds() {
        let acme = |email: Option<&str>| Tls::Acme {
            email: email.map(Into::into),
            directory: email.map(|_| "https://ca.example:14000/dir".into()),
            trusted_root: email.map(|_| "root.pem".into()),
        };
        assert!(!site(acme(None)).render().unwrap().contains("\ttls"));
        let text = site(acme(Some("me+x@example.com"))).render().unwrap();
        assert!(text.contains("\ttls {\n\t\tissuer acme {\n\t\t\temail me+x@example.com\n\t\t\tdir https://ca.example:14000/dir\n\t\t\ttrusted_roots /etc/caddy/certs/root.pem\n\t\t}\n\t}\n"), "{text}");
        assert!(
            site(Tls::Internal).render().unwrap().contains("https://shop.example.com {\n\ttls internal\n")
        );
        assert!(
            site(Tls::Own)
                .render()
                .unwrap()
                .contains("tls /etc/caddy/certs/acme-prod.crt /etc/caddy/certs/acme-prod.key")
        );
        let elsewhere = Site { https_port: 8443, ..site(Tls::Internal) }.render().unwrap();
        assert!(
            elsewhere.contains("http://shop.example.com {\n\tredir https://shop.example.com:8443{uri} 308")
        );
        assert!(!Site { https_port: 8443, ..site(Tls::Plain) }.render().unwrap().contains("redir"));
    }

    #[test]
    fn nothing_gets_in_by_a_name() {
        let long = "a".repeat(64);
        for bad in [
            "",
            "a b",
            "a{b",
            "a}\nb",
            "a\n",
            "-a.example",
            "a-.example",
            "a..b",
            ".a",
            "a.",
            "*.example.com",
            "A.example",
            "é.example",
            "a.example:80",
            "a/b",
            "{env.HOME}",
            "1.2.3.4.5",
            "256.1.1.1",
            "a#b",
            "\"a\"",
            &long,
        ] {
            assert!(!is_domain(bad), "{bad:?}");
            assert!(Site { domain: bad.into(), ..site(Tls::Plain) }.render().is_err(), "{bad:?}");
        }
        for good in [
            "localhost",
            "shop.localhost",
            "203.0.113.5",
            "xn--caf-dma.example",
            "a1.b-2.example",
            "1und1.example",
        ] {
            assert!(is_domain(good), "{good:?}");
        }
        for bad in ["a\nb@example.com", "a b@example.com", "@example.com", "a@", "a{b}@example.com"] {
            let tls = Tls::Acme { email: Some(bad.into()), directory: None, trusted_root: None };
            assert!(site(tls).render().is_err(), "{bad:?}");
        }
        for bad in ["http://ca.example", "https://", "https://a b", "https://a}"] {
            let tls = Tls::Acme { email: None, directory: Some(bad.into()), trusted_root: None };
            assert!(site(tls).render().is_err(), "{bad:?}");
        }
        let tls = Tls::Acme { email: None, directory: None, trusted_root: Some("../key".into()) };
        assert!(site(tls).render().is_err());
        assert!(Site { slug: "a}b".into(), ..site(Tls::Plain) }.render().is_err());
        let acme = Tls::Acme { email: None, directory: None, trusted_root: None };
        assert!(Site { domain: "203.0.113.5".into(), ..site(acme) }.render().is_err());
    }
}
