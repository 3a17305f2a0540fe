//! The window, as a person uses it: every act waits until it has had its effect.

use std::ops::Deref;
use std::time::{Duration, Instant};

use super::{Element, Window};

/// How long the page may take for one thing.
const SOON: Duration = Duration::from_secs(60);
/// A first deployment installs a database.
const LONG: Duration = Duration::from_secs(900);

/// The window, as a person uses it.
#[derive(Debug)]
pub struct Page(pub Window);

impl Deref for Page {
    type Target = Window;

    fn deref(&self) -> &Window {
        &self.0
    }
}

impl Page {
    /// Waits until nothing fits any more.
    pub fn gone(&self, css: &str) {
        self.until(&format!("{css} is gone"), || self.look(css).is_none());
    }

    /// Waits until something is so.
    pub fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let end = Instant::now() + SOON;
        while !is_so() {
            assert!(Instant::now() < end, "not so: {what}: {}", self.page_text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Opens a tab of the environment and waits until it is that.
    pub fn tab(&self, id: &str) {
        self.at(&format!("tab-{id}")).click();
        self.is_at(id);
    }

    /// Waits for a tab of the environment.
    pub fn is_at(&self, tab: &str) {
        self.at(&format!("view-{tab}"));
    }

    /// Waits until it is this environment's page.
    pub fn is_environment(&self, project: &str, name: &str) {
        let title = format!("{project} / {name}");
        self.find(&format!("[data-testid=environment-head] h1[title=\"{title}\"]"));
    }

    /// Waits until the environment on the page is live, with nothing under way.
    pub fn is_live(&self) {
        let head = "[data-testid=environment-head]";
        self.wait_for_text(head, LONG, |text| text.contains("Live"));
        let end = Instant::now() + LONG;
        while self.look("[data-testid=cancel]").is_some() {
            assert!(Instant::now() < end, "it is still under way: {}", self.page_text());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// What stands in a field.
    pub fn value(&self, id: &str) -> String {
        let script = format!("return document.querySelector('[data-testid=\"{id}\"]').value");
        self.script(&script).as_str().unwrap_or_default().to_owned()
    }

    /// Whether a switch is on.
    pub fn is_checked(&self, id: &str) -> bool {
        self.script(&format!("return document.querySelector('[data-testid=\"{id}\"]').checked")) == true
    }

    /// Waits until a field says that this is wrong with it.
    pub fn says_wrong(&self, id: &str, problem: &str) {
        let field = format!("[data-testid=\"{id}\"][aria-invalid=true]");
        let about = self.find(&field).attribute("aria-describedby").expect("it says what is wrong");
        self.wait_for_text(&format!("[id=\"{about}\"]"), SOON, |text| text == problem);
    }

    /// Waits until a button is off for this reason.
    pub fn refuses(&self, id: &str, reason: &str) {
        let off = format!("[data-testid=\"{id}\"][aria-disabled=true][title=\"{reason}\"]");
        self.find(&off);
    }

    /// Waits until a button can be pressed.
    pub fn allows(&self, id: &str) {
        self.find(&format!("[data-testid=\"{id}\"]:not([aria-disabled])"));
    }

    /// Chooses in a list.
    pub fn choose(&self, id: &str, value: &str) {
        self.find(&format!("[data-testid=\"{id}\"] option[value=\"{value}\"]")).click();
        self.until(&format!("{id} is {value:?}"), || self.value(id) == value);
    }

    /// The value of the option that is called so.
    pub fn option(&self, id: &str, label: &str) -> String {
        let script = format!(
            "return [...document.querySelectorAll('[data-testid=\"{id}\"] option')].find(o => o.label === {label:?}).value"
        );
        self.script(&script).as_str().unwrap().to_owned()
    }

    /// Adds a name with a value.
    pub fn pair(&self, id: &str, name: &str, value: &str) {
        self.at(&format!("{id}-name")).write(name);
        self.at(&format!("{id}-value")).write(value);
        self.at(&format!("{id}-add")).click();
    }

    /// The first element that fits and says just this.
    pub fn find_text(&self, css: &str, text: &str) -> Element<'_> {
        let script = format!(
            "document.querySelectorAll('[data-found]').forEach(e => delete e.dataset.found);\
             const found = [...document.querySelectorAll({css:?})].find(e => e.textContent.trim() === {text:?});\
             if (found) found.dataset.found = ''; return Boolean(found)"
        );
        self.until(&format!("{text:?} is there"), || self.script(&script) == true);
        self.find("[data-found]")
    }
}
