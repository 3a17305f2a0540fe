/// What is read from a log, whatever the cause.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The last exception's last line: `psycopg2.errors.UndefinedColumn: column "nope" does not exist`.
    pub(super) exception: Option<String>,
    /// The whole text of that exception's message, later lines included.
    pub(super) detail: String,
    /// The same of the exception that was the reason for it, if it says so.
    pub(super) reason: String,
    /// The frames of all tracebacks of the last failure, the innermost last.
    pub(super) frames: Vec<Place>,
    /// The module that was being loaded.
    pub(super) loading: Option<String>,
    /// The messages of the log's own lines at ERROR and CRITICAL.
    pub(super) errors: Vec<String>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) module: Option<String>,
    pub(super) file: String,
    pub(super) line: Option<u32>,
    /// Whether it is in a module that Odoo doesn't bring along.
    pub(super) ours: bool,
}

/// Where the image has Odoo's own modules, and all Python packages.
const ODOOS_OWN: [&str; 2] = ["/dist-packages/", "/site-packages/"];

impl Log {
    pub(super) fn read(text: &str) -> Self {
        let mut log = Self::default();
        let mut in_traceback = false;
        for line in text.lines() {
            if let Some((level, logger, message)) = header(line) {
                in_traceback = false;
                if matches!(level, "ERROR" | "CRITICAL") {
                    log.errors.push(message.to_owned());
                }
                if logger == "odoo.modules.loading" || logger == "odoo.modules.registry" {
                    log.loading_line(message);
                }
            } else if line.starts_with("Traceback (most recent call last)") {
                // One that was only the reason for the next belongs to the same failure.
                let continues = log.detail.contains("another exception occurred")
                    || log.detail.contains("direct cause of");
                if continues {
                    log.reason = std::mem::take(&mut log.detail);
                } else {
                    log.frames.clear();
                    log.reason.clear();
                    log.detail.clear();
                }
                in_traceback = true;
            } else if in_traceback {
                log.traceback_line(line);
            }
        }
        log
    }

    /// The innermost place in a module of ours, else the innermost one in any module.
    pub(super) fn place(&self) -> Option<Place> {
        let ours = self.frames.iter().rev().find(|p| p.ours);
        ours.or_else(|| self.frames.iter().rev().find(|p| p.module.is_some() && p.line.is_some())).cloned()
    }

    fn loading_line(&mut self, message: &str) {
        // "Loading module acme_base (12/14)" and "loading acme_base/views/ticket.xml".
        let name = message.strip_prefix("Loading module ").and_then(|rest| rest.split([' ', ',']).next());
        let file = message.strip_prefix("loading ").and_then(|rest| rest.split('/').next());
        if let Some(name) = name.or(file).filter(|n| n.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        {
            self.loading = Some(name.to_owned());
        }
    }

    fn traceback_line(&mut self, line: &str) {
        if let Some(place) = frame(line) {
            self.frames.push(place);
            return;
        }
        if line.starts_with([' ', '\t']) {
            // A frame's source, or more of a message.
            if !self.detail.is_empty() {
                self.detail.push('\n');
                self.detail.push_str(line);
            }
            return;
        }
        if is_exception(line) {
            self.exception = Some(line.trim_end().to_owned());
        }
        self.detail.push('\n');
        self.detail.push_str(line);
    }
}

/// `2026-11-22 10:22:01,123 1 ERROR test odoo.modules.registry: Failed …` → level, logger, message.
fn header(line: &str) -> Option<(&str, &str, &str)> {
    let mut fields = line.splitn(6, ' ');
    let (date, time, _pid, level) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let is_date = date.len() == 10 && date.as_bytes().get(4) == Some(&b'-') && time.contains(',');
    let (_database, rest) = (fields.next()?, fields.next()?);
    let (logger, message) = rest.split_once(": ").unwrap_or((rest, ""));
    is_date.then_some((level, logger, message))
}

/// `  File "/opt/…/acme_base/models/ticket.py", line 12, in f`
fn frame(line: &str) -> Option<Place> {
    let rest = line.trim_start().strip_prefix("File \"")?;
    let (path, rest) = rest.split_once('"')?;
    let digits: String = rest.strip_prefix(", line ")?.chars().take_while(char::is_ascii_digit).collect();
    Some(place(path, digits.parse().ok()))
}

/// The place that a path names: the part from the module's folder on, and that folder's name.
pub(super) fn place(path: &str, line: Option<u32>) -> Place {
    let own = ODOOS_OWN.iter().any(|mark| path.contains(mark));
    let folders: Vec<&str> = path.split('/').collect();
    let sub = [
        "models",
        "views",
        "data",
        "security",
        "wizard",
        "wizards",
        "report",
        "reports",
        "controllers",
        "migrations",
        "upgrades",
        "demo",
        "tests",
        "static",
        "i18n",
        "populate",
    ];
    // The module is the folder above one of these, or the file's own folder.
    let at = if own {
        folders.iter().rposition(|f| *f == "addons").map(|at| at + 1)
    } else {
        let known = folders.iter().rposition(|f| sub.contains(f)).filter(|at| *at > 0).map(|at| at - 1);
        known.or_else(|| folders.len().checked_sub(2))
    };
    // What is compiled into a library names its sources by relative paths.
    let at = at.filter(|at| path.starts_with('/') && at + 1 < folders.len() && !folders[*at].is_empty());
    let module = at.and_then(|at| folders.get(at)).map(|name| (*name).to_owned());
    let file = at.map_or_else(|| path.to_owned(), |at| folders[at..].join("/"));
    let ours = !own && module.is_some() && !path.starts_with("/usr/");
    Place { module, file, line, ours }
}

/// `name.of.Exception: text` or a bare `KeyError`, at the beginning of a line.
fn is_exception(line: &str) -> bool {
    let name = line.trim_end().split(": ").next().unwrap_or_default().trim_end_matches(':');
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
    let is_class = last.starts_with(|c: char| c.is_ascii_uppercase());
    is_name
        && is_class
        && (name.contains('.')
            || ["Error", "Exception", "Warning", "Violation", "Interrupt", "Exit"]
                .iter()
                .any(|word| last.ends_with(word)))
}
