// Shows the screens in a browser, over fixtures in place of the app's other half. The app is never built from this.

import { join } from "node:path";

import { mergeConfig, type Plugin } from "vite";

import base from "./vite.config.ts";

const real = join(import.meta.dirname, "src/lib/backend.ts");
const fixture = join(import.meta.dirname, "src/fixtures/door.ts");

const fixtures: Plugin = {
  name: "fixtures",
  enforce: "pre",
  async resolveId(source, importer, options) {
    if (!source.endsWith("/backend") || importer?.includes("/fixtures/")) return null;
    const found = await this.resolve(source, importer, { ...options, skipSelf: true });
    return found?.id === real ? fixture : null;
  },
};

export default mergeConfig(base, { plugins: [fixtures], server: { port: 1421 } });
