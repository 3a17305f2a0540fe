// A log of any length, of which only what is looked at is in memory.
//
// A log is shown as rows of one height: a heading for each step, and below it the step's lines unless it is folded.
// How many lines there are is known from counts; the lines themselves come in chunks when they are needed.

import type { Level, LogLine, Step } from "./model";

/** Which lines are wanted: those of a level or above, with a text. */
export type Query = { level: Level; text: string };

/** How many lines of a step fit a query. */
export type Group = { step: Step; lines: number };

/** The line that comes after so many others, of all that fit. */
export function nth(groups: readonly Group[], n: number): { step: Step; place: number } | null {
  let place = n;
  for (const { step, lines } of groups) {
    if (place < lines) return { step, place };
    place -= lines;
  }
  return null;
}

/** The match after this one, or before it, of so many; behind the last comes the first. */
export function nextMatch(match: number | null, by: 1 | -1, of: number): number | null {
  if (of === 0) return null;
  if (match === null) return by > 0 ? 0 : of - 1;
  return (match + by + of) % of;
}

/** Where lines come from. Places count from 0 among the lines of one step that fit the query. */
export type LogSource = {
  groups(query: Query): Promise<Group[]>;
  lines(step: Step, query: Query, from: number, count: number): Promise<LogLine[]>;
};

/** A row of the log. */
export type Row = { kind: "step"; step: Step } | { kind: "line"; step: Step; place: number };

/** Which row is what. */
export class Layout {
  readonly rows: number;
  private readonly starts: number[] = [];

  constructor(
    readonly groups: readonly Group[],
    readonly folded: ReadonlySet<Step>,
    /** Whether each step has a heading. */
    readonly headings = true,
  ) {
    let at = 0;
    for (const { step, lines } of groups) {
      this.starts.push(at);
      at += (headings ? 1 : 0) + (folded.has(step) ? 0 : lines);
    }
    this.rows = at;
  }

  /** The row at this place, from 0; nothing beyond the end. */
  at(row: number): Row | null {
    if (row < 0 || row >= this.rows) return null;
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    const group = this.groups[low];
    if (!group) return null;
    const place = row - (this.starts[low] ?? 0) - (this.headings ? 1 : 0);
    return place < 0 ? { kind: "step", step: group.step } : { kind: "line", step: group.step, place };
  }

  /** The row of a step's heading, or of its first line where there are no headings; -1 if it isn't there. */
  startOf(step: Step): number {
    const at = this.groups.findIndex((group) => group.step === step);
    return at < 0 ? -1 : (this.starts[at] ?? -1);
  }
}

/** How many lines come at once. */
export const CHUNK = 250;
/** How many chunks are kept: 20,000 lines. */
const CHUNKS = 80;

/** The lines that were looked at last. Which of them are there changes with time: `onchange` tells when. */
export class LineCache {
  private readonly chunks = new Map<string, LogLine[]>();
  private readonly asked = new Set<string>();
  private generation = 0;

  constructor(
    private readonly source: LogSource,
    private query: Query,
    private readonly onchange: () => void,
    private readonly onerror: (error: unknown) => void = () => undefined,
  ) {}

  /** Forgets all lines: another query is asked from now on. */
  reset(query: Query): void {
    this.query = query;
    this.generation += 1;
    this.chunks.clear();
    this.asked.clear();
  }

  /** Forgets the last lines of a step that has grown, as far as they were read when there were fewer. */
  grown(step: Step, lines: number): void {
    const last = Math.floor(lines / CHUNK);
    const key = `${step}:${last}`;
    if (this.chunks.has(key)) {
      // Asked for again while the old ones go on being shown.
      void this.fetch(step, last, key);
    }
  }

  /** A line if it is here; otherwise it is asked for. */
  line(step: Step, place: number): LogLine | null {
    const chunk = Math.floor(place / CHUNK);
    const key = `${step}:${chunk}`;
    const lines = this.chunks.get(key);
    if (!lines) {
      if (!this.asked.has(key)) void this.fetch(step, chunk, key);
      return null;
    }
    // Looked at last: forgotten last.
    this.chunks.delete(key);
    this.chunks.set(key, lines);
    return lines[place % CHUNK] ?? null;
  }

  private async fetch(step: Step, chunk: number, key: string): Promise<void> {
    this.asked.add(key);
    const generation = this.generation;
    try {
      const lines = await this.source.lines(step, this.query, chunk * CHUNK, CHUNK);
      if (generation !== this.generation) return;
      this.chunks.set(key, lines);
      for (const oldest of this.chunks.keys()) {
        if (this.chunks.size <= CHUNKS) break;
        this.chunks.delete(oldest);
      }
      this.onchange();
    } catch (error) {
      if (generation === this.generation) this.onerror(error);
    } finally {
      if (generation === this.generation) this.asked.delete(key);
    }
  }
}

/** Browsers draw nothing beyond some tens of millions of pixels. */
const TALLEST = 8_000_000;

/**
 * A window of `view` pixels onto rows of which there may be more than a browser can scroll: the scroll bar moves over
 * at most `TALLEST` pixels, and stands for all of them. Small moves are exact; a drag of the bar goes to its share.
 */
export class Scroll {
  /** How far down the log is, in pixels of all its rows. */
  top = 0;
  private bar = 0;

  constructor(
    readonly height: number,
    readonly view: number,
  ) {}

  /** How tall the scrolled element is. */
  get tall(): number {
    return Math.min(this.height, TALLEST);
  }

  /** The scroll bar was moved to here, by a wheel, a key, or a drag. */
  moved(to: number): void {
    const last = Math.max(0, this.tall - this.view);
    const end = Math.max(0, this.height - this.view);
    const by = to - this.bar;
    this.bar = to;
    if (this.height <= TALLEST) this.top = to;
    else if (to <= 0) this.top = 0;
    else if (to >= last - 1) this.top = end;
    else if (Math.abs(by) > this.view * 4) this.top = (to / last) * end;
    else this.top += by;
    this.top = Math.min(end, Math.max(0, this.top));
  }

  /** Goes to a place; answers where the bar belongs then. */
  to(top: number): number {
    const end = Math.max(0, this.height - this.view);
    this.top = Math.min(end, Math.max(0, top));
    this.bar = this.settled();
    return this.bar;
  }

  /** Where the bar belongs. After small moves of a very long log it stands a little beside that. */
  settled(): number {
    if (this.height <= TALLEST) return this.top;
    const last = Math.max(0, this.tall - this.view);
    const end = Math.max(1, this.height - this.view);
    return (this.top / end) * last;
  }
}
