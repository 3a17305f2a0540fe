//! The desktop app: a window over the engine. It holds no logic of its own; what it can do stands in
//! [`commands`], a few lines each.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod commands;
mod window;

fn main() -> tauri::Result<()> {
    let commands = commands::all();
    tauri::Builder::default()
        // First of all plugins, as it asks: a second start must end before anything else is set up.
        .plugin(tauri_plugin_single_instance::init(|app, _args, _cwd| window::focus(app)))
        .on_page_load(window::show_when_drawn)
        .invoke_handler(commands.invoke_handler())
        .run(tauri::generate_context!())
}
