import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { beforeEach, describe, expect, test, vi } from "vitest";

import App from "./App.svelte";
import { appInfo } from "./lib/backend";
import { go, places } from "./lib/place.svelte";

vi.mock("./lib/backend", () => ({
  appInfo: vi.fn(),
  setFrameTheme: vi.fn().mockResolvedValue(undefined),
}));

const info = { version: "1.2.3", os: "linux", arch: "x86_64", webview: "2.50.6" };

beforeEach(() => {
  vi.mocked(appInfo).mockResolvedValue(info);
  go("environments");
});

describe.each(places)("$title", ({ id, title }) => {
  test("has no fault that axe knows", async () => {
    document.documentElement.lang = "en";
    const { container } = render(App);
    go(id);
    await screen.findByRole("heading", { level: 1, name: title });
    // The document, not only the container: it has the title and the language.
    // jsdom draws nothing, so contrast can't be seen here; tokens.test.ts measures it.
    const { violations } = await axe.run(document, { rules: { "color-contrast": { enabled: false } } });
    expect(violations.map(({ id, nodes }) => ({ id, at: nodes.map((node) => node.html) }))).toEqual([]);
    expect(container.querySelectorAll("main h1")).toHaveLength(1);
  });
});

test("the navigation goes to each place and says where one is", async () => {
  render(App);
  for (const { title } of places) {
    await userEvent.click(screen.getByRole("link", { name: title }));
    await screen.findByRole("heading", { level: 1, name: title });
    await waitFor(() => expect(screen.getByRole("link", { current: "page" }).textContent).toContain(title));
  }
});

test("Control and a number go to a place", async () => {
  render(App);
  await userEvent.keyboard("{Control>}2{/Control}");
  await screen.findByRole("heading", { level: 1, name: "Servers" });
  await userEvent.keyboard("{Control>}{Shift>}1{/Shift}{/Control}");
  expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Servers");
});

test("Settings tells the version", async () => {
  render(App);
  go("settings");
  expect(await screen.findByText("1.2.3")).toBeTruthy();
  expect(screen.getByText("2.50.6")).toBeTruthy();
});

test("Settings says so when the app doesn't answer", async () => {
  vi.mocked(appInfo).mockRejectedValue(new Error("gone"));
  render(App);
  go("settings");
  expect((await screen.findByRole("alert")).textContent).toContain("start Slipway again");
});
