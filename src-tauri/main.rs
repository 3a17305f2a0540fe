//! The desktop app: a window over the engine. It holds no logic of its own; what it can do stands in
//! [`commands`], a few lines each.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod app;
mod autostart;
mod browser;
mod commands;
mod deep_link;
mod downloads;
mod follow;
mod notifications;
mod once;
mod overview;
mod pulse;
mod quit;
mod settings;
mod signals;
mod start;
mod tray;
mod watch;
mod window;
mod work;

use slipway_engine::redact::Redactor;
use tauri::Manager;

use app::App;
use signals::Signal;
use start::Start;

fn main() -> tauri::Result<()> {
    let redactor = Redactor::new();
    log_to_stderr(&redactor);
    let commands = commands::all();
    tauri::Builder::default()
        // First of all plugins, as it asks: a second start must end before anything else is set up.
        .plugin(tauri_plugin_single_instance::init(|handle, arguments, _cwd| {
            window::focus(handle);
            if let Some(place) = deep_link::in_arguments(&arguments) {
                // Not there yet while the first start is still under way.
                if let Some(app) = handle.try_state::<App>() {
                    app.signals.send(Signal::Open { place });
                }
            }
        }))
        .plugin(window::remembered())
        .on_page_load(window::on_page_load)
        .on_window_event(window::on_event)
        .invoke_handler(commands.invoke_handler())
        .setup(move |tauri| {
            let start = Start::of_this_process();
            let opened = App::open(start.home.as_deref().map_err(Clone::clone), redactor);
            let app = tauri::async_runtime::block_on(opened);
            if let Some(place) = start.place {
                app.signals.send(Signal::Open { place });
            }
            let engine = app.engine().ok().cloned();
            tauri.manage(app);
            tauri.manage(window::Shown::from_start(&start));
            match tray::Tray::begin(tauri.handle()) {
                Ok(tray) => drop(tauri.manage(tray)),
                // Without one, closing the window quits.
                Err(error) => tracing::warn!(%error, "there is no tray"),
            }
            if let Some(engine) = engine {
                work::begin(tauri.handle(), engine.clone(), start.look_every);
                pulse::begin(tauri.handle(), engine.clone(), start.look_every);
                watch::begin(tauri.handle(), engine);
                let handle = tauri.handle().clone();
                tauri::async_runtime::spawn(async move {
                    if let Ok(api) = handle.state::<App>().api() {
                        api.begin().await;
                    }
                });
            }
            Ok(())
        })
        .build(tauri::generate_context!())?
        .run(window::on_run_event);
    Ok(())
}

/// What the libraries say goes to standard error when RUST_LOG asks for it, without secrets.
fn log_to_stderr(redactor: &Redactor) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "error".into());
    let logger =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(redactor.writer(std::io::stderr));
    // Only a second logger could make this fail, and there is none.
    let _ = logger.try_init();
}
