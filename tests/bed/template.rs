//! What the first deployment of `initial` left on a machine and on the desktop, kept so that tests begin with it instead of installing
//! the same database again.
//!
//! Each place for machines has a template of its own: what is on a server says names, paths and addresses everywhere, and in a copy all
//! of these are the same, so nothing has to be rewritten. Kept are the server's whole folder (with the desktop's home and the sample), and
//! Docker's data root but for the layers of the images that any machine has. The machine has no power meanwhile. A test begins as after a
//! power cut while nothing was going on: containers start again by themselves.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::program;
use crate::docker::Docker;
use crate::machine::IMAGES;
use crate::process::{find_program, is_root, must};
use crate::slot::Slot;
use crate::{Journey, Sample, Server, State};

/// What lives by the clock must be as if it had been deployed just now. Longer than all tests take.
const LONGEST: Duration = Duration::from_secs(3 * 3600);
/// How long containers may take to start again.
const PATIENCE: Duration = Duration::from_secs(120);

/// What of a server's folder comes with its power and isn't its own.
pub(crate) const WITH_POWER: [&str; 5] = ["run", "docker.sock", "docker.pid", "dockerd.log", "sshd.log"];

/// Where a server listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) ssh: u16,
    pub(crate) http: u16,
    pub(crate) https: u16,
}

impl Journey {
    /// With `initial` live, on a machine of its own: a copy of what a first deployment left. It's deployed where there is no copy yet,
    /// and each time where there can't be one.
    pub fn live() -> Self {
        if !is_root() || find_program("dockerd").is_none() {
            let journey = Self::start();
            journey.deploy_ends("initial", 0);
            return journey;
        }
        let slot = Arc::new(Slot::take());
        let template = Template { folder: slot.template(), slot };
        let key = key();
        let made = match template.read().filter(|made| made["key"] == *key && template.is_usable(made)) {
            Some(made) => made,
            None => match template.make(&key) {
                Ok(made) => made,
                Err(journey) => return *journey,
            },
        };
        let mut journey = template.copy(&made);
        journey.server.power_on();
        journey.eventually("the copy answers", PATIENCE, || journey.release().as_deref() == Some("1.0"));
        journey
    }

    /// What the deployment had left that this journey began with a copy of. Nothing if it didn't begin with a copy.
    pub fn original(&self) -> Option<State> {
        let slot = self.server.slot()?.clone();
        let template = Template { folder: slot.template(), slot };
        let made = template.read().filter(|made| made["unique"] == self.server.unique_part())?;
        State::from_json(&made["left"])
    }
}

/// The template of a place for machines. What it was made from and what is in it stands in `made.json`, which is written last.
struct Template {
    slot: Arc<Slot>,
    folder: PathBuf,
}

impl Template {
    fn read(&self) -> Option<Value> {
        let file = self.folder.join("made.json");
        let age = fs::metadata(&file).ok()?.modified().ok()?.elapsed().ok()?;
        let text = fs::read_to_string(file).ok().filter(|_| age < LONGEST)?;
        serde_json::from_str(&text).ok()
    }

    /// Are the layers still there that it stands on?
    fn is_usable(&self, made: &Value) -> bool {
        let layers = made["layers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_there = |layer: &Value| layer.as_str().is_some_and(|layer| self.layers().join(layer).is_dir());
        !layers.is_empty() && layers.iter().all(is_there)
    }

    /// Deploys, and keeps what that left. Gives back the journey itself where nothing can be kept.
    fn make(&self, key: &str) -> Result<Value, Box<Journey>> {
        let server = Server::on_machine(self.slot.clone());
        let layers = layers_of_images(server.docker());
        let mut journey = Journey::on(server, "19.0");
        journey.deploy_ends("initial", 0);
        let Some(layers) = layers else { return Err(Box::new(journey)) };
        let left = journey.state();
        // Less to be recovered at each start.
        journey.server.docker().sql(&journey.database_container(), "postgres", "checkpoint");
        journey.server.power_off();

        remove([&self.folder]);
        let (data_root, server) = (self.folder.join("docker"), self.folder.join("server"));
        for folder in [&data_root.join("overlay2"), &server] {
            fs::create_dir_all(folder).unwrap();
        }
        copy(entries(&self.slot.data_root(), &["overlay2"]), &data_root);
        let kept: Vec<&str> = layers.iter().map(String::as_str).collect();
        copy(entries(&self.layers(), &kept), &data_root.join("overlay2"));
        copy(entries(journey.server.dir(), &WITH_POWER), &server);
        let made = json!({
            "key": key,
            "unique": journey.server.unique_part(),
            "ports": [journey.server.port(), journey.server.http_port(), journey.server.https_port()],
            "commits": journey.sample.commits(),
            "layers": layers,
            "left": left.to_json(),
        });
        let file = self.folder.join("made.json");
        fs::write(file.with_extension("new"), made.to_string()).unwrap();
        fs::rename(file.with_extension("new"), file).unwrap();
        Ok(made)
    }

    /// The journey that begins with it. Its server has no power yet.
    fn copy(&self, made: &Value) -> Journey {
        let text = |value: &Value| value.as_str().expect("made.json is ours").to_owned();
        let port = |number: usize| made["ports"][number].as_u64().and_then(|port| port.try_into().ok());
        let [ssh, http, https] = [0, 1, 2].map(|number| port(number).expect("made.json is ours"));
        let layers: Vec<&str> =
            made["layers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let commits: BTreeMap<String, String> = made["commits"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, hash)| (name.clone(), text(hash)))
            .collect();

        let data_root = self.slot.data_root();
        remove(entries(&data_root, &["overlay2"]));
        remove(entries(&self.layers(), &layers));
        copy(entries(&self.folder.join("docker"), &["overlay2"]), &data_root);
        copy(entries(&self.folder.join("docker/overlay2"), &[]), &self.layers());
        let dir = self.slot.folder();
        copy(entries(&self.folder.join("server"), &[]), dir.path());
        let server = Server::known(self.slot.clone(), dir, Ports { ssh, http, https }, text(&made["unique"]));
        let sample = Sample::known(server.scratch("repository"), commits);
        Journey::known(server, sample)
    }

    fn layers(&self) -> PathBuf {
        self.slot.data_root().join("overlay2")
    }
}

/// Everything that a template comes from, as one sum: the command, the sample, the bed, Docker and its images.
fn key() -> String {
    let mut sums = Command::new("sha256sum");
    sums.arg(program());
    for folder in ["examples", "tests/bed"] {
        let files = must(Command::new("find").arg(crate::root().join(folder)).args(["-type", "f"]));
        let mut files: Vec<&str> = files.lines().collect();
        files.sort_unstable();
        sums.args(files);
    }
    let suite = Docker::of_the_suite();
    let mut inspect = vec!["image", "inspect", "--format", "{{.Id}}"];
    inspect.extend(IMAGES);
    let made_from =
        [must(&mut sums), suite.must(&inspect), suite.must(&["version", "--format", "{{.Server.Version}}"])];
    made_from.join("\n")
}

/// The names of the layers that the images stand on: folders of `overlay2`. Nothing, where Docker keeps layers in another way.
fn layers_of_images(docker: &Docker) -> Option<Vec<String>> {
    let mut inspect = vec!["image", "inspect", "--format", "{{json .GraphDriver}}"];
    inspect.extend(IMAGES);
    let mut layers = vec![];
    for line in docker.lines(&inspect) {
        let driver: Value =
            serde_json::from_str(&line).ok().filter(|driver: &Value| driver["Name"] == "overlay2")?;
        for folders in ["UpperDir", "LowerDir"] {
            let folders = driver["Data"][folders].as_str().unwrap_or_default().split(':');
            let names = folders.filter_map(|folder| Path::new(folder).parent()?.file_name()?.to_str());
            layers.extend(names.map(str::to_owned));
        }
    }
    layers.sort();
    layers.dedup();
    Some(layers).filter(|layers| !layers.is_empty())
}

/// What is in a folder but for these names.
fn entries(folder: &Path, but: &[&str]) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let is_meant = |path: &PathBuf| !but.iter().any(|name| path.file_name() == Some(OsStr::new(name)));
    listed.filter(is_meant).collect()
}

/// Copies all of it: owners, rights, times, links, extended attributes.
fn copy(from: Vec<PathBuf>, to: &Path) {
    let status =
        Command::new("cp").args(["--archive", "--target-directory"]).arg(to).arg("--").args(from).status();
    assert!(status.is_ok_and(|status| status.success()), "can't copy to {}", to.display());
}

fn remove<P: AsRef<OsStr>>(paths: impl IntoIterator<Item = P>) {
    let status =
        Command::new("rm").args(["--recursive", "--force", "--one-file-system", "--"]).args(paths).status();
    assert!(status.is_ok_and(|status| status.success()), "can't remove what was there");
}
