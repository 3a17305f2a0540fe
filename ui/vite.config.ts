import { join } from "node:path";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig } from "vitest/config";

export default defineConfig({
  root: import.meta.dirname,
  plugins: [svelte(), svelteTesting()],
  clearScreen: false,
  server: {
    // The one that tauri.conf.json names as devUrl.
    port: 1420,
    strictPort: true,
    host: "127.0.0.1",
    // node_modules stands beside ui/, not in it.
    fs: { allow: [import.meta.dirname, join(import.meta.dirname, "../node_modules")] },
  },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    // The oldest web view that the app runs in: WKWebView of macOS 13, and WebKitGTK 2.40.
    target: "safari16",
    // The content security policy allows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.ts"],
    setupFiles: ["src/test-setup.ts"],
    restoreMocks: true,
    // A machine that compiles beside the tests is no failure.
    testTimeout: 60_000,
  },
});
