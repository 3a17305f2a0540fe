//! A window of the app or of a browser, driven as a person would by the web view's own driver (the WebDriver protocol of the W3C).

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Desktop, path};
use crate::http;
use crate::process::{descendants, signal, until};

/// How long a page may take for one thing.
const PATIENCE: Duration = Duration::from_secs(60);
/// The protocol's name for "this is an element".
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// What WebDriver calls this key.
const BACKSPACE: &str = "\u{E003}";

/// A window. Its program ends when it is dropped.
#[derive(Debug)]
pub struct Window {
    program: PathBuf,
    driver: Child,
    address: SocketAddr,
    session: String,
}

impl Window {
    pub(super) fn open(desktop: &Desktop, program: PathBuf, arguments: &[String]) -> Self {
        // A free port: let go of just before the driver takes it.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = std::fs::File::create(desktop.dir().join("driver.log")).unwrap();
        let driver = desktop
            .command(&path("WebKitWebDriver"))
            .args(["--host=127.0.0.1", &format!("--port={port}")])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the driver starts");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let ready = until(PATIENCE, || http::get(address, "localhost", "/status").ok());
        assert!(ready.is_some(), "the driver answers");
        let browser = json!({"binary": program, "args": arguments});
        let mut window = Self { program, driver, address, session: String::new() };
        let wanted = json!({"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": browser}}});
        let session = window.call("/session", Some(wanted)).expect("the program opens its window");
        window.session = session["sessionId"].as_str().expect("a session").to_owned();
        window
    }

    /// Waits for the first element that fits a CSS selector.
    pub fn find(&self, css: &str) -> Element<'_> {
        let found = until(PATIENCE, || self.look(css));
        found.unwrap_or_else(|| panic!("no {css} on the page: {}", self.page_text()))
    }

    /// The first element that fits a CSS selector, if there is one now.
    pub fn look(&self, css: &str) -> Option<Element<'_>> {
        let body = json!({"using": "css selector", "value": css});
        let found = self.call(&format!("/session/{}/element", self.session), Some(body)).ok()?;
        Some(Element { window: self, id: found[ELEMENT].as_str()?.to_owned() })
    }

    /// Waits for the element with this `data-testid`.
    pub fn at(&self, id: &str) -> Element<'_> {
        self.find(&format!("[data-testid=\"{id}\"]"))
    }

    /// What is to be read in the first element that fits, now.
    pub fn text(&self, css: &str) -> String {
        self.look(css).map(|element| element.text()).unwrap_or_default()
    }

    /// Waits until an element's text is as wanted.
    pub fn wait_for_text(&self, css: &str, limit: Duration, is_it: impl Fn(&str) -> bool) -> String {
        until(limit, || Some(self.text(css)).filter(|text| is_it(text)))
            .unwrap_or_else(|| panic!("{css} says {:?}", self.text(css)))
    }

    /// All that is to be read on the page, for a failure to tell.
    pub fn page_text(&self) -> String {
        self.script("return document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// Where in the app it is: what stands after `#` in the address.
    pub fn place(&self) -> String {
        self.script("return location.hash").as_str().unwrap_or_default().to_owned()
    }

    /// Runs JavaScript in the page and gives what it returns; a promise is waited for.
    pub fn script(&self, script: &str) -> Value {
        let body = json!({"script": script, "args": []});
        let done = self.call(&format!("/session/{}/execute/sync", self.session), Some(body));
        done.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until JavaScript returns something.
    pub fn wait_for_script(&self, script: &str, limit: Duration) -> Value {
        let found = self.look_by_script(script, limit);
        found.unwrap_or_else(|| panic!("nothing within {limit:?}: {script}\n{}", self.state()))
    }

    /// What JavaScript returns as soon as it returns something, if that is within the limit.
    pub fn look_by_script(&self, script: &str, limit: Duration) -> Option<Value> {
        until(limit, || Some(self.script(script)).filter(|value| !value.is_null()))
    }

    /// Where the page is and what it has, for a failure to tell: how far it came, what was loaded with which answer and in how
    /// many milliseconds (0 is what never ended), and its text.
    pub fn state(&self) -> String {
        let state = self.script(
            "const loaded = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
            return {
                address: location.href,
                ready: document.readyState,
                loaded: loaded.map(one => `${one.responseStatus} ${Math.round(one.startTime)}-${Math.round(one.responseEnd)} ms ${one.name}`),
                images: [...document.images].filter(image => !image.complete).map(image => image.src),
                text: document.body?.innerText,
            }",
        );
        format!("{state:#}")
    }

    /// Calls a command of the app as the page would. Gives its answer, or its error.
    pub fn invoke(&self, command: &str, arguments: &Value) -> Result<Value, Value> {
        let call = format!(
            "return window.__TAURI_INTERNALS__.invoke({command:?}, {arguments}).then(ok => ({{ok}}), error => ({{error}}))"
        );
        let answer = self.script(&call);
        match answer.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(answer["ok"].clone()),
        }
    }

    /// Loads the page anew, as F5 does in a browser.
    pub fn reload(&self) {
        let done = self.call(&format!("/session/{}/refresh", self.session), Some(json!({})));
        done.expect("the page loads again");
    }

    /// Goes to an address.
    pub fn visit(&self, address: &str) {
        let gone = self.call(&format!("/session/{}/url", self.session), Some(json!({"url": address})));
        gone.unwrap_or_else(|error| panic!("{address}: {error}"));
    }

    /// The process of the program.
    pub fn pid(&self) -> u32 {
        self.process().expect("the program runs")
    }

    /// Whether the program runs.
    pub fn is_running(&self) -> bool {
        self.process().is_some()
    }

    fn process(&self) -> Option<u32> {
        let name = self.program.file_name().unwrap().to_string_lossy().into_owned();
        let short = &name[..name.len().min(15)];
        let mut all = descendants(self.driver.id()).into_iter();
        all.find(|pid| crate::process::name(*pid).as_deref() == Some(short))
    }

    fn call(&self, path: &str, body: Option<Value>) -> Result<Value, Value> {
        let text = body.map(|body| body.to_string());
        let answer =
            http::request(self.address, "localhost", path, text.as_deref(), Duration::from_secs(120))
                .unwrap_or_else(|error| panic!("the driver answers: {error}"));
        let value: Value = serde_json::from_str(&answer.text()).unwrap_or_default();
        if answer.status == 200 { Ok(value["value"].clone()) } else { Err(value["value"].clone()) }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let mut all = descendants(self.driver.id());
        all.push(self.driver.id());
        signal("TERM", &all);
        let ended = until(Duration::from_secs(5), || self.driver.try_wait().ok().flatten());
        if ended.is_none() {
            self.driver.kill().ok();
            self.driver.wait().ok();
        }
        signal("KILL", &all[..all.len() - 1]);
    }
}

/// Something on the page.
#[derive(Debug)]
pub struct Element<'w> {
    window: &'w Window,
    id: String,
}

impl Element<'_> {
    /// What is to be read in it.
    pub fn text(&self) -> String {
        self.get("text").as_str().unwrap_or_default().to_owned()
    }

    /// One of its attributes.
    pub fn attribute(&self, name: &str) -> Option<String> {
        self.get(&format!("attribute/{name}")).as_str().map(str::to_owned)
    }

    /// Whether it can be used.
    pub fn is_enabled(&self) -> bool {
        self.get("enabled").as_bool().unwrap_or_default()
    }

    /// Clicks it.
    pub fn click(&self) {
        let path = format!("/session/{}/element/{}/click", self.window.session, self.id);
        let mut said = Value::Null;
        let done = until(PATIENCE, || match self.window.call(&path, Some(json!({}))) {
            Ok(_) => Some(()),
            // Something passes over it, such as a dialog that closes: whoever wants to click waits.
            Err(error) if error["error"] == "element click intercepted" => {
                said = error;
                None
            }
            // The click ended the program, which can't answer any more.
            Err(error) => {
                let is_an_end =
                    matches!(error["error"].as_str(), Some("unknown error" | "invalid session id"));
                assert!(is_an_end, "click: {error}");
                said = error;
                (!self.window.is_running()).then_some(())
            }
        });
        assert!(done.is_some(), "click: {said}: {}", self.window.page_text());
    }

    /// All that stands in it, also what is cut off for want of room.
    pub fn content(&self) -> String {
        self.get("property/textContent").as_str().unwrap_or_default().to_owned()
    }

    /// Types into it, after what is there.
    pub fn write(&self, text: &str) {
        self.post("value", json!({ "text": text }));
    }

    /// Types into it, in place of what is there, as a person does: the driver's own way to clear a field doesn't tell
    /// the page, which may put the old text back before the new one comes.
    pub fn fill(&self, text: &str) {
        let script = "arguments[0].focus(); arguments[0].select()";
        let body = json!({"script": script, "args": [{ELEMENT: self.id}]});
        let done = self.window.call(&format!("/session/{}/execute/sync", self.window.session), Some(body));
        done.unwrap_or_else(|error| panic!("{script}: {error}"));
        self.write(if text.is_empty() { BACKSPACE } else { text });
    }

    fn get(&self, what: &str) -> Value {
        let path = format!("/session/{}/element/{}/{what}", self.window.session, self.id);
        self.window.call(&path, None).unwrap_or_default()
    }

    fn post(&self, what: &str, body: Value) {
        let path = format!("/session/{}/element/{}/{what}", self.window.session, self.id);
        self.window.call(&path, Some(body)).unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}
