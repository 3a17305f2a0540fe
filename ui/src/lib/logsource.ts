// Where the log view's lines come from: a deployment's log in the store, or the running Odoo's as it comes.

import { commands } from "./backend";
import * as filters from "./filters";
import type { Group, LogSource, Query } from "./logs";
import type { Level, LogLine, Step } from "./model";
import { steps } from "./model";

/** The log of a deployment. While it is `growing`, places can be counted off from its beginning alone. */
export function deploymentLog(deployment: string, growing: () => boolean = () => false): LogSource {
  let known: Group[] = [];
  return {
    async groups(query) {
      const counts = await commands.logCounts(deployment, filters.lines(asked(query)));
      known = steps.flatMap(({ step }) => {
        const lines = counts.reduce((sum, count) => sum + (count.step === step ? count.lines : 0), 0);
        return lines > 0 ? [{ step, lines }] : [];
      });
      return known;
    },
    lines(step, query, from, count) {
      const all = known.find((group) => group.step === step)?.lines ?? 0;
      // Counted off from the nearer end: the store steps over all that is left out.
      const left = Math.max(0, all - from - count);
      const end = !growing() && left < from;
      const limit = end ? Math.max(1, Math.min(count, all - from)) : count;
      return commands.logLines(
        deployment,
        filters.lines({ ...asked(query), step, limit, from_end: end, skip: end ? left : from }),
      );
    },
  };
}

function asked({ level, text }: Query) {
  return { level: level === "debug" ? null : level, text: text || null };
}

/** How many lines of a running Odoo are kept: the oldest go. */
const KEPT = 20_000;
/** Odoo writes `2026-11-22 12:00:00,123 7 INFO acme odoo.modules.loading: …`. */
const odooLine = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) \d+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) /;
const levels: Record<string, Level> = {
  DEBUG: "debug",
  INFO: "info",
  WARNING: "warning",
  ERROR: "error",
  CRITICAL: "error",
};
const ranks: readonly Level[] = ["debug", "info", "warning", "error"];
/** Lines of a running Odoo belong to no step; they stand in one group without a heading. */
const ONLY: Step = "completed";

/** The log of a running Odoo, in memory. Lines are added as they come. */
export class LiveLog implements LogSource {
  private all: LogLine[] = [];
  private seq = 0;
  private level: Level = "info";
  private at = new Date().toISOString();

  add(texts: readonly string[]): void {
    for (const text of texts) {
      const found = odooLine.exec(text);
      if (found) {
        // A traceback's lines have no head of their own: they belong to the line before.
        this.level = levels[found[3] ?? ""] ?? "info";
        this.at = `${(found[1] ?? "").replace(" ", "T")}.${found[2] ?? "000"}Z`;
      }
      this.seq += 1;
      this.all.push({ seq: this.seq, deployment_id: "", step: ONLY, level: this.level, at: this.at, text });
    }
    if (this.all.length > KEPT * 1.1) this.all = this.all.slice(-KEPT);
  }

  clear(): void {
    this.all = [];
  }

  groups(query: Query): Promise<Group[]> {
    return Promise.resolve([{ step: ONLY, lines: this.fitting(query).length }]);
  }

  lines(_step: Step, query: Query, from: number, count: number): Promise<LogLine[]> {
    return Promise.resolve(this.fitting(query).slice(from, from + count));
  }

  /** What fits, as one text. */
  text(query: Query): string {
    return this.fitting(query)
      .map(({ text }) => text)
      .join("\n");
  }

  private fitting({ level, text }: Query): LogLine[] {
    const least = ranks.indexOf(level);
    const wanted = text.toLowerCase();
    if (least === 0 && !wanted) return this.all;
    return this.all.filter(
      (line) => ranks.indexOf(line.level) >= least && (!wanted || line.text.toLowerCase().includes(wanted)),
    );
  }
}
