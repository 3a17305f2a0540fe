//! All that a deployment leaves on a server and on the desktop, to compare two moments or a copy with its original.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::docker::Docker;
use crate::journey::differing;
use crate::process::must;
use crate::template::WITH_POWER;
use crate::{Data, Journey};

/// What of Docker's descriptions says what a thing is: its kind, the field with its name, and the fields. The rest is its life: when it
/// was started, its process, its addresses.
const DESCRIBED: [(&str, &str, &[&str]); 4] = [
    (
        "container",
        "Name",
        &[
            "/Id",
            "/Image",
            "/Path",
            "/Args",
            "/Config",
            "/HostConfig",
            "/Mounts",
            "/State/Status",
            "/NetworkSettings/Ports",
        ],
    ),
    // Docker makes its own networks anew at each start, with other numbers.
    ("network", "Name", &["/Driver", "/Internal", "/Labels", "/Options"]),
    ("volume", "Name", &["/Labels", "/Options", "/Mountpoint"]),
    ("image", "Id", &["/RepoTags", "/Config", "/RootFS"]),
];

/// Rows, files, and Docker's containers, networks, volumes and images: what each is, by its kind and name. Equal exactly when all
/// of it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State(BTreeMap<String, String>);

impl Journey {
    /// The state of the environment, of its server and of the desktop, as they are now. Asks for no page and by no command of ours,
    /// so that nothing changes by it.
    pub fn state(&self) -> State {
        let mut all = BTreeMap::new();
        let Data { tables, files } = self.data_of(&self.database());
        all.extend(tables.into_iter().map(|(name, sum)| (format!("table {name}"), sum)));
        all.extend(files.into_iter().map(|(path, sum)| (format!("filestore {path}"), sum)));
        for (kind, name, fields) in DESCRIBED {
            all.extend(described(self.server.docker(), kind, name, fields));
        }
        all.extend(files_below(self.server.dir()));
        State(all)
    }
}

impl State {
    /// What is in one and not in the other, or isn't the same.
    pub fn differences(&self, other: &State) -> Vec<String> {
        differing(&self.0, &other.0)
    }

    /// As JSON, for [`Self::from_json`].
    pub(crate) fn to_json(&self) -> Value {
        json!(self.0)
    }

    /// What was written by [`Self::to_json`]; `None` when it wasn't.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        Some(Self(value.as_object()?.iter().map(text).collect::<Option<_>>()?))
    }
}

/// All of a kind that the daemon has: these fields of what it says of each, by its name.
fn described(docker: &Docker, kind: &str, name: &str, fields: &[&str]) -> BTreeMap<String, String> {
    let list: &[&str] = if kind == "container" || kind == "image" { &["-aq", "--no-trunc"] } else { &["-q"] };
    let mut found = docker.lines(&[&[kind, "ls"], list].concat());
    found.sort();
    found.dedup();
    if found.is_empty() {
        return BTreeMap::new();
    }
    let mut inspect = vec![kind, "inspect"];
    inspect.extend(found.iter().map(String::as_str));
    let said: Vec<Value> = serde_json::from_str(&docker.must(&inspect)).unwrap();
    let mut all = BTreeMap::new();
    for value in &said {
        for field in fields {
            let key = format!("{kind} {} {field}", value[name].as_str().unwrap_or_default());
            all.insert(key, same_words(value.pointer(field).cloned().unwrap_or_default()).to_string());
        }
    }
    all
}

/// What Docker says of the same thing in different words before and after its own start: lists in another order, empty ones or none.
fn same_words(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, same_words(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(list) if list.is_empty() => Value::Null,
        Value::Array(mut list) if list.iter().all(Value::is_object) => {
            list.sort_by_key(Value::to_string);
            list.into()
        }
        other => other,
    }
}

/// The server's files, and among them the desktop's and the sample's: kind, rights, owner, what a link leads to, and a sum.
fn files_below(dir: &Path) -> BTreeMap<String, String> {
    let find = |action: &[&str]| {
        let mut find = Command::new("find");
        find.current_dir(dir).arg(".");
        for name in WITH_POWER {
            find.args(["-path", &format!("./{name}"), "-prune", "-o"]);
        }
        must(find.args(["!", "-type", "s"]).args(action))
    };
    let mut all = BTreeMap::new();
    for line in find(&["-printf", "%P\t%y %m %U:%G %l\n"]).lines() {
        let (path, what) = line.split_once('\t').expect("as it was asked to print");
        all.insert(format!("path {path}"), what.to_owned());
    }
    for line in find(&["-type", "f", "-exec", "sha256sum", "{}", "+"]).lines() {
        let (sum, path) = line.split_once("  ./").expect("sha256sum prints: sum, path");
        all.insert(format!("contents {path}"), sum.to_owned());
    }
    all
}
