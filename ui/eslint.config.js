import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";

const backendOnly = {
  group: ["@tauri-apps/*", "**/bindings"],
  message: "Only lib/backend.ts talks to the app's other half. Add what you need there.",
};

export default ts.config(
  { ignores: ["dist/", "src/lib/bindings.ts"] },
  js.configs.recommended,
  ts.configs.strict,
  svelte.configs.recommended,
  {
    languageOptions: { globals: globals.browser },
    rules: {
      eqeqeq: "error",
      "no-console": "error",
      "no-restricted-imports": ["error", { patterns: [backendOnly] }],
      // Both would put text that came from a server into the page as markup.
      "svelte/no-at-html-tags": "error",
      "svelte/no-target-blank": "error",
    },
  },
  { files: ["**/*.svelte", "**/*.svelte.ts"], languageOptions: { parserOptions: { parser: ts.parser } } },
  {
    files: ["src/lib/backend.ts", "src/fixtures/backend.ts", "src/fixtures/data.ts"],
    rules: { "no-restricted-imports": "off" },
  },
  { files: ["*.config.{js,ts}", "src/**/*.test.ts"], languageOptions: { globals: globals.node } },
);
