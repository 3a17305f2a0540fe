import { invoke as __TAURI_INVOKE } from "@tauri-apps/api/core";

export const commands = {
	appInfo: () => __TAURI_INVOKE<AppInfo>("app_info"),
};

export type AppInfo = { version: string, os: string, arch: string, webview: string | null };
