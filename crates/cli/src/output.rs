//! What the command line says: text for people, JSON for programs, never both.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};

use serde::Serialize;

/// Where and how to speak.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether JSON was asked for.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Whether a person watches, so that lines may be redrawn.
    pub(crate) fn is_live(self) -> bool {
        !self.json && std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
    }

    /// One value: as JSON, or as the text that `text` makes of it.
    pub(crate) fn value<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) {
        if self.json {
            self.json_line(value);
        } else {
            self.line(&text(value));
        }
    }

    /// One JSON object on a line of its own.
    pub(crate) fn json_line<T: Serialize>(self, value: &T) {
        match serde_json::to_string(value) {
            Ok(line) => self.line(&in_json(&line)),
            Err(error) => complain(&format!("a result could not be written as JSON: {error}")),
        }
    }

    /// One line of text.
    pub(crate) fn line(self, text: &str) {
        // Nobody reads any more (`| head`): not our error.
        let _ = writeln!(std::io::stdout(), "{}", shown(text.trim_end()));
    }

    /// For people only: left out when JSON was asked for.
    pub(crate) fn note(self, text: &str) {
        if !self.json {
            complain(text);
        }
    }
}

/// A line on standard error.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", shown(text));
}

/// Text as a terminal may have it. Commit subjects, authors, banners and answers are other people's: an escape in them could rewrite
/// what stands above, or write to the clipboard. Each such character is replaced by one that can be seen.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| c != '\n' && c != '\t' && is_of_the_terminal(c)) {
        return Cow::Borrowed(text);
    }
    let one = |c: char| match c {
        '\n' | '\t' => c,
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        c if is_of_the_terminal(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    Cow::Owned(text.chars().map(one).collect())
}

/// JSON with the same characters written as escapes: whoever reads it has what was meant, and a terminal has not. Such characters
/// stand in JSON's strings only.
fn in_json(line: &str) -> Cow<'_, str> {
    if !line.contains(is_of_the_terminal) {
        return Cow::Borrowed(line);
    }
    let mut text = String::with_capacity(line.len() + 16);
    for c in line.chars() {
        if is_of_the_terminal(c) {
            text.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            text.push(c);
        }
    }
    Cow::Owned(text)
}

/// Controls of a terminal (C0, DEL, C1), and what turns the direction of a text around (Unicode's bidirectional formatting).
fn is_of_the_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Rows under headings, each column as wide as it must be.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |i: usize| {
        rows.iter()
            .filter_map(|r| r.get(i))
            .map(|c| c.chars().count())
            .chain([head[i].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(c, w)| format!("{c:w$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(head.to_vec())];
    lines.extend(rows.iter().map(|r| line(r.iter().map(String::as_str).collect())));
    lines.join("\n")
}

/// A duration as people say it: `850 ms`, `12.3 s`, `4 min 5 s`.
pub(crate) fn duration(ms: i64) -> String {
    match ms {
        ..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{:.1} s", ms as f64 / 1000.0),
        _ => format!("{} min {} s", ms / 60_000, ms / 1000 % 60),
    }
}

/// How long ago something was: `just now`, `5 min ago`, `3 h ago`, `2 d ago`.
pub(crate) fn ago(then: jiff::Timestamp, now: jiff::Timestamp) -> String {
    let s = now.as_second() - then.as_second();
    match s {
        ..60 => "just now".into(),
        60..3600 => format!("{} min ago", s / 60),
        3600..86_400 => format!("{} h ago", s / 3600),
        _ => format!("{} d ago", s / 86_400),
    }
}

/// A size in the unit that fits: `512 B`, `3.4 MB`.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let text =
            table(&["name", "n"], &[vec!["a".into(), "10".into()], vec!["längstes".into(), "2".into()]]);
        assert_eq!(text, "name      n\na         10\nlängstes  2");
    }

    #[test]
    fn no_text_of_others_reaches_a_terminal_with_its_escapes() {
        let hostile = "fix\x1b[2K\x1b]52;c;cm0gLXJm\x07\rdone \u{9b}31m \u{202e}txet\u{7f}\n\tnext";
        assert_eq!(shown(hostile), "fix␛[2K␛]52;c;cm0gLXJm␇␍done \u{fffd}31m \u{fffd}txet\u{fffd}\n\tnext");
        assert!(matches!(shown("Größe: 3 → 4\n"), Cow::Borrowed(_)));
        let line = serde_json::to_string(hostile).unwrap();
        let printed = in_json(&line);
        assert!(!printed.contains(is_of_the_terminal), "{printed}");
        assert_eq!(serde_json::from_str::<String>(&printed).unwrap(), hostile, "programs have it as it is");
    }

    #[test]
    fn amounts_read_well() {
        assert_eq!(duration(850), "850 ms");
        assert_eq!(duration(12_340), "12.3 s");
        assert_eq!(duration(245_000), "4 min 5 s");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(3_400_000), "3.4 MB");
        let t = |s| jiff::Timestamp::from_second(s).unwrap();
        assert_eq!(ago(t(0), t(59)), "just now");
        assert_eq!(ago(t(0), t(7300)), "2 h ago");
    }
}
