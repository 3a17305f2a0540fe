// What going back to older data would lose, in a sentence.

import { count, dayMinute } from "./format";
import type { Loss, RollbackPreview } from "./model";

/** A moment as Odoo stores it: UTC, without saying so. In milliseconds. */
export function moment(stored: string): number {
  return Date.parse(`${stored.replace(" ", "T")}Z`);
}

/** “14 sales orders and 3 more kinds of records since 10:42 would be lost” */
export function summary({ losses, data_from }: Pick<RollbackPreview, "losses" | "data_from">): string {
  const [most] = losses;
  if (!most) return "No record was made or changed since then.";
  const first = Math.min(...losses.map(({ first }) => moment(first)));
  const since = dayMinute(Number.isNaN(first) && data_from ? data_from : first);
  const rest = losses.length - 1;
  const others = rest > 0 ? ` and ${count(rest, "more kind", "more kinds")} of records` : "";
  return `${records(most)}${others} since ${since} would be lost`;
}

function records({ label, created, changed }: Loss): string {
  return count(created + changed, label);
}
