import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { beforeEach, describe, expect, test, vi } from "vitest";

import App from "./App.svelte";
import { commands } from "./lib/backend";
import { plan } from "./fixtures/answers";
import { withOneDown } from "./fixtures/data";
import { closeDialog, openDialog } from "./lib/dialogs.svelte";
import * as filters from "./lib/filters";
import { overview } from "./lib/overview.svelte";
import {
  address,
  environmentAddress,
  go,
  parse,
  places,
  route,
  serverAddress,
  tabs,
} from "./lib/place.svelte";
import { themes } from "./lib/theme.svelte";
import { close, toasts } from "./lib/toasts.svelte";
import * as wishes from "./lib/wishes";

vi.mock("./lib/backend", async (original) => ({
  ...(await original<object>()),
  ...(await import("./fixtures/backend")),
}));

const screens: [string, string, string][] = [
  ...places.map(({ id, title }): [string, string, string] => [title, address(id), `view-${id}`]),
  ...tabs.map(({ id, title }): [string, string, string] => [
    `Environment, ${title}`,
    environmentAddress("e1", id),
    `view-${id}`,
  ]),
  ["Environment that was rolled back", environmentAddress("e3"), "deployment-error"],
  [
    "The log of a deployment that was rolled back",
    environmentAddress("e3", "logs", "e3-d18"),
    "deployment-error",
  ],
  ["Environment without a server", environmentAddress("e7"), "reason"],
  ["Snapshots", environmentAddress("e2", "snapshots"), "restore-11"],
  ["A server", serverAddress("s2"), "server-problem"],
  ["First run", address("start"), "first-run"],
];

beforeEach(() => {
  closeDialog();
  for (const { id } of toasts()) close(id);
  overview.value = null;
  overview.failed = null;
  document.documentElement.lang = "en";
  go(address("environments"));
});

/** The app, once it knows of everything. */
async function start(at = address("environments")) {
  go(at);
  // The address changes at once, and what is shown with the event that follows.
  await waitFor(() => expect(route()).toEqual(parse(at)));
  const user = userEvent.setup();
  render(App);
  await screen.findByTestId("environment-acme-production");
  return user;
}

/** What axe finds. jsdom draws nothing, so contrast can't be seen here; tokens.test.ts measures it. */
async function faults() {
  const { violations } = await axe.run(document, { rules: { "color-contrast": { enabled: false } } });
  return violations.map(({ id, nodes }) => ({ id, at: nodes.map((node) => node.html) }));
}

describe.each(themes.filter((theme) => theme !== "system"))("in the %s theme", (theme) => {
  test.each(screens)("%s has no fault that axe knows", async (_, at, shows) => {
    vi.spyOn(commands, "settings").mockResolvedValue({ theme, notifications: true });
    await start(at);
    await screen.findByTestId(shows);
    await waitFor(() => expect(document.documentElement.dataset["theme"]).toBe(theme));
    expect(await faults()).toEqual([]);
    expect(document.querySelectorAll("main h1")).toHaveLength(1);
  });
});

test("the navigation goes to each place and says where one is", async () => {
  const user = await start();
  for (const { id, title } of places) {
    await user.click(screen.getByTestId(`place-${id}`));
    await screen.findByRole("heading", { level: 1, name: title });
    const nav = screen.getByRole("navigation", { name: "Main" });
    await waitFor(() =>
      expect(within(nav).getByRole("link", { current: "page" }).textContent).toContain(title),
    );
  }
});

test("Control and a number go to a place", async () => {
  const user = await start();
  await user.keyboard("{Control>}2{/Control}");
  await screen.findByRole("heading", { level: 1, name: "Servers" });
  await user.keyboard("{Control>}{Shift>}1{/Shift}{/Control}");
  expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Servers");
});

test("the palette deploys by a few letters", async () => {
  const user = await start();
  await user.keyboard("{Control>}k{/Control}");
  await user.type(await screen.findByTestId("palette-input"), "deploy acme stag");
  await user.keyboard("{Enter}");
  const dialog = await screen.findByTestId("deploy-dialog");
  expect(within(dialog).getByRole("heading", { level: 2 }).textContent).toBe("Redeploy acme / staging");
  expect(screen.queryByTestId("palette")).toBeNull();
});

test("a plan is shown before a deployment, and pressed twice there is one wish", async () => {
  const deploy = vi.spyOn(commands, "deploy");
  const user = await start(environmentAddress("e2"));
  await user.keyboard("{Control>}d{/Control}");
  await screen.findByTestId("plan");
  expect(screen.getByTestId("plan-pause").textContent).toContain("About 11s");
  expect(await faults()).toEqual([]);
  await user.dblClick(screen.getByTestId("deploy-go"));
  await waitFor(() => expect(screen.queryByTestId("deploy-dialog")).toBeNull());
  expect(new Set(deploy.mock.calls.map(([wish]) => wish)).size).toBe(1);
  expect(deploy.mock.calls[0]?.slice(1)).toEqual([
    "e2",
    null,
    { pull: false, update: [], wait: false, take_over: false },
  ]);
});

test("an older commit than what is live is not deployed as if it were newer", async () => {
  vi.spyOn(commands, "plan").mockResolvedValue({ ...plan, direction: "back" });
  const user = await start(environmentAddress("e2"));
  await user.keyboard("{Control>}d{/Control}");
  await screen.findByTestId("plan");
  expect(screen.getByTestId("goes-back").textContent).toContain("shows first what would be lost");
  const deploy = vi.spyOn(commands, "deploy");
  await user.click(screen.getByTestId("deploy-go"));
  expect(deploy).not.toHaveBeenCalled();
});

test("a rollback of the code says which modules the older code would update", async () => {
  const preview = vi.spyOn(commands, "previewRollback");
  const user = await start(environmentAddress("e2"));
  await user.click(await screen.findByTestId("roll-back"));
  const told = await screen.findByTestId("rollback-update");
  expect(told.textContent).toContain("acme_base and acme_portal would be updated with the older code");
  expect(told.textContent).toContain("A snapshot of the data as it is now is kept.");
  const known = await preview.mock.results[0]?.value;
  preview.mockResolvedValue({ ...known, plan: { ...known.plan, lane: "code", update: [], install: [] } });
  expect(screen.getByTestId("rollback-go").getAttribute("aria-disabled")).toBe("true");
  await user.type(screen.getByTestId("rollback-type"), "staging");
  expect(screen.getByTestId("rollback-go").getAttribute("aria-disabled")).toBeNull();
  await user.click(screen.getByTestId("rollback-what-data"));
  await user.click(screen.getByTestId("rollback-what-code"));
  expect((await screen.findByTestId("rollback-keeps")).textContent).toContain("the data stays as it is");
});

test("a rollback that failed is asked for anew, with what would be lost now", async () => {
  const retry = vi.spyOn(commands, "retry");
  const { items } = await commands.deployments(filters.deployments({ environment_id: "e3", limit: 1 }));
  const [failed] = items;
  if (!failed) throw new Error("no deployment");
  const ask = commands.deployment;
  vi.spyOn(commands, "deployment").mockImplementation(async (id) => {
    const told = await ask("e3-d18");
    const restore = id === failed.id ? { snapshot_id: "s1" } : null;
    return { ...told, deployment: { ...told.deployment, id, restore } };
  });
  await start(environmentAddress("e3"));
  await wishes.retry({ ...failed, rollback_of: "e3-d17" });
  await screen.findByTestId("rollback-dialog");
  await screen.findByTestId("rollback-loss");
  expect(retry).not.toHaveBeenCalled();
});

test("a rollback with data names the loss and asks to type the name", async () => {
  const rollBack = vi.spyOn(commands, "rollBack");
  const user = await start(environmentAddress("e2"));
  await user.keyboard("{Control>}{Shift>}B{/Shift}{/Control}");
  await user.click(await screen.findByTestId("rollback-what-data"));
  expect((await screen.findByTestId("rollback-loss")).textContent).toContain("14 Sales Orders");
  expect(await faults()).toEqual([]);
  await user.click(screen.getByTestId("rollback-go"));
  expect(rollBack).not.toHaveBeenCalled();
  await user.type(screen.getByTestId("rollback-type"), "staging");
  await user.click(screen.getByTestId("rollback-go"));
  await waitFor(() => expect(screen.queryByTestId("rollback-dialog")).toBeNull());
  expect(rollBack).toHaveBeenCalledOnce();
  expect(rollBack.mock.calls[0]?.slice(1)).toEqual(["e2", "e2-d10", true]);
});

test("unsaved settings mark the tab, stop a deployment and can be saved", async () => {
  const save = vi.spyOn(commands, "saveEnvironment");
  const user = await start(environmentAddress("e5", "settings"));
  const branch = await screen.findByTestId("setting-branch");
  await user.clear(branch);
  await user.type(branch, "release");
  await screen.findByTestId("tab-settings-mark");
  await screen.findByTestId("unsaved");
  expect(screen.getByTestId("deploy").getAttribute("aria-disabled")).toBe("true");
  await user.click(screen.getByTestId("deploy"));
  expect(screen.queryByTestId("deploy-dialog")).toBeNull();
  await user.click(screen.getByTestId("save"));
  await waitFor(() => expect(save).toHaveBeenCalledOnce());
  expect(save.mock.calls[0]?.[1]).toMatchObject({ id: "e5", branch: "release" });
});

test("settings that are deployed by themselves say so before they are saved, and name the deployment after", async () => {
  const save = vi.spyOn(commands, "saveEnvironment");
  save.mockResolvedValueOnce(await commands.retry("", "e2-d12"));
  const user = await start(environmentAddress("e2", "settings"));
  await user.click(await screen.findByTestId("setting-auto-deploy"));
  expect((await screen.findByTestId("save")).textContent).toContain("Save changes");
  const branch = screen.getByTestId("setting-branch");
  await user.clear(branch);
  await user.type(branch, "release");
  expect(screen.getByTestId("save").textContent).toContain("Save and deploy");
  expect(screen.getByTestId("quick-save").textContent).toContain("Save and deploy");
  expect(await faults()).toEqual([]);
  await user.click(screen.getByTestId("save"));
  await screen.findByText("Settings saved. Deployment #13 brings them.");
  expect(save.mock.calls[0]?.[1]).toMatchObject({ auto_deploy: true, deploy_on_push: false });
});

test("why new commits can't be seen stands above every tab", async () => {
  const everything = structuredClone(await commands.overview());
  const row = everything.environments.find(({ environment }) => environment.id === "e2");
  if (!row) throw new Error("The fixtures have no e2.");
  row.watch_problem = { code: "git_unreachable", message: "The host is away.", hint: "Check your network." };
  vi.spyOn(commands, "overview").mockResolvedValue(everything);
  await start(environmentAddress("e2"));
  const said = (await screen.findByTestId("watch-problem")).textContent;
  expect(said).toContain("aren't deployed by themselves");
  expect(said).toContain("The host is away.");
});

test("a server that is too small disables Deploy and Save", async () => {
  const user = await start(environmentAddress("e4", "settings"));
  const memory = await screen.findByTestId("setting-memory");
  await user.clear(memory);
  await user.type(memory, "40000");
  expect((await screen.findByTestId("capacity")).textContent).toContain("too small");
  await waitFor(() => expect(screen.getByTestId("save").getAttribute("aria-disabled")).toBe("true"));
  expect(screen.getByTestId("deploy").getAttribute("aria-disabled")).toBe("true");
  await user.click(screen.getByTestId("discard"));
  await waitFor(() => expect(screen.getByTestId("deploy").getAttribute("aria-disabled")).toBeNull());
});

test("an answer about what was wanted before doesn't stand for what is wanted now", async () => {
  const ask = commands.checkCapacity;
  const answers: (() => void)[] = [];
  vi.spyOn(commands, "checkCapacity").mockImplementation(async (environment) => {
    const answer = await ask(environment);
    await new Promise<void>((told) => answers.push(told));
    return answer;
  });
  const user = await start(environmentAddress("e4", "settings"));
  const memory = await screen.findByTestId("setting-memory");
  const type = async (text: string) => {
    const before = answers.length;
    await user.clear(memory);
    await user.type(memory, text);
    await waitFor(() => expect(answers.length).toBeGreaterThan(before), { timeout: 5000 });
    // The last one is about all of the text.
    await new Promise((done) => setTimeout(done, 600));
    return answers.length;
  };
  const tooMuch = await type("40000");
  const fits = await type("512");
  answers[fits - 1]?.();
  await new Promise((done) => setTimeout(done, 20));
  for (const late of answers.slice(0, tooMuch)) late();
  await new Promise((done) => setTimeout(done, 20));
  expect(screen.queryByTestId("capacity")).toBeNull();
});

test("an answer is taken also when the overview was read anew meanwhile", async () => {
  const ask = commands.checkCapacity;
  const answers: (() => void)[] = [];
  const asked = vi.spyOn(commands, "checkCapacity").mockImplementation(async (environment) => {
    const answer = await ask(environment);
    await new Promise<void>((told) => answers.push(told));
    return answer;
  });
  const user = await start(environmentAddress("e4", "settings"));
  const memory = await screen.findByTestId("setting-memory");
  await user.clear(memory);
  await user.type(memory, "40000");
  await new Promise((done) => setTimeout(done, 600));
  const times = asked.mock.calls.length;
  overview.value = structuredClone(await commands.overview());
  await new Promise((done) => setTimeout(done, 600));
  expect(asked.mock.calls.length).toBe(times);
  for (const answer of answers) answer();
  expect((await screen.findByTestId("capacity")).textContent).toContain("too small");
});

test("an environment without a server says beside Deploy what to do", async () => {
  await start(environmentAddress("e7"));
  expect((await screen.findByTestId("reason")).textContent).toContain(
    "No server assigned: choose one in Settings",
  );
  expect(screen.getByTestId("deploy").getAttribute("aria-disabled")).toBe("true");
});

test.each([
  ["setting-secrets", "secret_variables", "API_TOKEN"],
  ["setting-secret-options", "secret_options", "smtp_password"],
] as const)(
  "what is given at %s goes to the keychain and never into the settings",
  async (at, among, name) => {
    const save = vi.spyOn(commands, "saveEnvironment");
    const user = await start(environmentAddress("e2", "settings"));
    await user.type(await screen.findByTestId(`${at}-name`), name);
    await user.type(screen.getByTestId(`${at}-value`), "hush");
    await user.click(screen.getByTestId(`${at}-add`));
    await user.keyboard("{Control>}s{/Control}");
    await waitFor(() => expect(save).toHaveBeenCalledOnce());
    const [, environment, secrets] = save.mock.calls[0] ?? [];
    expect(JSON.stringify(environment)).not.toContain("hush");
    expect(secrets).toEqual([{ name: environment?.[among]?.[name], value: "hush" }]);
  },
);

test("what can't be used says why beside it, once for each reason", async () => {
  await start(environmentAddress("e7"));
  expect((await screen.findByTestId("reason")).textContent).toContain("No server assigned");
  go(environmentAddress("e1"));
  await waitFor(() =>
    expect(screen.queryByTestId("reasons")?.textContent).toBe("Roll back: A deployment is under way"),
  );
});

test("what doesn't answer says so above its tabs, and isn't called live", async () => {
  vi.spyOn(commands, "overview").mockResolvedValue(structuredClone(withOneDown));
  await start(environmentAddress("e4"));
  expect((await screen.findByTestId("down")).textContent).toContain("answers with HTTP 502");
  const head = within(screen.getByTestId("environment-head"));
  expect(head.getByTestId("status").textContent).toContain("Not answering");
  expect(screen.getByTestId("environment-head").textContent).not.toContain("up ");
  expect(await faults()).toEqual([]);
});

test("quitting in a cut over says that it goes on by itself", async () => {
  await start(environmentAddress("e2"));
  openDialog({ kind: "quit", preparing: [], cuttingOver: ["e1-d41"] });
  const dialog = await screen.findByTestId("quit-dialog");
  expect(dialog.textContent).toContain("1 deployment is cutting over");
  expect(dialog.textContent).toContain("acme / production");
  expect(dialog.textContent).toContain("goes on by itself on the server");
  expect(dialog.textContent).not.toContain("Nothing live was touched");
  closeDialog();
});

test("deleting a snapshot asks to type the name", async () => {
  const remove = vi.spyOn(commands, "removeSnapshot");
  const user = await start(environmentAddress("e2", "snapshots"));
  await user.click(await screen.findByTestId("delete-11"));
  const dialog = await screen.findByTestId("delete-snapshot-dialog");
  await user.click(within(dialog).getByTestId("delete-snapshot-dialog-go"));
  expect(remove).not.toHaveBeenCalled();
  await user.type(within(dialog).getByTestId("delete-snapshot-dialog-type"), "staging{Enter}");
  await waitFor(() => expect(remove).toHaveBeenCalledOnce());
});

test("destroying asks to type the name", async () => {
  const destroy = vi.spyOn(commands, "destroyEnvironment");
  const user = await start(environmentAddress("e2", "settings"));
  await user.click(await screen.findByTestId("destroy"));
  const dialog = await screen.findByTestId("destroy-dialog");
  expect(await faults()).toEqual([]);
  await user.click(within(dialog).getByTestId("destroy-dialog-go"));
  expect(destroy).not.toHaveBeenCalled();
  await user.type(within(dialog).getByTestId("destroy-dialog-type"), "staging{Enter}");
  await waitFor(() => expect(screen.queryByTestId("destroy-dialog")).toBeNull());
  expect(destroy).toHaveBeenCalledOnce();
  expect(destroy.mock.calls[0]?.slice(1)).toEqual(["e2", false]);
});

test("a new server's fingerprint is shown and confirmed before anything is trusted", async () => {
  const trust = vi.spyOn(commands, "trustHostKey");
  const add = vi.spyOn(commands, "addServer");
  const user = await start(address("servers"));
  await user.click(await screen.findByTestId("new-server"));
  await user.type(await screen.findByTestId("server-address"), "root@203.0.113.10:2222");
  await user.click(screen.getByTestId("server-connect"));
  expect((await screen.findByTestId("fingerprint")).textContent).toContain("SHA256:");
  expect(trust).not.toHaveBeenCalled();
  expect(await faults()).toEqual([]);
  await user.click(screen.getByTestId("trust-key"));
  await screen.findByTestId("server-report");
  await user.click(screen.getByTestId("server-add"));
  await waitFor(() => expect(screen.queryByTestId("server-dialog")).toBeNull());
  expect(add).toHaveBeenCalledOnce();
  expect(add.mock.calls[0]?.[1]).toMatchObject({
    name: "203.0.113.10",
    kind: { kind: "ssh", destination: "203.0.113.10", user: "root", port: 2222 },
  });
});

test("the log is grouped by step, and its level and text are asked of the store", async () => {
  const counts = vi.spyOn(commands, "logCounts");
  const lines = vi.spyOn(commands, "logLines");
  const user = await start(environmentAddress("e3", "logs"));
  await screen.findByTestId("log-step-initializing");
  expect(screen.getByTestId("log-count").textContent).toContain("1,000,240 lines");
  await user.click(screen.getByTestId("log-level-error"));
  await user.type(screen.getByTestId("log-search"), "column");
  await waitFor(() =>
    expect(counts).toHaveBeenLastCalledWith(
      "e3-d18",
      expect.objectContaining({ level: "error", text: "column" }),
    ),
  );
  // From when the matches are asked for, no other lines are shown.
  await waitFor(() =>
    expect(lines).toHaveBeenLastCalledWith(
      "e3-d18",
      expect.objectContaining({ level: "error", text: "column" }),
    ),
  );
  await waitFor(() => expect(screen.getAllByTestId("log-line").length).toBeGreaterThan(9));
  // From one match to the next, and round.
  const marked = () => document.querySelector("[data-marked] .text")?.textContent;
  await user.keyboard("{Enter}");
  await waitFor(() => expect(marked()).toBeTruthy());
  expect(screen.getByTestId("log-count").textContent).toMatch(/^\s*1 of /);
  const one = marked();
  await user.click(screen.getByTestId("log-next"));
  await waitFor(() => expect(screen.getByTestId("log-count").textContent).toMatch(/^\s*2 of /));
  await user.click(screen.getByTestId("log-search"));
  await user.keyboard("{Shift>}{Enter}{/Shift}");
  await waitFor(() => expect(screen.getByTestId("log-count").textContent).toMatch(/^\s*1 of /));
  expect(marked()).toBe(one);
  // A match is looked at among the lines around it.
  const match = screen.getAllByTestId("log-line")[9];
  if (!match) throw new Error("There is no match.");
  await user.dblClick(match);
  await waitFor(() => expect(screen.getByTestId<HTMLInputElement>("log-search").value).toBe(""));
  await waitFor(() => expect(document.querySelector(".marked")).not.toBeNull());
  // Of a million lines, only those in sight exist.
  expect(screen.getAllByTestId("log-line").length).toBeLessThan(60);
});

test("a home that can't be read says so, with what to do", async () => {
  const failed = { code: "store_corrupt", message: "The store is broken.", hint: "Restore it." } as const;
  vi.spyOn(commands, "overview").mockRejectedValue(failed);
  render(App);
  const banner = await screen.findByTestId("home-problem");
  expect(banner.textContent).toContain("The store is broken.");
  expect(screen.getByTestId("home-problem-hint").textContent).toBe("Restore it.");
});

test("an empty home begins with the first run", async () => {
  vi.spyOn(commands, "overview").mockResolvedValue({ environments: [], projects: [], servers: [] });
  render(App);
  const first = await screen.findByTestId("first-run");
  expect(first.dataset["step"]).toBe("1");
  expect(await faults()).toEqual([]);
});

test("Settings tells the version", async () => {
  await start(address("settings"));
  expect((await screen.findByTestId("about")).textContent).toContain("0.1.0");
});
