import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";

import { commands, type ApiStatus } from "../../lib/backend";
import Api from "./Api.svelte";

vi.mock("../../lib/backend", async (original) => ({
  ...(await original<object>()),
  ...(await import("../../fixtures/backend")),
}));

const off: ApiStatus = { on: false, port: 7867, has_token: false, address: null, problem: null };
const on: ApiStatus = { ...off, on: true, address: "http://127.0.0.1:7867" };

/** How it stands, as the app would tell. */
let now: ApiStatus;

beforeEach(() => {
  vi.restoreAllMocks();
  now = off;
  vi.spyOn(commands, "apiStatus").mockImplementation(() => Promise.resolve(now));
});

test("the switch turns it on at the port, and says where it answers", async () => {
  const turn = vi.spyOn(commands, "turnApi").mockResolvedValue(on);
  render(Api);
  await userEvent.click(await screen.findByTestId("api-on"));
  await screen.findByText(/Answers at http:\/\/127\.0\.0\.1:7867/);
  expect(turn.mock.calls[0]?.slice(1)).toEqual([true, 7867]);
  expect(screen.getByTestId<HTMLInputElement>("api-on").checked).toBe(true);
});

test("a port that can't be had leaves the switch as it was and says why", async () => {
  vi.spyOn(commands, "turnApi").mockRejectedValue({
    code: "bad_input",
    message: "Another program listens on port 7867 already.",
    hint: "Choose another port, from 1024 to 65535.",
  });
  render(Api);
  await userEvent.click(await screen.findByTestId("api-on"));
  const problem = await screen.findByTestId("api-problem");
  expect(problem.textContent).toContain("Another program listens on port 7867 already.");
  await waitFor(() => expect(screen.getByTestId<HTMLInputElement>("api-on").checked).toBe(false));
});

test("another port is used when one says so, and none that is no port", async () => {
  now = on;
  const turn = vi.spyOn(commands, "turnApi").mockResolvedValue({ ...on, port: 9000 });
  render(Api);
  const port = await screen.findByTestId("api-port");
  expect(screen.queryByTestId("api-port-use")).toBeNull();
  await userEvent.clear(port);
  await userEvent.type(port, "99000");
  expect(screen.getByTestId("api-port-use").getAttribute("aria-disabled")).toBe("true");
  await userEvent.click(screen.getByTestId("api-port-use"));
  expect(turn).not.toHaveBeenCalled();
  await userEvent.clear(port);
  await userEvent.type(port, "9000");
  await userEvent.click(screen.getByTestId("api-port-use"));
  await waitFor(() => expect(turn.mock.calls[0]?.slice(1)).toEqual([true, 9000]));
  await waitFor(() => expect(screen.queryByTestId("api-port-use")).toBeNull());
});

test("a token is shown once, and replacing it asks first", async () => {
  now = on;
  const make = vi.spyOn(commands, "newApiToken").mockImplementation(() => {
    now = { ...on, has_token: true };
    return Promise.resolve(`slipway_${make.mock.calls.length}`);
  });
  const shown = render(Api);
  await userEvent.click(await screen.findByTestId("api-token-new"));
  expect((await screen.findByTestId("api-token")).textContent).toContain("slipway_1");
  await screen.findByText(/\/v1\/environments\/.*\/deployments$/);

  shown.unmount();
  render(Api);
  await userEvent.click(await screen.findByTestId("api-token-replace"));
  expect(screen.queryByTestId("api-token")).toBeNull();
  await userEvent.click(await screen.findByTestId("replace-token-dialog-back"));
  expect(make).toHaveBeenCalledOnce();
  await userEvent.click(screen.getByTestId("api-token-replace"));
  await userEvent.click(await screen.findByTestId("replace-token-dialog-go"));
  expect((await screen.findByTestId("api-token")).textContent).toContain("slipway_2");
});

test("what keeps it from listening is told", async () => {
  now = {
    ...on,
    address: null,
    problem: { code: "bad_input", message: "Port 7867 is taken.", hint: "Choose another." },
  };
  render(Api);
  expect((await screen.findByTestId("api-problem")).textContent).toContain("Port 7867 is taken.");
});
