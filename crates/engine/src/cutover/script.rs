//! The script itself, made of its parts.

use sha2::{Digest, Sha256};

/// The whole of `cutover.sh`, as it is laid on a server.
pub const TEXT: &str = concat!(
    include_str!("script/words.sh"),
    include_str!("script/calls.sh"),
    include_str!("script/talks.sh"),
    include_str!("script/journal.sh"),
    include_str!("script/numbers.sh"),
    include_str!("script/boot.sh"),
    include_str!("script/database.sh"),
    include_str!("script/actions.sh"),
    include_str!("script/bundles.sh"),
    include_str!("script/served.sh"),
    "served_program() {\n  cat <<'PY'\n",
    include_str!("served/compare.py"),
    include_str!("served/manifests.py"),
    include_str!("served/visitor.py"),
    include_str!("served/served.py"),
    "PY\n}\n\n",
    include_str!("script/texts.sh"),
    "texts_program() {\n  cat <<'PY'\n",
    include_str!("served/manifests.py"),
    include_str!("texts/texts.py"),
    "PY\n}\n\n",
    include_str!("script/ways.sh"),
    include_str!("script/modes.sh"),
);

/// What the script is filed under on a server (`bin/<hash>/cutover.sh`), so that a newer Slipway never replaces the
/// script of a cut over that still runs: the first 16 hexadecimal digits of its SHA-256.
pub fn hash() -> String {
    hex::encode(&Sha256::digest(TEXT)[..8])
}

#[cfg(test)]
mod limits_tests;
#[cfg(test)]
mod numbers_tests;

#[cfg(test)]
pub(crate) mod tests {
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
        let words = include_str!("script/journal.sh");
        let table = &words[words.find("step_of() {").unwrap()..];
        let table = &table[..table.find("esac").unwrap()];
        let known: Vec<&str> = table.split(|c: char| !c.is_ascii_lowercase() && c != '_').collect();
        let undoing =
            ["stop_new", "unmake", "quiet", "bundles_back", "db_back", "fs_back", "start_old", "tidy"];
        let ways = include_str!("script/ways.sh");
        let actions = ways.split("step ").skip(1).filter_map(|rest| rest.split([' ', ';', '\n']).next());
        let actions: Vec<&str> =
            actions.filter(|a| a.chars().all(|c| c.is_ascii_lowercase() || c == '_')).collect();
        assert!(actions.len() > 30, "{actions:?}");
        for action in actions {
            assert!(known.contains(&action) || undoing.contains(&action), "{action} belongs to no step");
        }
    }

    #[test]
    fn no_function_takes_the_name_of_another() {
        let mut names: Vec<&str> = TEXT
            .lines()
            .filter_map(|line| line.split_once("()").map(|(name, _)| name))
            .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            .collect();
        names.sort_unstable();
        assert!(names.len() > 100, "{names:?}");
        let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    #[test]
    fn what_is_served_is_compared_with_the_releases_files() {
        let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cutover/served/tests.py");
        let out = Command::new("python3").args(["-I", tests]).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }

    #[test]
    fn the_whole_program_reaches_the_container() {
        let root = tempfile::tempdir().unwrap();
        let program = with_functions(root.path(), "served_program", b"").stdout;
        let file = root.path().join("served.py");
        std::fs::write(&file, &program).unwrap();
        // One argument of a command: Linux takes 128 KiB.
        assert!(program.len() < 100_000, "{}", program.len());
        let facts = root.path().join("facts");
        let some =
            "site\tx.example\nask\t127.0.0.1:9\nseconds\t5\ninstalled\tacme\nfile\t/acme/static/x.svg\t";
        std::fs::write(&facts, format!("{some}{}\n", file.display())).unwrap();
        let input = std::fs::File::open(&facts).unwrap();
        let out = Command::new("python3").arg("-I").arg(&file).stdin(input).output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout);
        assert!(out.status.success() && said.contains("unchecked\t/acme/static/x.svg\tno answer"), "{out:?}");
    }

    #[test]
    fn what_could_not_be_checked_is_said_for_each_reason() {
        let root = tempfile::tempdir().unwrap();
        let said = "unchecked\t/a/1.js\twhy\nunchecked\t/a/2.js\twhy\nunchecked\tb\tother\nunchecked\t/a/3.js\twhy\n\
                    unchecked\t/a/4.js\twhy\ndiffers\t/a/x.css in b.css\thas another content\n";
        let commands =
            "cat >\"$DIR/served.said\"; warn() { echo \"$1\"; }; served_unchecked; said_of differs";
        let output = with_functions(root.path(), commands, said.as_bytes());
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "not checked: /a/1.js, /a/2.js, /a/3.js and 1 more: why\nnot checked: b: other\n\
             /a/x.css in b.css: has another content\n",
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Runs shell commands with all of the script's functions at hand, but none of its modes.
    pub(crate) fn with_functions(
        root: &std::path::Path,
        commands: &str,
        input: &[u8],
    ) -> std::process::Output {
        use std::{io::Write, process::Stdio};
        let mut plan = crate::cutover::plan::tests::sample();
        plan.root = root.to_str().unwrap().to_owned();
        std::fs::create_dir_all(plan.dir()).unwrap();
        std::fs::write(plan.path(), plan.render().unwrap()).unwrap();
        let functions = &TEXT[..TEXT.find("busy() {").unwrap()];
        let file = root.join("functions.sh");
        std::fs::write(&file, format!("{functions}\n{commands}\n")).unwrap();
        let path = format!("{}:{}", root.display(), std::env::var("PATH").unwrap());
        let mut child = Command::new("sh")
            .arg(&file)
            .args(["none", &plan.path()])
            .env("PATH", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
        let feed = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        feed.join().unwrap().ok();
        output
    }

    #[test]
    fn any_bytes_become_one_entry_a_line() {
        let root = tempfile::tempdir().unwrap();
        let stamp = b"2026-11-22T10:47:33.169475757Z ";
        let mut said: Vec<Vec<u8>> = ["plain", "a \"b\" \\ c\t", "é € 😀", "\u{1b}[31mred\u{1b}[0m", ""]
            .map(|t| t.as_bytes().to_vec())
            .into();
        said.push(b"\xff \xc3 \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x82".to_vec());
        // Every byte after every other, but for NUL (which awk may not know) and the line's end.
        said.extend(
            (1..=255_u8)
                .filter(|b| *b != b'\n')
                .map(|a| (1..=255_u8).filter(|b| *b != b'\n').flat_map(|b| [a, b]).collect()),
        );
        let input: Vec<u8> = said.iter().flat_map(|line| [&stamp[..], line, b"\n"].concat()).collect();
        let output = with_functions(root.path(), "ACT=update; lines", &input);
        let text = String::from_utf8(output.stdout).expect("valid UTF-8");
        let entries: Vec<_> =
            text.lines().map(|line| crate::cutover::Entry::parse(line).expect(line)).collect();
        assert_eq!(entries.len(), said.len());
        for (entry, line) in entries.iter().zip(&said) {
            assert_eq!(entry.text, kept(line));
            assert_eq!((entry.step.as_deref(), entry.t.is_some()), (Some("initializing_database"), true));
        }
    }

    /// UTF-8 as it is, any other byte as the character of that number.
    fn kept(mut bytes: &[u8]) -> String {
        let mut text = String::new();
        while let Some(chunk) = bytes.utf8_chunks().next() {
            text += chunk.valid();
            let rest = &bytes[chunk.valid().len()..];
            text.extend(rest.first().map(|b| char::from(*b)));
            bytes = rest.get(1..).unwrap_or_default();
        }
        text
    }

    #[test]
    fn the_end_is_sent_however_late_it_comes() {
        let end = r#"{"t":"","id":"x","action":"end","ev":"committed"}"#;
        // At the turn of `follow` that asks whether it is over, right after it asked how much there is.
        for and_go in [":", "rm -f \"$LOCK.held\""] {
            let root = tempfile::tempdir().unwrap();
            let commands = format!(
                r#"touch "$LOCK.held"; alive() {{ [ -e "$LOCK.held" ]; }}; printf '%s\n' '{{"ev":"start"}}' >"$J"
                wc() {{ command wc "$@"; echo >>"$J.asked"
                  [ "$(command wc -l <"$J.asked")" != 5 ] || {{ printf '%s\n' '{end}' >>"$J"; {and_go}; }}; }}
                follow "$(command wc -c <"$J")""#
            );
            let output = with_functions(root.path(), &commands, b"");
            assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{end}\n"), "{:?}", output.stderr);
        }
    }

    #[test]
    fn the_boot_entry_comes_and_goes_and_leaves_the_rest() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let table = root.path().join("table");
        let fake =
            format!("#!/bin/sh\nif [ \"$1\" = -l ]; then cat {0}; else cat >{0}; fi\n", table.display());
        std::fs::write(root.path().join("crontab"), fake).unwrap();
        std::fs::set_permissions(root.path().join("crontab"), PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::write(&table, "MAILTO=me\n0 1 * * * backup # slipway acme-prod ffffffffffff\n").unwrap();
        let before = std::fs::read_to_string(&table).unwrap();
        let set = format!(
            "cron_alive() {{ :; }}; SELF='/a b/c%d.sh'; boot_entry && cat {} && boot_clear",
            table.display()
        );
        let output = with_functions(root.path(), &set, b"");
        let during = String::from_utf8(output.stdout).unwrap();
        assert!(
            during.starts_with(&format!("by cron\n{before}@reboot /bin/sh '/a b/c\\%d.sh' boot '")),
            "{during}{:?}",
            output.stderr
        );
        assert!(during.ends_with("# slipway acme-prod 0123456789ab\n"), "{during}");
        assert_eq!(std::fs::read_to_string(&table).unwrap(), before);
        // A table that can't be read isn't replaced.
        std::fs::write(
            root.path().join("crontab"),
            format!(
                "#!/bin/sh\n[ \"$1\" != -l ] || {{ echo broken >&2; exit 1; }}\ncat >{}\n",
                table.display()
            ),
        )
        .unwrap();
        let output =
            with_functions(root.path(), "cron_alive() { :; }; SELF=x; crontab_with boot_line; echo $?", b"");
        assert_eq!(
            (output.stdout.as_slice(), std::fs::read_to_string(&table).unwrap()),
            (&b"1\n"[..], before)
        );
    }
}
