//! HTTPS as a strict client does it, by curl: the chain up to a given root and the name are verified.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::{must, run};

/// GET over HTTPS from this address, for this name, trusting this root certificate alone. The status code, or why there is none.
pub fn get(address: SocketAddr, host: &str, path: &str, root: &Path) -> Result<u16, String> {
    let url = format!("https://{host}:{}{path}", address.port());
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "30", "--output", "/dev/null"]);
    curl.args(["--write-out", "%{http_code}"]);
    curl.arg("--cacert").arg(root);
    curl.arg("--resolve").arg(format!("{host}:{}:{}", address.port(), address.ip()));
    let output = run(curl.arg(url), Duration::from_secs(40));
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    String::from_utf8_lossy(&output.stdout).trim().parse().map_err(|e| format!("no status code: {e}"))
}

/// What `openssl x509` says of the certificate that is shown at this address for this name: `certificate(…, "-serial")`.
pub fn certificate(address: SocketAddr, host: &str, what: &str) -> String {
    let line = r#"openssl s_client -connect "$1" -servername "$2" </dev/null 2>/dev/null | openssl x509 -noout "$3""#;
    must(Command::new("sh").args(["-c", line, "sh", &address.to_string(), host, what]))
}

/// Runs `openssl ARGS` in a folder.
pub fn openssl(dir: &Path, args: &[&str]) {
    must(Command::new("openssl").current_dir(dir).args(args));
}
