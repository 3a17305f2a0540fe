import { expect, test } from "vitest";

import { rows } from "../fixtures/data";
import { settingsThatWait } from "./waiting";

const live = rows[1]?.environment;
if (!live) throw new Error("The fixtures have no environment.");

test("what is saved and not live yet is told with both values, and a secret's never", () => {
  const now = {
    ...live,
    domain: "new.example",
    memory_mb: 8192,
    options: { ...live.options, workers: "6" },
    secret_options: { smtp_password: "0193-new" },
    variables: {},
    secret_variables: { SMTP_PASSWORD: "0193-replaced" },
  };
  expect(
    settingsThatWait(
      { ...live, domain: null, options: { workers: "4" } },
      { ...now, options: { workers: "6" } },
    ),
  ).toEqual([
    { name: "Memory", from: "4096 MB", to: "8192 MB" },
    { name: "Option workers", from: "4", to: "6" },
    { name: "Variable TZ", from: "Europe/Berlin", to: "not set" },
    { name: "Variable SMTP_PASSWORD", from: "a secret", to: "a new value" },
    { name: "Domain", from: "not set", to: "new.example" },
    { name: "Option smtp_password", from: "not set", to: "a secret" },
  ]);
});

test("nothing waits after a deployment, and what only Slipway goes by never does", () => {
  expect(settingsThatWait(live, live)).toEqual([]);
  expect(settingsThatWait(live, { ...live, hold_limit_s: 90, auto_deploy: true, notify: false })).toEqual([]);
});
