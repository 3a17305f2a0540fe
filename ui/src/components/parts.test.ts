import HelpIcon from "@lucide/svelte/icons/circle-help";
import { render, screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { createRawSnippet } from "svelte";
import { expect, test, vi } from "vitest";

import { failure, history, records, rows } from "../fixtures/data";
import { recorded } from "../lib/progress";
import Button from "./Button.svelte";
import Chips from "./Chips.svelte";
import Confirm from "./Confirm.svelte";
import DeploymentsTable from "./DeploymentsTable.svelte";
import Palette, { type Entry } from "./Palette.svelte";
import ProgressWidget from "./ProgressWidget.svelte";
import Status from "./Status.svelte";

const text = (content: string) => createRawSnippet(() => ({ render: () => `<span>${content}</span>` }));

test("a button that can't be used says why, and can be reached by keyboard all the same", async () => {
  const user = userEvent.setup();
  const onclick = vi.fn();
  render(Button, { children: text("Deploy"), reason: "No server assigned", onclick });
  await user.tab();
  const button = screen.getByRole("button", { name: "Deploy", description: "No server assigned" });
  expect(document.activeElement).toBe(button);
  await user.keyboard("{Enter}");
  await user.click(button);
  expect(onclick).not.toHaveBeenCalled();
  expect(screen.getByText("No server assigned")).toBeTruthy();
});

test("a status is a colour, a shape and a word", () => {
  const seen = new Set<string>();
  for (const status of [
    "queued",
    "building",
    "success",
    "failed",
    "cancelled",
    "rolled_back",
    "pending",
  ] as const) {
    const { container, unmount } = render(Status, { status });
    const shape = container.querySelector("svg")?.dataset["shape"];
    expect(container.textContent.trim()).not.toBe("");
    seen.add(`${shape ?? ""}`);
    unmount();
  }
  expect(seen.size).toBe(7);
});

test("what destroys is confirmed by typing its name, and a failure stays on the screen", async () => {
  const user = userEvent.setup();
  const onconfirm = vi
    .fn()
    .mockRejectedValueOnce({ code: "timed_out", message: "It took too long.", hint: "Again." });
  const onclose = vi.fn();
  render(Confirm, {
    title: "Destroy acme / staging?",
    action: "Destroy",
    type: "staging",
    danger: true,
    children: text("All of it."),
    onconfirm,
    onclose,
  });
  const field = screen.getByTestId("confirm-type");
  expect(document.activeElement).toBe(field);
  await user.type(field, "stagin{Enter}");
  expect(onconfirm).not.toHaveBeenCalled();
  await user.type(field, "g{Enter}");
  expect((await screen.findByRole("alert")).textContent).toContain("It took too long.");
  expect(onclose).not.toHaveBeenCalled();
  await user.click(screen.getByTestId("confirm-go"));
  expect(onclose).toHaveBeenCalledOnce();
});

test("the table is walked by keyboard, and offers what each deployment allows", async () => {
  const user = userEvent.setup();
  const onopen = vi.fn();
  const onretry = vi.fn();
  const onrollback = vi.fn();
  const deployments = history("e3").slice(0, 8);
  const live = deployments[1]?.id ?? null;
  render(DeploymentsTable, { deployments, live, label: "All", onopen, onretry, onrollback });
  await user.tab();
  await user.keyboard("{ArrowDown}{ArrowDown}{Enter}");
  expect(onopen).toHaveBeenCalledExactlyOnceWith(deployments[2]);
  await user.keyboard("{End}{Enter}");
  expect(onopen).toHaveBeenLastCalledWith(deployments[7]);

  const row = (number: number) => within(screen.getByTestId(`deployment-${number}`));
  expect(row(18).getByTestId("message").textContent.trim()).toBe(`Undone by itself: ${failure.message}`);
  await user.click(row(18).getByTestId("retry-18"));
  expect(onretry).toHaveBeenCalledExactlyOnceWith(deployments[0]);
  expect(row(17).getByTestId("live")).toBeTruthy();
  expect(row(17).queryByTestId("rollback-17")).toBeNull();
  await user.click(row(15).getByTestId("rollback-15"));
  expect(onrollback).toHaveBeenCalledExactlyOnceWith(deployments[3]);
  expect(onopen).toHaveBeenCalledTimes(2);
});

test("the palette walks past its end, says why something can't be done, and doesn't do it", async () => {
  const user = userEvent.setup();
  const run = vi.fn();
  const onclose = vi.fn();
  const entry = (id: string, reason: string | null = null): Entry => ({
    id,
    title: id,
    group: "All",
    icon: HelpIcon,
    reason,
    run: () => {
      run(id);
    },
  });
  render(Palette, { entries: [entry("one"), entry("two", "Not now"), entry("three")], onclose });
  const input = screen.getByTestId("palette-input");
  await user.type(input, "{ArrowUp}");
  expect(
    screen.getByTestId("palette-three").ariaSelected ??
      screen.getByTestId("palette-three").getAttribute("aria-selected"),
  ).toBe("true");
  await user.type(input, "two{Enter}");
  expect(screen.getByTestId("palette-two").textContent).toContain("Not now");
  expect(run).not.toHaveBeenCalled();
  await user.clear(input);
  await user.type(input, "thr{Enter}");
  expect(run).toHaveBeenCalledExactlyOnceWith("three");
  expect(onclose).toHaveBeenCalledOnce();
});

test("chips are added by Enter, comma and space, each once, and taken away", async () => {
  const user = userEvent.setup();
  render(Chips, { label: "Modules", values: ["sale"], testid: "chips" });
  const input = screen.getByTestId("chips");
  await user.type(input, "stock,sale crm{Enter}");
  expect(
    screen.getAllByRole("button").map((button) => button.ariaLabel ?? button.getAttribute("aria-label")),
  ).toEqual(["Remove sale", "Remove stock", "Remove crm"]);
  await user.type(input, "{Backspace}");
  await user.click(screen.getByRole("button", { name: "Remove sale" }));
  expect(screen.getAllByRole("button")).toHaveLength(1);
});

function widget(id: string, at: number, how: "running" | "failed") {
  const deployment = rows.flatMap(({ environment }) => history(environment.id)).find((d) => d.id === id);
  if (!deployment) throw new Error(`The fixtures have no ${id}.`);
  const counts = [{ step: "connecting", level: "info", lines: 3 } as const];
  return { deployment, progress: recorded(deployment, records(id, at, how), counts, 9) };
}

test("a running deployment shows its step of 15 and is open", async () => {
  const onlook = vi.fn();
  render(ProgressWidget, { ...widget("e1-d41", 8, "running"), expected: 600_000, onlook });
  expect(screen.getByTestId("progress-step").textContent.trim()).toBe("Step 8 of 15");
  expect(screen.getByTestId("progress-current").textContent).toContain("Collecting python-stdnum");
  expect(screen.getByTestId("progress-time").textContent).toContain("left");
  expect(screen.getByTestId("step-initializing").dataset["status"]).toBe("done");
  expect(screen.getByTestId("step-health_check").dataset["status"]).toBe("pending");
  expect(onlook).not.toHaveBeenCalled();
  await userEvent.click(screen.getByTestId("step-connecting-fold"));
  expect(onlook).toHaveBeenCalledWith("connecting");
});

test("one that went live says since when it is live and how long requests waited, while it is live", async () => {
  const { deployment, progress } = widget("e2-d12", 16, "running");
  const ended = { ...deployment, lane: "update" as const, pause_ms: 2300, finished_at: deployment.queued_at };
  const shown = { deployment: ended, progress: { ...progress, status: "success" as const } };
  const { rerender } = render(ProgressWidget, { ...shown, isLive: true });
  expect(screen.getByTestId("deployment-result").textContent).toMatch(
    /is live since \d\d:\d\d\. Requests waited 2\.3s\./,
  );
  await rerender({ ...shown, deployment: { ...ended, lane: "code" as const, pause_ms: null }, isLive: true });
  expect(screen.getByTestId("deployment-result").textContent).toContain("No request waited.");
  expect(screen.getByTestId("result-undo").textContent).toContain("Roll back");
  await rerender({ ...shown, isLive: false });
  expect(screen.queryByTestId("deployment-result")).toBeNull();
});

test("one that failed is closed, with the error, its cause and what to do next", async () => {
  render(ProgressWidget, widget("e3-d18", 11, "failed"));
  expect(screen.queryByTestId("step-initializing")).toBeNull();
  const error = screen.getByTestId("deployment-error");
  expect(error.textContent).toContain(failure.message);
  expect(error.textContent).toContain("the version before it serves again");
  expect(screen.getByTestId("deployment-error-cause").textContent).toContain("post-partner-refs.py, line 14");
  expect(screen.getByTestId("deployment-error-hint").textContent).toContain("Correct the migration");
  await userEvent.click(screen.getByTestId("progress-fold"));
  expect(screen.getByTestId("step-initializing_database").dataset["status"]).toBe("failed");
});
