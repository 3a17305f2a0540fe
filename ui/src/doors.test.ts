// Every door onto an environment leads to one dialog, which says what would happen before anything does.

import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";

import App from "./App.svelte";
import { plan } from "./fixtures/answers";
import { commands } from "./lib/backend";
import { closeDialog } from "./lib/dialogs.svelte";
import * as filters from "./lib/filters";
import { overview } from "./lib/overview.svelte";
import { environmentAddress, go } from "./lib/place.svelte";
import { hear } from "./lib/signals.svelte";

vi.mock("./lib/backend", async (original) => ({
  ...(await original<object>()),
  ...(await import("./fixtures/backend")),
}));

beforeEach(() => {
  vi.restoreAllMocks();
  closeDialog();
  overview.value = null;
  overview.failed = null;
});

async function start(environment: string) {
  go(environmentAddress(environment));
  render(App);
  await screen.findByTestId("deploy");
  return userEvent.setup();
}

test("Retry shows the plan of the same commits, and asks for nothing before that is confirmed", async () => {
  const retry = vi.spyOn(commands, "retry");
  const asked = vi.spyOn(commands, "plan");
  const user = await start("e3");
  const { items } = await commands.deployments(filters.deployments({ environment_id: "e3", limit: 1 }));
  await user.click((await screen.findAllByTestId("error-retry"))[0] as HTMLElement);
  await screen.findByTestId("plan");
  expect(asked).toHaveBeenLastCalledWith("e3", items[0]?.commit);
  expect(screen.getByTestId("deploy-dialog").textContent).toContain(`Retry #${items[0]?.number}`);
  expect(screen.queryByTestId("deploy-more")).toBeNull();
  expect(retry).not.toHaveBeenCalled();
  await user.dblClick(screen.getByTestId("deploy-go"));
  await waitFor(() => expect(screen.queryByTestId("deploy-dialog")).toBeNull());
  expect(new Set(retry.mock.calls.map(([wish]) => wish)).size).toBe(1);
  expect(retry.mock.calls[0]?.[1]).toBe(items[0]?.id);
});

test("the tray leads to the dialog, and deploys nothing", async () => {
  const deploy = vi.spyOn(commands, "deploy");
  await start("e1");
  hear({ signal: "open", place: { kind: "deploy", environment: "e2" } });
  await screen.findByTestId("plan");
  expect(deploy).not.toHaveBeenCalled();
});

test.each(["aside", "unknown"] as const)("what leads %s and updates modules is typed", async (direction) => {
  vi.spyOn(commands, "plan").mockResolvedValue({ ...plan, direction });
  const user = await start("e2");
  await user.click(screen.getByTestId("deploy"));
  expect((await screen.findByTestId("leads-aside")).textContent).toContain("are removed from the");
  expect(screen.getByTestId("deploy-go").getAttribute("aria-disabled")).toBe("true");
  await user.type(screen.getByTestId("deploy-type"), "staging");
  expect(screen.getByTestId("deploy-go").getAttribute("aria-disabled")).toBeNull();
});

test("what takes nothing away is not typed", async () => {
  vi.spyOn(commands, "plan").mockResolvedValue({ ...plan, direction: "aside", update: [], lane: "code" });
  const user = await start("e2");
  await user.click(screen.getByTestId("deploy"));
  await screen.findByTestId("plan");
  expect(screen.queryByTestId("deploy-type")).toBeNull();
  expect(screen.getByTestId("deploy-go").getAttribute("aria-disabled")).toBeNull();
});

test("what became of the commit before is told, with a way to its log", async () => {
  const commit = Object.values(plan.repositories)[0]?.new ?? "";
  const { items } = await commands.deployments(filters.deployments({ environment_id: "e3", limit: 1 }));
  const [failed] = items;
  if (!failed) throw new Error("The fixtures have no deployment.");
  vi.spyOn(commands, "deployments").mockResolvedValue({
    items: [
      { ...failed, commit, id: "e2-d9", number: 9 },
      { ...failed, commit: "another", id: "e2-d8", number: 8 },
    ],
    total: 2,
    next: null,
  });
  const user = await start("e2");
  await user.click(screen.getByTestId("deploy"));
  const told = await screen.findByTestId("earlier-tries");
  expect(told.textContent).toContain("tried 1 time");
  expect(told.textContent).toContain(failed.error?.message);
  expect(told.querySelector("a")?.getAttribute("href")).toContain("e2-d9");
});

test("saved settings that are not live yet stand in the plan", async () => {
  const ask = commands.deployment;
  vi.spyOn(commands, "deployment").mockImplementation(async (id) => {
    const told = await ask(id);
    const { settings } = told.deployment;
    const environment = { ...settings.environment, memory_mb: 1024 };
    return { ...told, deployment: { ...told.deployment, settings: { ...settings, environment } } };
  });
  const user = await start("e2");
  await user.click(screen.getByTestId("deploy"));
  expect((await screen.findByTestId("plan-settings")).textContent).toContain("1024 MB");
});
