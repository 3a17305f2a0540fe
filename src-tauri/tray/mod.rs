//! The icon in the system's tray: how everything stands, what runs, and a short way to the plan of the next deployment.

mod picture;

use std::sync::{Mutex, PoisonError};

use slipway_engine::error::EngineError;
use slipway_engine::model::EnvironmentId;
use tauri::image::Image;
use tauri::menu::{IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager, Wry};

use crate::app::App;
use crate::deep_link::Place;
use crate::notifications;
use crate::overview::Overview;
use crate::signals::Signal;
use crate::{browser, quit, window};
use picture::{Icon, Picture};

/// The tray, once it is there.
pub(crate) struct Tray {
    icon: TrayIcon,
    shown: Mutex<Picture>,
}

/// What an entry of the menu does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Show,
    Quit,
    Go(Place),
    Browse(EnvironmentId),
}

impl Tray {
    /// Puts the icon into the tray.
    ///
    /// # Errors
    /// When the system has none.
    pub(crate) fn begin(handle: &AppHandle) -> tauri::Result<Self> {
        let picture = Picture::default();
        let icon = TrayIconBuilder::with_id("main")
            .icon(image(picture.icon))
            .icon_as_template(cfg!(target_os = "macos"))
            .tooltip("Slipway")
            .menu(&menu(handle, &picture)?)
            .on_menu_event(|handle, event| {
                if let Some(act) = Act::of(event.id().as_ref()) {
                    act.carry_out(handle);
                }
            })
            .build(handle)?;
        Ok(Self { icon, shown: Mutex::new(picture) })
    }

    /// Shows how everything stands now. Nothing is drawn when nothing has changed: an open menu stays open.
    pub(crate) fn show(&self, handle: &AppHandle, overview: &Overview) {
        let picture = Picture::of(overview);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if *shown == picture {
            return;
        }
        if let Err(error) = self.draw(handle, &shown, &picture) {
            tracing::warn!(%error, "the tray can't be drawn");
        }
        *shown = picture;
    }

    fn draw(&self, handle: &AppHandle, before: &Picture, now: &Picture) -> tauri::Result<()> {
        if before.icon != now.icon {
            self.icon.set_icon(Some(image(now.icon)))?;
        }
        self.icon.set_tooltip(Some(&now.tooltip))?;
        self.icon.set_menu(Some(menu(handle, now)?))
    }
}

fn image(icon: Icon) -> Image<'static> {
    match icon {
        Icon::Calm => tauri::include_image!("icons/tray-calm.png"),
        Icon::Running => tauri::include_image!("icons/tray-running.png"),
        Icon::Failed => tauri::include_image!("icons/tray-failed.png"),
    }
}

fn menu(handle: &AppHandle, picture: &Picture) -> tauri::Result<Menu<Wry>> {
    let entry = |act: Act, text: &str| MenuItem::with_id(handle, act.name(), text, true, None::<&str>);
    let menu = Menu::new(handle)?;
    for (deployment, text) in &picture.running {
        menu.append(&entry(Act::Go(Place::Deployment { deployment: *deployment }), text)?)?;
    }
    if !picture.running.is_empty() {
        menu.append(&PredefinedMenuItem::separator(handle)?)?;
    }
    for recent in &picture.recent {
        let environment = recent.environment;
        let mut entries: Vec<Box<dyn IsMenuItem<Wry>>> = Vec::new();
        if let Some(word) = recent.deploy {
            entries.push(Box::new(entry(Act::Go(Place::Deploy { environment }), word)?));
        }
        if recent.can_open {
            entries.push(Box::new(entry(Act::Browse(environment), "Open in browser")?));
        }
        entries.push(Box::new(entry(Act::Go(Place::Environment { environment }), "Show in Slipway")?));
        let entries: Vec<&dyn IsMenuItem<Wry>> = entries.iter().map(AsRef::as_ref).collect();
        menu.append(&Submenu::with_items(handle, &recent.title, true, &entries)?)?;
    }
    if !picture.recent.is_empty() {
        menu.append(&PredefinedMenuItem::separator(handle)?)?;
    }
    menu.append(&entry(Act::Show, "Open Slipway")?)?;
    menu.append(&entry(Act::Quit, "Quit")?)?;
    Ok(menu)
}

impl Act {
    /// What the menu's entry is called inside.
    fn name(self) -> String {
        match self {
            Self::Show => "show".into(),
            Self::Quit => "quit".into(),
            Self::Browse(id) => format!("browse {id}"),
            Self::Go(Place::Deploy { environment }) => format!("deploy {environment}"),
            Self::Go(Place::Environment { environment }) => format!("environment {environment}"),
            Self::Go(Place::Deployment { deployment }) => format!("deployment {deployment}"),
            Self::Go(_) => "show".into(),
        }
    }

    fn of(name: &str) -> Option<Self> {
        let act = match name.split_once(' ') {
            None if name == "quit" => Self::Quit,
            None => Self::Show,
            Some(("deploy", id)) => Self::Go(Place::Deploy { environment: id.parse().ok()? }),
            Some(("browse", id)) => Self::Browse(id.parse().ok()?),
            Some(("environment", id)) => Self::Go(Place::Environment { environment: id.parse().ok()? }),
            Some(("deployment", id)) => Self::Go(Place::Deployment { deployment: id.parse().ok()? }),
            Some(_) => return None,
        };
        Some(act)
    }

    fn carry_out(self, handle: &AppHandle) {
        match self {
            Self::Show => window::focus(handle),
            Self::Quit => quit::ask(handle),
            Self::Go(place) => {
                window::focus(handle);
                handle.state::<App>().signals.send(Signal::Open { place });
            }
            Self::Browse(environment) => {
                or_say(handle, |app| async move { browse(&app.state::<App>(), environment).await })
            }
        }
    }
}

async fn browse(app: &App, environment: EnvironmentId) -> Result<(), EngineError> {
    let view = app.engine()?.environment_by_id(environment).await?;
    view.address().map_or(Ok(()), |address| browser::open(&address))
}

/// Does something in the background. There may be no window to say in what went wrong, so a notification does.
fn or_say<F>(handle: &AppHandle, work: impl FnOnce(AppHandle) -> F)
where
    F: Future<Output = Result<(), EngineError>> + Send + 'static,
{
    let work = work(handle.clone());
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        if let Err(error) = work.await {
            notifications::say(&handle, &error);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_known_by_its_name() {
        const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
        let environment = ID.parse().unwrap();
        let deployment = ID.parse().unwrap();
        for act in [
            Act::Show,
            Act::Quit,
            Act::Browse(environment),
            Act::Go(Place::Deploy { environment }),
            Act::Go(Place::Environment { environment }),
            Act::Go(Place::Deployment { deployment }),
        ] {
            assert_eq!(Act::of(&act.name()), Some(act));
        }
        assert_eq!(Act::of("destroy 1"), None);
        assert_eq!(Act::of("deploy 1"), None);
    }
}
