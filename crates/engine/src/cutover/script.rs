//! The script itself, made of its parts.

use sha2::{Digest, Sha256};

/// The whole of `cutover.sh`, as it is laid on a server.
pub const TEXT: &str = concat!(
    include_str!("script/words.sh"),
    include_str!("script/boot.sh"),
    include_str!("script/actions.sh"),
    include_str!("script/ways.sh"),
    include_str!("script/modes.sh"),
);

/// What the script is filed under on a server (`bin/<hash>/cutover.sh`), so that a newer Slipway never replaces the
/// script of a cut over that still runs: the first 16 hexadecimal digits of its SHA-256.
pub fn hash() -> String {
    hex::encode(&Sha256::digest(TEXT)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn shells_accept_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cutover.sh");
        std::fs::write(&file, TEXT).unwrap();
        let mut tried = 0;
        for shell in [&["sh"][..], &["dash"], &["busybox", "sh"], &["bash", "--posix"]] {
            let Ok(out) = Command::new(shell[0]).args(&shell[1..]).arg("-n").arg(&file).output() else {
                continue;
            };
            assert!(out.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&out.stderr));
            tried += 1;
        }
        assert!(tried > 0, "no shell at all");
    }

    #[test]
    fn every_action_belongs_to_a_step_or_undoes() {
        let words = include_str!("script/words.sh");
        let table = &words[words.find("step_of() {").unwrap()..];
        let table = &table[..table.find("esac").unwrap()];
        let known: Vec<&str> = table.split(|c: char| !c.is_ascii_lowercase() && c != '_').collect();
        let undoing = ["stop_new", "unmake", "quiet", "db_back", "fs_back", "start_old", "tidy"];
        let ways = include_str!("script/ways.sh");
        let actions = ways.split("step ").skip(1).filter_map(|rest| rest.split([' ', ';', '\n']).next());
        let actions: Vec<&str> =
            actions.filter(|a| a.chars().all(|c| c.is_ascii_lowercase() || c == '_')).collect();
        assert!(actions.len() > 30, "{actions:?}");
        for action in actions {
            assert!(known.contains(&action) || undoing.contains(&action), "{action} belongs to no step");
        }
    }
}
