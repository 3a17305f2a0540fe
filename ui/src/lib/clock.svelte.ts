// What time it is, for everything on the screen that tells how long something takes or is past.

let time = $state(Date.now());
let timer: ReturnType<typeof setInterval> | undefined;
let fast = 0;

/** Now, in milliseconds; whoever reads it in a template follows it. */
export function now(): number {
  return time;
}

/** Lets the clock tick every second for as long as somebody watches something run; every 20 seconds otherwise. */
export function tickFast(): () => void {
  fast += 1;
  set();
  return () => {
    fast -= 1;
    set();
  };
}

function set(): void {
  clearInterval(timer);
  time = Date.now();
  timer = setInterval(() => (time = Date.now()), fast > 0 ? 1000 : 20_000);
}

set();
