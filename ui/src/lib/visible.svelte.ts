// Whether anybody can see the window. What is only for looking at, such as figures every second, stops meanwhile.

let seen = $state(document.visibilityState !== "hidden");
document.addEventListener("visibilitychange", () => (seen = document.visibilityState !== "hidden"));

/** Whether the window is to be seen: neither hidden in the tray nor minimised. */
export function visible(): boolean {
  return seen;
}
