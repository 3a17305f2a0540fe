//! HTTPS in all its kinds: the proxy's own authority, the user's own certificate, and a certificate that an ACME authority issues.
#![expect(clippy::unwrap_used, reason = "a test tells what is wrong by panicking")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use slipway_tests::{Docker, Journey, Server, http, https};

const LONG: Duration = Duration::from_secs(120);

/// Where Caddy keeps the root of its own authority, below its data.
const ROOT: &str = "caddy/pki/authorities/local/root.crt";

/// Panics unless the name answers over HTTPS to who trusts `root`, not to who trusts another, and HTTP leads there.
fn assert_secure(journey: &Journey, host: &str, root: &Path) {
    let server = &journey.server;
    assert_eq!(https::get(server.https(), host, "/web/login", root), Ok(200), "verified up to the root");
    let other = journey.server.scratch("other-root");
    if !other.join("ca.crt").exists() {
        authority(&other, "Somebody Else");
    }
    let refused = https::get(server.https(), host, "/web/login", &other.join("ca.crt"));
    assert!(refused.is_err(), "who trusts another authority does not get in: {refused:?}");

    let plain = http::get(server.http(), host, "/web/login?x=1").unwrap();
    let expected = format!("https://{host}:{}/web/login?x=1", server.https_port());
    assert_eq!(
        (plain.status, plain.header("location")),
        (308, Some(expected.as_str())),
        "HTTP leads to HTTPS"
    );
    assert_eq!(plain.header("strict-transport-security"), None, "nobody is bound to HTTPS for ever unasked");
}

/// An authority of the test's own: `ca.crt` and `ca.key` in this folder.
fn authority(dir: &Path, name: &str) {
    let subject = format!("/CN={name}");
    https::openssl(
        dir,
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.crt",
            "-days",
            "2",
            "-subj",
            &subject,
        ],
    );
}

/// A certificate of that authority for a name: `site.crt` and `site.key`, replaced if they are there.
fn issue(dir: &Path, host: &str) {
    fs::write(dir.join("ext"), format!("subjectAltName=DNS:{host}\nextendedKeyUsage=serverAuth\n")).unwrap();
    let subject = format!("/CN={host}");
    https::openssl(
        dir,
        &[
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "site.key",
            "-out",
            "site.csr",
            "-subj",
            &subject,
        ],
    );
    https::openssl(
        dir,
        &[
            "x509",
            "-req",
            "-in",
            "site.csr",
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            "ext",
            "-out",
            "site.crt",
        ],
    );
    fs::set_permissions(dir.join("site.key"), Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn of_the_proxys_own_authority_and_of_the_users_own_certificate() {
    let journey = Journey::start();
    let host = journey.host();
    journey.set(&["--tls", "internal"]);
    journey.deploy_ends("initial", 0);
    let root = journey.server.home().join(".slipway/caddy/data").join(ROOT);
    assert_secure(&journey, &host, &root);

    // The user's own: at first with a key that isn't the certificate's.
    let certs = journey.server.home().join("certs");
    fs::create_dir(&certs).unwrap();
    authority(&certs, "Test Authority");
    issue(&certs, "somebody-else.example");
    fs::rename(certs.join("site.key"), certs.join("wrong.key")).unwrap();
    issue(&certs, &host);
    journey.set(&["--tls", "own", "--cert", "~/certs/site.crt", "--cert-key", "~/certs/wrong.key"]);
    let ran = journey.deploy("code-only");
    assert_eq!((ran.code, ran.error()), (Some(4), "routing_failed"), "{}", ran.told());
    assert_secure(&journey, &host, &root);
    journey.set(&["--cert-key", "~/certs/not-there.key"]);
    let ran = journey.deploy("code-only");
    assert_eq!((ran.code, ran.error()), (Some(4), "routing_failed"), "{}", ran.told());
    assert!(ran.told().contains("not-there.key"), "it says which file: {}", ran.told());
    // What was refused is nowhere any more: the proxy comes up again after a reboot.
    journey.server.docker().must(&["restart", "slipway-caddy"]);
    journey.eventually("the proxy answers after its restart", LONG, || {
        https::get(journey.server.https(), &host, "/web/login", &root) == Ok(200)
    });

    journey.set(&["--cert-key", "~/certs/site.key"]);
    journey.deploy_ends("code-only", 0);
    let own_root = certs.join("ca.crt");
    assert_secure(&journey, &host, &own_root);
    let serial = https::certificate(journey.server.https(), &host, "-serial");
    key_is_nobody_elses(&journey, &certs.join("site.key"));

    // Renewed in its file, nothing else is different.
    issue(&certs, &host);
    journey.deploy_ends("code-only", 0);
    assert_secure(&journey, &host, &own_root);
    assert_ne!(
        https::certificate(journey.server.https(), &host, "-serial"),
        serial,
        "the renewed one is shown"
    );
    key_is_nobody_elses(&journey, &certs.join("site.key"));
}

/// Panics unless the proxy's copy is for its user alone, and the key is in nothing that Slipway or Docker tells.
fn key_is_nobody_elses(journey: &Journey, key: &Path) {
    let key = fs::read_to_string(key).unwrap();
    let copies = journey.server.home().join(".slipway/caddy/certs");
    let copy = copies.join(format!("{}.key", journey.slug()));
    assert_eq!(fs::read_to_string(&copy).unwrap(), key);
    for file in fs::read_dir(&copies).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?} is for nobody else", file.file_name());
        let name = file.file_name().into_string().unwrap();
        assert!(!name.ends_with(".old") && !name.ends_with(".new"), "{name} is left over");
    }
    let secret: String = key.lines().nth(1).unwrap().to_owned();
    assert!(secret.len() > 30, "a line of the key");
    let docker = journey.server.docker();
    let mut said = journey.slipway.must(&["logs", &journey.env(), "--level", "debug"]).stdout.join("\n");
    for container in docker.containers(&["slipway.managed=1"]) {
        said += &docker.must(&["inspect", &container]);
        said += &String::from_utf8_lossy(&docker.run(&["logs", &container]).stderr);
    }
    for entry in fs::read_dir(journey.slipway.home()).unwrap().flatten() {
        said += &String::from_utf8_lossy(&fs::read(entry.path()).unwrap_or_default());
    }
    assert!(!said.contains(&secret), "the key is somewhere it must not be");
}

/// A certificate authority that speaks ACME, in a network that the proxy can be put on.
struct Authority<'a> {
    docker: &'a Docker,
    name: String,
}

impl<'a> Authority<'a> {
    const HOST: &'static str = "ca.slipway.test";

    fn start(journey: &'a Journey) -> Self {
        let this = Self { docker: journey.server.docker(), name: format!("{}-ca", journey.slug()) };
        let config = "{\n admin off\n skip_install_trust\n}\nhttps://ca.slipway.test {\n tls internal\n acme_server\n}\n";
        // What has the environment's label goes with the server, should the test be killed.
        let label = format!("slipway.env={}", journey.slug());
        this.docker.must(&["network", "create", "--label", &label, &this.name]);
        let run =
            r#"printf %s "$0" >/tmp/Caddyfile && exec caddy run --adapter caddyfile --config /tmp/Caddyfile"#;
        this.docker.must(&[
            "run",
            "-d",
            "--name",
            &this.name,
            "--label",
            &label,
            "--network",
            &this.name,
            "--network-alias",
            Self::HOST,
            "-e",
            "XDG_DATA_HOME=/data",
            "--entrypoint",
            "sh",
            "caddy:2",
            "-c",
            run,
            config,
        ]);
        this
    }

    /// Puts the proxy on the network, where it answers to this name.
    fn lets_in(&self, domain: &str) {
        self.docker.must(&["network", "connect", "--alias", domain, &self.name, "slipway-caddy"]);
    }

    /// Its root certificate, once there is one.
    fn root(&self, journey: &Journey) -> PathBuf {
        let file = journey.server.home().join("acme-root.crt");
        journey.eventually("the authority has made its root", LONG, || {
            let said = self.docker.run(&["exec", &self.name, "cat", &format!("/data/{ROOT}")]);
            said.status.success()
                && said.stdout.starts_with(b"-----BEGIN")
                && fs::write(&file, said.stdout).is_ok()
        });
        file
    }
}

impl Drop for Authority<'_> {
    fn drop(&mut self) {
        self.docker.run(&["network", "disconnect", "-f", &self.name, "slipway-caddy"]);
        self.docker.run(&["rm", "-fv", &self.name]);
        self.docker.run(&["network", "rm", &self.name]);
    }
}

#[test]
fn of_an_acme_authority_of_the_companys_own() {
    // Where its certificates come from is a setting of the server; nobody asks there before an environment wants one.
    let directory = format!("https://{}/acme/local/directory", Authority::HOST);
    let settings = ["--acme-directory", directory.as_str(), "--acme-root", "~/acme-root.crt"];
    let journey = Journey::with(Server::start(), "19.0", &settings);
    let domain = format!("{}.slipway.test", journey.slug());
    journey.set(&["--domain", &domain]);
    journey.deploy_ends("initial", 0);
    assert_eq!(http::get(journey.server.http(), &domain, "/web/login").unwrap().status, 200);

    let authority = Authority::start(&journey);
    authority.lets_in(&domain);
    let root = authority.root(&journey);
    journey.set(&["--tls", "acme", "--acme-email", "it@slipway.test"]);
    journey.deploy_ends("code-only", 0);
    // It asks for the certificate when it knows of the site.
    journey.eventually("a certificate is issued", LONG, || {
        https::get(journey.server.https(), &domain, "/web/login", &root) == Ok(200)
    });
    assert_secure(&journey, &domain, &root);
    let issuer = https::certificate(journey.server.https(), &domain, "-issuer");
    assert!(issuer.contains("Caddy Local Authority"), "issued by the authority: {issuer}");
    let own = journey.server.home().join(".slipway/caddy/data").join(ROOT);
    let by_own = https::get(journey.server.https(), &domain, "/web/login", &own);
    assert!(by_own.is_err(), "the proxy's own authority has nothing to do with it: {by_own:?}");
    assert!(journey.tickets().is_empty(), "the database answers");
}
