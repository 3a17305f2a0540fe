//! The desktop app in its real window, over a store as full as it gets: how soon it shows something, whether it ever makes one
//! wait, and what it uses while nothing happens. The screen is drawn by software, as everything of that desktop is.

mod fill;
mod lists;

use std::path::Path;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use slipway_tests::{Desktop, Window, usage};

use crate::table::{Table, all, median, ratio, seconds};
use fill::{DEPLOYMENTS, ENVIRONMENTS, LINES, Long};

const STARTS: u32 = 5;
const OPENINGS: u32 = 5;
/// What a hand types into the search, and how fast.
const TYPED: &str = "x_edi_ref is deprecated";
const BETWEEN_KEYS: Duration = Duration::from_millis(90);
/// After a start something is still loaded, compiled and thrown away, and it is found out that none of all the environments
/// answers, since nobody serves them here; what is idle is measured after that.
const SETTLED: Duration = Duration::from_secs(25);
/// What is done once a minute is in it.
const IDLE: Duration = Duration::from_secs(60);
/// How long anything may take before it is given up.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn measure(table: &mut Table) {
    let desktop = Desktop::start().expect("scripts/setup window installs what a desktop needs");
    let home = desktop.dir().join("slipway");
    let since = Instant::now();
    let long = fill::fill(&home);
    eprintln!("{ENVIRONMENTS} environments, {DEPLOYMENTS} deployments, {LINES} lines: {:?}", since.elapsed());

    lists::measure(table, &home, &long);
    first_screen(table, &desktop, &home);
    let window = desktop.open(&home, &[]);
    window.at("view-environments");
    opening(table, &window, &long);
    typing(table, &window);
    table.note("Memory with that log searched (all of the app's processes)", megabytes(window.pid()));
    drop(window);
    idle(table, &desktop, &home);
}

/// From the start of the process until the list of environments is on the screen: a mark that the page sets after the frame.
fn first_screen(table: &mut Table, desktop: &Desktop, home: &Path) {
    let mut times = Vec::new();
    // The first start fills caches, and isn't counted.
    for start in 0..=STARTS {
        let window = desktop.open(home, &[]);
        let shown = window.wait_for_script(
            "const [mark] = performance.getEntriesByName('environments'); \
             return mark ? performance.timeOrigin + mark.startTime : null",
            LIMIT,
        );
        let shown = SystemTime::UNIX_EPOCH + milliseconds(&shown);
        let time =
            shown.duration_since(usage::started(window.pid())).expect("it is shown after it was started");
        eprintln!("start {start}: {time:?}");
        if start > 0 {
            times.push(time);
        }
    }
    table.note("Starts of the app", all(&times));
    let time = median(times);
    table.target(
        &format!("First screen, {ENVIRONMENTS} environments and {DEPLOYMENTS} deployments: process started to list drawn"),
        seconds(time),
        "≤ 1.0 s",
        time <= Duration::from_secs(1),
    );
}

/// From the list of environments to a deployment's log, as a notification's click goes: until its first lines are drawn.
fn opening(table: &mut Table, window: &Window, long: &Long) {
    let log = format!("#/environments/{}/logs/{}", long.environment, long.deployment);
    let mut times = Vec::new();
    for opening in 0..=OPENINGS {
        window.script("location.hash = '#/environments'");
        window.at("view-environments");
        let took = window.script(&format!(
            "const began = performance.now(); location.hash = '{log}';
             return new Promise(done => {{
                 const look = () => document.querySelector('[data-testid=log-line]')
                     ? setTimeout(() => done(performance.now() - began))
                     : requestAnimationFrame(look);
                 requestAnimationFrame(look);
             }})"
        ));
        let time = milliseconds(&took);
        eprintln!("opening {opening}: {time:?}");
        if opening > 0 {
            times.push(time);
        }
    }
    table.note("Openings of the long log", all(&times));
    let time = median(times);
    table.target(
        &format!("A log of {LINES} lines, from the list of environments to its first lines drawn"),
        seconds(time),
        "< 0.3 s",
        time < Duration::from_millis(300),
    );
}

/// A word is typed into that log's search, key by key. Watched from inside: how long from a key to the frame that shows it, and
/// the longest time without any frame, until the search has answered.
fn typing(table: &mut Table, window: &Window) {
    window.wait_for_text("[data-testid=log-count]", LIMIT, |text| text.ends_with("lines"));
    window.script(
        "const seen = window.bench = { keys: [], longest: 0 };
         let last = performance.now();
         const frame = () => {
             const now = performance.now();
             seen.longest = Math.max(seen.longest, now - last);
             last = now;
             requestAnimationFrame(frame);
         };
         requestAnimationFrame(frame);
         addEventListener('keydown', ({ timeStamp }) =>
             requestAnimationFrame(() => setTimeout(() => seen.keys.push(performance.now() - timeStamp))), true)",
    );
    let search = window.at("log-search");
    for key in TYPED.chars() {
        search.write(&key.to_string());
        sleep(BETWEEN_KEYS);
    }
    let typed = Instant::now();
    let expected = fill::warnings();
    let matches =
        |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>() == expected.to_string();
    window.wait_for_text("[data-testid=log-count]", LIMIT, matches);
    let answered = typed.elapsed() + BETWEEN_KEYS;
    let seen = window.script("return window.bench");
    let keys: Vec<Duration> =
        seen["keys"].as_array().expect("keys were seen").iter().map(milliseconds).collect();
    assert_eq!(keys.len(), TYPED.len(), "every key was seen");
    let slowest = keys.into_iter().max().unwrap_or_default();
    let longest = milliseconds(&seen["longest"]);
    table.target(
        "Typing in that log's search: the slowest key, from the key to the frame with its letter",
        in_milliseconds(slowest),
        "≤ 100 ms",
        slowest <= Duration::from_millis(100),
    );
    table.target(
        "The longest time without a frame, until all matches are there",
        in_milliseconds(longest),
        "≤ 100 ms",
        longest <= Duration::from_millis(100),
    );
    table.note(&format!("All {expected} matches are there, after the last key"), seconds(answered));
}

/// What it uses while nothing happens, not driven by anything: with its window open, then closed to the tray.
fn idle(table: &mut Table, desktop: &Desktop, home: &Path) {
    let app = Undriven(desktop.start_app(home));
    desktop.until(|| !desktop.windows().is_empty(), "the window is there");
    still(table, &app, "window open");
    desktop.shell.wait_for_menu(LIMIT, |menu| !menu.is_empty());
    desktop.close_window();
    still(table, &app, "window closed to the tray");
}

fn still(table: &mut Table, app: &Undriven, how: &str) {
    sleep(SETTLED);
    let (before, since) = (usage::processor_time(app.0.id()), Instant::now());
    sleep(IDLE);
    let used = usage::processor_time(app.0.id()).saturating_sub(before);
    let share = ratio(used, since.elapsed()) * 100.0;
    table.target(
        &format!("Idle for {} s, {how}: processor, all of the app's processes", IDLE.as_secs()),
        format!("{share:.2} %"),
        "< 0.5 % of one CPU",
        share < 0.5,
    );
    table.note(&format!("Memory, {how} (all of the app's processes)"), megabytes(app.0.id()));
}

/// The app, started as a person does. Ends when it is dropped, with what it started.
struct Undriven(Child);

impl Drop for Undriven {
    fn drop(&mut self) {
        // The web view's processes end with it.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn milliseconds(value: &Value) -> Duration {
    Duration::from_secs_f64(value.as_f64().expect("a number of milliseconds") / 1000.0)
}

fn in_milliseconds(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}

fn megabytes(pid: u32) -> String {
    format!("{:.0} MB", usage::memory(pid) as f64 / 1e6)
}
