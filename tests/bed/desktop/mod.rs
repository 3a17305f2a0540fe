//! A desktop to open the app on: a screen that nobody sees, a session bus, a window manager, a keyring, and a shell with a tray and
//! notifications.

mod page;
mod shell;
mod window;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::process::{self, find_program, must, until};

pub use page::Page;
pub use shell::{Entry, Notification, Shell};
pub use window::{Element, Window};

/// How long each of its programs may take to be there, on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(60);
/// What has to be installed, see scripts/setup.
const PROGRAMS: &[&str] =
    &["Xvfb", "dbus-daemon", "openbox", "gnome-keyring-daemon", "WebKitWebDriver", "xdotool", "wmctrl"];
/// A session bus that starts nobody: the usual one starts an installed keyring when somebody asks for one.
const LONELY_BUS: &str = r#"<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>"#;

/// A desktop of its own. Its programs end when it is dropped.
#[derive(Debug)]
pub struct Desktop {
    /// Tray and notifications.
    pub shell: Shell,
    environment: Vec<(String, String)>,
    programs: Vec<Child>,
    /// Dropped last.
    dir: tempfile::TempDir,
}

impl Desktop {
    /// Starts one; `None` where a program for it is missing, which is said. CI has all of them, or fails.
    pub fn start() -> Option<Self> {
        Self::start_with(true)
    }

    /// Starts one where no Secret Service answers.
    pub fn without_keyring() -> Option<Self> {
        Self::start_with(false)
    }

    #[expect(clippy::print_stderr, reason = "whoever runs the tests is to read why they did nothing")]
    fn start_with(keyring: bool) -> Option<Self> {
        if let Some(missing) = PROGRAMS.iter().find(|name| find_program(name).is_none()) {
            assert!(std::env::var_os("CI").is_none(), "there is no {missing}");
            eprintln!("skipped: there is no {missing}; scripts/setup window installs it");
            return None;
        }
        let dir = tempfile::Builder::new().prefix("slipway-desktop-").tempdir().expect("there is a /tmp");
        let mut environment = environment(dir.path());
        let mut programs = Vec::new();
        let mut start = |command: &mut Command, environment: &[(String, String)], name: &str| {
            let log = fs::File::create(dir.path().join(format!("{name}.log"))).unwrap();
            command.env_clear().envs(environment.iter().cloned()).stdin(Stdio::null()).stderr(log);
            programs.push(command.spawn().unwrap_or_else(|error| panic!("can't start {name}: {error}")));
        };
        let number = dir.path().join("display");
        let screen = ["-displayfd", "1", "-screen", "0", "1440x900x24", "-nolisten", "tcp"];
        start(Command::new(path("Xvfb")).args(screen).stdout(file(&number)), &environment, "Xvfb");
        environment.push(("DISPLAY".into(), format!(":{}", first_line(&number, "Xvfb"))));

        let address = dir.path().join("bus");
        let config = dir.path().join("bus.conf");
        fs::write(&config, LONELY_BUS).unwrap();
        let config = if keyring { "--session".into() } else { format!("--config-file={}", config.display()) };
        let bus = [&config, "--nofork", "--nopidfile", "--print-address=1"];
        start(Command::new(path("dbus-daemon")).args(bus).stdout(file(&address)), &environment, "bus");
        environment.push(("DBUS_SESSION_BUS_ADDRESS".into(), first_line(&address, "dbus-daemon")));

        start(Command::new(path("openbox")).stdout(Stdio::null()), &environment, "openbox");
        if keyring {
            programs.push(start_keyring(dir.path(), &environment));
        }
        let shell = Shell::start(&environment);
        Some(Self { shell, environment, programs, dir })
    }

    /// Has apps that are opened from now on look so often for new commits and for what doesn't answer, in seconds. They do once
    /// a minute otherwise.
    pub fn look_every(&mut self, seconds: u32) {
        self.environment.push(("SLIPWAY_LOOK_EVERY".into(), seconds.to_string()));
    }

    /// Opens the app on this home, driven by the test.
    pub fn open(&self, home: &Path, arguments: &[&str]) -> Window {
        let mut all = vec!["--home".to_owned(), home.display().to_string()];
        all.extend(arguments.iter().map(|a| (*a).to_owned()));
        Window::open(self, app(), &all)
    }

    /// Opens a browser, driven by the test. It keeps what it loads as a person's does, in files of this desktop: the usual browsers
    /// keep nothing while they are driven.
    pub fn browse(&self) -> Window {
        let files = self.dir.path().join("browser").display().to_string();
        // The system's own Python: it has the web view.
        let arguments = ["-c".to_owned(), include_str!("browser.py").to_owned(), files];
        Window::open(self, "/usr/bin/python3".into(), &arguments)
    }

    /// Starts the app as a person would, undriven. It ends when whoever holds it ends it.
    pub fn start_app(&self, home: &Path) -> Child {
        let mut command = self.command(&app());
        command.arg("--home").arg(home).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the app starts")
    }

    /// Starts the app as a person would who has it running already, and waits for that start's end.
    pub fn start_again(&self, home: &Path, arguments: &[&str]) {
        must(self.command(&app()).arg("--home").arg(home).args(arguments));
    }

    /// A program on this desktop.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment.iter().cloned());
        command
    }

    /// The titles of the windows that are to be seen.
    pub fn windows(&self) -> Vec<String> {
        let search = ["search", "--onlyvisible", "--name", "^Slipway$", "getwindowname", "%@"];
        let found = process::run(self.command(&path("xdotool")).args(search), PATIENCE);
        String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect()
    }

    /// The title of the window that has the keyboard.
    pub fn focused(&self) -> Option<String> {
        let asked = ["getactivewindow", "getwindowname"];
        let found = process::run(self.command(&path("xdotool")).args(asked), PATIENCE);
        found.status.success().then(|| String::from_utf8_lossy(&found.stdout).trim().to_owned())
    }

    /// Closes the window as a person does, by its frame.
    pub fn close_window(&self) {
        must(self.command(&path("wmctrl")).args(["-F", "-c", "Slipway"]));
        self.until(|| self.windows().is_empty(), "the window is closed");
    }

    /// Moves the window and gives it a size, without its frame.
    pub fn move_window(&self, x: i32, y: i32, width: u32, height: u32) {
        let [x, y, width, height] = [x.to_string(), y.to_string(), width.to_string(), height.to_string()];
        let order = ["windowsize", "--sync", "%1", &width, &height, "windowmove", "--sync", "%1", &x, &y];
        must(
            self.command(&path("xdotool"))
                .args(["search", "--onlyvisible", "--name", "^Slipway$"])
                .args(order),
        );
    }

    /// Where the window is and how large, in words that are equal for the same place; empty while it isn't seen.
    pub fn place_of_window(&self) -> String {
        let asked = ["search", "--onlyvisible", "--name", "^Slipway$", "getwindowgeometry"];
        let found = process::run(self.command(&path("xdotool")).args(asked), PATIENCE);
        let text = String::from_utf8_lossy(&found.stdout).into_owned();
        text.lines().skip(1).map(str::trim).collect::<Vec<_>>().join(", ")
    }

    /// Takes a picture of what the window shows, without its frame, as a PNG file. Not by its driver, which waits for a next frame that
    /// may never come.
    pub fn picture(&self, file: &Path) {
        let asked = ["search", "--onlyvisible", "--name", "^Slipway$"];
        let window = must(self.command(&path("xdotool")).args(asked));
        must(self.command(&path("import")).args(["-window", &window]).arg(file));
    }

    /// Waits until something is so, a minute at most.
    pub fn until(&self, is_so: impl Fn() -> bool, what: &str) {
        self.until_long(PATIENCE, is_so, what);
    }

    /// The same, with a limit.
    pub fn until_long(&self, limit: Duration, is_so: impl Fn() -> bool, what: &str) {
        let became = until(limit, || is_so().then_some(()));
        assert!(became.is_some(), "not so within {limit:?}: {what}");
    }

    /// A folder for files of this desktop.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for child in self.programs.iter_mut().rev() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// The app that this workspace built with its screens in it: `SLIPWAY_APP`, else the program beside the test's own.
pub(super) fn app() -> PathBuf {
    if let Some(program) = std::env::var_os("SLIPWAY_APP") {
        return program.into();
    }
    let test = std::env::current_exe().unwrap();
    test.ancestors().skip(1).map(|dir| dir.join("slipway-app")).find(|file| file.is_file()).unwrap_or_else(|| {
        panic!(
            "there is no slipway-app near {}: npm run build, then cargo build -p slipway-app --features tauri/custom-protocol",
            test.display()
        )
    })
}

/// A Secret Service that is open.
fn start_keyring(dir: &Path, environment: &[(String, String)]) -> Child {
    let mut command = Command::new(path("gnome-keyring-daemon"));
    let log = fs::File::create(dir.join("keyring.log")).unwrap();
    command.args(["--foreground", "--unlock", "--components=secrets"]);
    command.env_clear().envs(environment.iter().cloned());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn().expect("a keyring");
    child.stdin.take().unwrap().write_all(b"password").unwrap();
    child
}

/// What its programs find around them: nothing of the person's who runs the tests.
fn environment(dir: &Path) -> Vec<(String, String)> {
    let home = dir.join("home");
    let run = dir.join("run");
    fs::create_dir_all(home.join(".local/share/keyrings")).unwrap();
    fs::create_dir_all(&run).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&run, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let kept = ["PATH", "USER", "LOGNAME", "LANG", "SLIPWAY_UI_LOG", "RUST_LOG", "DOCKER_HOST"];
    let mut environment: Vec<(String, String)> =
        kept.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect();
    let own = [
        ("HOME", home.clone()),
        ("XDG_RUNTIME_DIR", run),
        ("XDG_DATA_HOME", home.join(".local/share")),
        ("XDG_CONFIG_HOME", home.join(".config")),
        ("XDG_CACHE_HOME", home.join(".cache")),
    ];
    environment.extend(own.map(|(name, path)| (name.to_owned(), path.display().to_string())));
    // No accessibility bus, no graphics card; and the web view may be driven.
    let fixed = [
        ("GDK_BACKEND", "x11"),
        ("NO_AT_BRIDGE", "1"),
        ("GTK_A11Y", "none"),
        ("LIBGL_ALWAYS_SOFTWARE", "1"),
        ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
        ("TAURI_WEBVIEW_AUTOMATION", "true"),
        ("XDG_CURRENT_DESKTOP", "GNOME"),
    ];
    environment.extend(fixed.map(|(name, value)| (name.to_owned(), value.to_owned())));
    environment
}

fn path(program: &str) -> PathBuf {
    find_program(program).unwrap_or_else(|| panic!("there is no {program}"))
}

fn file(path: &Path) -> fs::File {
    fs::File::create(path).unwrap()
}

fn first_line(path: &Path, of: &str) -> String {
    let read = || fs::read_to_string(path).ok()?.split_once('\n').map(|(line, _)| line.to_owned());
    until(PATIENCE, read).unwrap_or_else(|| panic!("{of} did not start"))
}
