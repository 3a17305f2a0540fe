//! The site of an environment at the server's proxy. Changing it means reloading the proxy, which fails what it holds at
//! that moment: it waits for all cut overs on the server, and is left alone while it is as it should be.

use std::time::Duration;

use slipway_remote::{Cmd, Output};

use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
use crate::model::{Settings, Tls};
use crate::odoo::time_limits::TimeLimits;
use crate::render::caddy::{self, Site};
use crate::server::Slot;

/// `routing.sh DIR SLUG [FILE NAME]…`: the new site comes by stdin, and each FILE goes to the proxy's certificates as NAME. Exit: 0 as it should be (says "changed" if it wasn't) · 12 cut overs
/// in the way · 13 the proxy refused it (the old one is back)
const SCRIPT: &str = concat!(include_str!("server/lock.sh"), include_str!("routing.sh"));
/// The same words; changes nothing that the proxy reads.
const CHECK: &str = include_str!("routing_check.sh");
const IN_THE_WAY: i32 = 12;
const REFUSED: i32 = 13;
/// The root certificate of the authority that the server's ACME certificates come from, among the proxy's certificates.
const ACME_ROOT: &str = "acme-root.crt";
/// How long to wait for other cut overs of the server.
const LIMIT: Duration = Duration::from_secs(900);

/// The site that these settings ask for, of an Odoo with these limits. `ports` are those of the websocket in slots a and b.
pub(crate) fn site(settings: &Settings, limits: TimeLimits, ports: (u16, u16)) -> Site {
    let environment = &settings.environment;
    let slug = settings.slug();
    Site {
        domain: environment.domain.clone().unwrap_or_else(|| format!("{slug}.localhost")).to_lowercase(),
        slug,
        tls: match &environment.tls {
            Tls::Acme { email } => caddy::Tls::Acme {
                email: email.clone(),
                directory: settings.server.acme_directory.clone(),
                trusted_root: settings.server.acme_root_file.as_ref().map(|_| ACME_ROOT.to_owned()),
            },
            Tls::Internal => caddy::Tls::Internal,
            Tls::Own { .. } => caddy::Tls::Own,
            Tls::Plain => caddy::Tls::Plain,
        },
        https_port: settings.server.https_port,
        socket_port_a: ports.0,
        socket_port_b: ports.1,
        hold: Duration::from_secs(u64::from(environment.hold_limit_s)),
        limit_time_real: limits.real(),
    }
}

/// A site with another websocket port in one slot.
pub(crate) fn with_port(mut site: Site, slot: Slot, port: u16) -> Site {
    match slot {
        Slot::A => site.socket_port_a = port,
        Slot::B => site.socket_port_b = port,
    }
    site
}

/// The files on the server that the proxy needs for a site, each with the name that the proxy knows it by.
fn certificates(cx: &Cx, site: &Site) -> Vec<(String, String)> {
    match (&cx.settings.environment.tls, &cx.settings.server.acme_root_file) {
        (Tls::Own { cert_file, key_file }, _) => vec![
            (cert_file.clone(), format!("{}.crt", site.slug)),
            (key_file.clone(), format!("{}.key", site.slug)),
        ],
        (Tls::Acme { .. }, Some(root)) => vec![(root.clone(), ACME_ROOT.to_owned())],
        _ => vec![],
    }
}

/// Makes the proxy serve the site like this.
///
/// # Errors
/// When the site can't be written, or the proxy refuses it; then the old one is in force.
pub(crate) async fn apply(cx: &Cx, site: &Site) -> Result<(), EngineError> {
    let out = call(cx, SCRIPT, site).await?;
    match out.code {
        0 => {
            if out.stdout.contains("changed") {
                cx.info(format!("The proxy serves {}", site.domain));
            }
            Ok(())
        }
        IN_THE_WAY => Err(EngineError::new(
            ErrorCode::RoutingFailed,
            "Other cut overs on this server didn't end in time.",
        )
        .hint("Retry when they have ended: changing a site must not fail the requests that they hold.")),
        code => Err(refused(code, &out.stderr, "The former site is in force.")),
    }
}

/// Asks the proxy whether it would take the site, which is applied only after the commit. What it serves stays as it is.
///
/// # Errors
/// When the site can't be written, or the proxy would refuse it.
pub(crate) async fn check(cx: &Cx, site: &Site) -> Result<(), EngineError> {
    let out = call(cx, CHECK, site).await?;
    match out.code {
        0 => Ok(()),
        code => Err(refused(code, &out.stderr, "Nothing was changed.")),
    }
}

async fn call(cx: &Cx, script: &str, site: &Site) -> Result<Output, EngineError> {
    let text = site.render().map_err(|e| EngineError::bad_input(e.to_string()))?;
    let mut args = vec![cx.layout().caddy(), site.slug.clone()];
    for (from, name) in certificates(cx, site) {
        args.extend([from, name]);
    }
    let cmd = Cmd::new("sh")
        .args(["-c", script, "routing.sh"])
        .args(args)
        .stdin(bytes::Bytes::from(text))
        .limit(LIMIT + Duration::from_secs(60));
    cx.connection().await?.run(cmd).await
}

fn refused(code: i32, said: &str, state: &str) -> EngineError {
    let error = match code {
        REFUSED => EngineError::new(ErrorCode::RoutingFailed, "The proxy refused the site.")
            .hint(format!("Check the domain and the certificate's files. {state}")),
        _ => EngineError::new(ErrorCode::RoutingFailed, "The site could not be put on the server."),
    };
    error.detail(said)
}

#[cfg(test)]
mod tests {
    use super::{CHECK, SCRIPT, Settings, site};
    use crate::model::{DeployOptions, Environment, Project, Server, ServerKind};
    use crate::odoo::series::Series;
    use crate::render::odoo_conf::OdooConf;
    use secrecy::{ExposeSecret, SecretString};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output, Stdio};

    /// A proxy's folder, and a `docker` that refuses sites and certificates with the word "bad" in them. It notes what it is
    /// asked, and what it is given to validate.
    struct Proxy {
        dir: tempfile::TempDir,
    }

    impl Proxy {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let (bin, docker) = (dir.path().join("bin"), dir.path().join("bin/docker"));
            fs::create_dir(&bin).unwrap();
            let text = r#"#!/bin/sh
echo "$*" >>"$PROXY/calls"
case $* in *validate*) cat >"$PROXY/validated"; ! grep -q bad "$PROXY/validated" "$PROXY"/certs/*.check.*; exit ;; esac
! grep -qs bad "$PROXY"/sites/*.caddy "$PROXY"/certs/*.crt
"#;
            fs::write(&docker, text).unwrap();
            fs::set_permissions(&docker, Permissions::from_mode(0o755)).unwrap();
            Self { dir }
        }

        fn at(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        fn apply(&self, site: &str, certificates: &[&str]) -> Output {
            self.run(SCRIPT, site, certificates)
        }

        fn run(&self, script: &str, site: &str, certificates: &[&str]) -> Output {
            fs::write(self.at("site"), site).unwrap();
            let path = format!("{}:{}", self.at("bin").display(), std::env::var("PATH").unwrap());
            let mut sh = Command::new("sh");
            sh.args(["-c", script, "routing.sh"]).arg(self.dir.path()).arg("acme").args(certificates);
            sh.env("PATH", path).env("PROXY", self.dir.path()).env("HOME", self.dir.path());
            sh.stdin(Stdio::from(fs::File::open(self.at("site")).unwrap())).output().unwrap()
        }

        fn reloads(&self) -> usize {
            fs::read_to_string(self.at("calls")).unwrap_or_default().lines().count()
        }
    }

    /// The number that stands after `name` in what was rendered, and before `unit`.
    fn number(text: &str, name: &str, unit: &str) -> u64 {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name}in {text}")).strip_suffix(unit).unwrap().parse().unwrap()
    }

    #[test]
    fn the_proxy_is_as_patient_as_odoo_conf_is() {
        for options in [vec![], vec![("limit_time_real", "30")], vec![("limit_time_real", "7200")]] {
            let project = Project::new("acme", "19.0", vec![]);
            let options =
                options.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let environment = Environment { options, ..Environment::new(project.id, "production", "main") };
            let conf = OdooConf {
                series: Series::V19,
                cpus: environment.cpus,
                memory_mb: environment.memory_mb,
                db_host: "db".into(),
                db_user: "odoo".into(),
                db_password: SecretString::from("secret".to_owned()),
                db_name: "acme".into(),
                admin_passwd: "hash".into(),
                addons: vec![],
                max_connections: None,
                options: environment.options.clone(),
                secret_options: std::collections::BTreeMap::new(),
            };
            let server = Server::new("here", ServerKind::Local);
            let settings = Settings { environment, project, server, options: DeployOptions::default() };
            let site = site(&settings, conf.time_limits().unwrap(), (8069, 8069)).render().unwrap();
            let limit = number(conf.render().unwrap().expose_secret(), "limit_time_real = ", "");
            let patience = number(&site, "response_header_timeout ", "s");
            assert!((limit..=limit + 60).contains(&patience), "Odoo: {limit} s, the proxy: {patience} s");
        }
    }

    fn mode(file: &Path) -> u32 {
        fs::metadata(file).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_proxy_is_left_alone_while_it_is_as_it_should_be() {
        let proxy = Proxy::new();
        fs::write(proxy.at("site.crt"), "one").unwrap();
        fs::write(proxy.at("site.key"), "secret").unwrap();
        let certificates = ["~/site.crt", "acme.crt", "~/site.key", "acme.key"];
        let apply = || proxy.apply("first", &certificates);
        assert_eq!(apply().stdout, b"changed\n");
        assert_eq!((apply().stdout, proxy.reloads()), (vec![], 1));
        assert_eq!(mode(&proxy.at("certs/acme.key")), 0o600);

        // Renewed in its file: the proxy has to be told, though its configuration is the same.
        fs::write(proxy.at("site.crt"), "two").unwrap();
        assert_eq!((apply().stdout, proxy.reloads()), (b"changed\n".to_vec(), 2));
        assert_eq!(fs::read(proxy.at("certs/acme.crt")).unwrap(), b"two");
        assert!(fs::read_to_string(proxy.at("calls")).unwrap().contains("reload --force"));
    }

    #[test]
    fn what_the_proxy_refuses_is_put_back_whole() {
        let proxy = Proxy::new();
        fs::write(proxy.at("site.crt"), "one").unwrap();
        assert_eq!(proxy.apply("first", &["~/site.crt", "acme.crt"]).status.code(), Some(0));
        fs::write(proxy.at("site.crt"), "bad").unwrap();
        assert_eq!(proxy.apply("second", &["~/site.crt", "acme.crt"]).status.code(), Some(13));
        assert_eq!(fs::read(proxy.at("certs/acme.crt")).unwrap(), b"one");
        assert_eq!(fs::read(proxy.at("sites/acme.caddy")).unwrap(), b"first");
        let missing = proxy.apply("third", &["~/site.crt", "acme.crt", "~/not-there", "acme.key"]);
        assert_eq!(missing.status.code(), Some(13));
        assert!(String::from_utf8_lossy(&missing.stderr).contains("not-there"));
        assert_eq!(fs::read(proxy.at("sites/acme.caddy")).unwrap(), b"first");
        let left: Vec<_> = ["certs", "sites"]
            .iter()
            .flat_map(|dir| fs::read_dir(proxy.at(dir)).unwrap())
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(left, ["acme.crt", "acme.caddy"], "nothing half is left");
        assert_eq!(Proxy::new().apply("bad", &[]).status.code(), Some(13));
    }

    #[test]
    fn a_check_changes_nothing() {
        let proxy = Proxy::new();
        fs::write(proxy.at("Caddyfile"), "(gate) {\n}\nimport sites/*.caddy\n").unwrap();
        fs::write(proxy.at("site.crt"), "one").unwrap();
        let certificates = ["~/site.crt", "acme.crt"];
        assert_eq!(proxy.apply("tls /etc/caddy/certs/acme.crt", &certificates).status.code(), Some(0));
        let check = |site: &str| proxy.run(CHECK, site, &certificates);
        assert_eq!(check("tls /etc/caddy/certs/acme.crt").status.code(), Some(0));
        assert_eq!(proxy.reloads(), 1, "what is in force isn't asked about");
        assert_eq!(check("x tls /etc/caddy/certs/acme.crt").status.code(), Some(0));
        let given = fs::read_to_string(proxy.at("validated")).unwrap();
        assert_eq!(given, "(gate) {\n}\nx tls /etc/caddy/certs/acme.check.acme.crt");
        fs::write(proxy.at("site.crt"), "bad").unwrap();
        assert_eq!(check("tls /etc/caddy/certs/acme.crt").status.code(), Some(13));
        assert_eq!(check("bad").status.code(), Some(13));
        let missing = proxy.run(CHECK, "x", &["~/not-there", "acme.key"]);
        assert!(String::from_utf8_lossy(&missing.stderr).contains("not-there"));
        assert_eq!(fs::read(proxy.at("certs/acme.crt")).unwrap(), b"one");
        let left: Vec<_> = ["certs", "sites"]
            .iter()
            .flat_map(|dir| fs::read_dir(proxy.at(dir)).unwrap())
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(left, ["acme.crt", "acme.caddy"], "nothing is left of a check");
    }
}
