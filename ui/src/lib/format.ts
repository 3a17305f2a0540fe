// Numbers and times as people read them.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const numbers = new Intl.NumberFormat("en");
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const moment = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});
const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minute = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** How long ago a moment was: `2h ago`; its date when that was more than a week ago. `now` is in milliseconds. */
export function ago(at: string, now: number): string {
  const then = Date.parse(at);
  const past = now - then;
  if (past < 10 * SECOND) return "just now";
  if (past < MINUTE) return `${Math.floor(past / SECOND)}s ago`;
  if (past < HOUR) return `${Math.floor(past / MINUTE)}m ago`;
  if (past < DAY) return `${Math.floor(past / HOUR)}h ago`;
  if (past < 7 * DAY) return `${Math.floor(past / DAY)}d ago`;
  const sameYear = new Date(then).getFullYear() === new Date(now).getFullYear();
  return (sameYear ? day : dayOfYear).format(then);
}

/** How long until a moment: `in 3d`. */
export function until(at: string, now: number): string {
  const left = Date.parse(at) - now;
  if (left <= 0) return "now";
  if (left < HOUR) return `in ${Math.max(1, Math.round(left / MINUTE))}m`;
  if (left < DAY) return `in ${Math.round(left / HOUR)}h`;
  return `in ${Math.round(left / DAY)}d`;
}

/** A moment to the second, with the day and the time zone. */
export function exact(at: string | number): string {
  return moment.format(new Date(at));
}

/** The time of day of a moment, to the second. */
export function clockTime(at: string | number): string {
  return time.format(new Date(at));
}

/** The time of day of a moment, to the minute. */
export function clockMinute(at: string | number): string {
  return minute.format(new Date(at));
}

/** The same, with the day where that isn't today: `24 Nov, 10:42`. `now` is in milliseconds. */
export function dayMinute(at: string | number, now = Date.now()): string {
  const then = new Date(at);
  const isToday = then.toDateString() === new Date(now).toDateString();
  return isToday ? clockMinute(at) : `${day.format(then)}, ${clockMinute(at)}`;
}

/** A duration of so many milliseconds: `840ms`, `4.2s`, `42s`, `1m 05s`, `2h 04m`. */
export function duration(ms: number): string {
  if (ms < 0) return duration(0);
  if (ms < SECOND) return `${Math.round(ms)}ms`;
  if (ms < 9_950) return `${(ms / SECOND).toFixed(1)}s`;
  if (ms < 59_500) return `${Math.round(ms / SECOND)}s`;
  const two = (n: number) => String(n).padStart(2, "0");
  const seconds = Math.round(ms / SECOND);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h ${two(Math.floor((seconds % 3600) / 60))}m`;
}

/** A running stopwatch: whole seconds only, so that it doesn't flicker: `42s`, `1m 05s`. */
export function stopwatch(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND));
  if (seconds < 60) return `${seconds}s`;
  const two = (n: number) => String(n).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h ${two(Math.floor((seconds % 3600) / 60))}m`;
}

/** How long something has been up: `12 days`, `5h 12m`. */
export function uptime(since: string, now: number): string {
  const ms = Math.max(0, now - Date.parse(since));
  if (ms >= DAY) return count(Math.floor(ms / DAY), "day");
  return stopwatch(ms);
}

/** So many bytes, in powers of 1024: `3.4 GiB`. */
export function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  let value = Math.max(0, n);
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/, "")} ${units[unit] ?? ""}`;
}

/** So many MiB. */
export function mebibytes(n: number): string {
  return bytes(n * 1024 * 1024);
}

/** A number with its thousands told apart: `1,204`. */
export function number(n: number): string {
  return numbers.format(n);
}

/** So many of something: `1 module`, `1,204 lines`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${number(n)} ${n === 1 ? one : many}`;
}

/** The first 7 characters of a commit. */
export function sha(commit: string): string {
  return commit.slice(0, 7);
}

/** The part of a whole, from 0 to 1; 0 of nothing. */
export function share(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0;
}

/** A list in words: `a`, `a and b`, `a, b and 3 more`. */
export function list(items: readonly string[], shown = 3): string {
  if (items.length <= 1) return items[0] ?? "";
  if (items.length <= shown) return `${items.slice(0, -1).join(", ")} and ${items[items.length - 1] ?? ""}`;
  return `${items.slice(0, shown - 1).join(", ")} and ${items.length - shown + 1} more`;
}
