// Settings being changed: what is saved, what stands in the fields, and where the two differ.

/** A draft of a record. Fields are compared by what they hold. */
export class Form<T extends object> {
  private kept: T = $state.raw({} as T);
  /** What stands in the fields. */
  draft: T = $state({} as T);

  constructor(saved: T) {
    this.kept = saved;
    this.draft = copy(saved);
  }

  /** The names of the fields that differ from what is saved. */
  // Not $derived: a form outlives the component that made it, and a derived value wouldn't.
  get changed(): (keyof T & string)[] {
    return (Object.keys(this.draft) as (keyof T & string)[]).filter(
      (key) => !same(this.draft[key], this.kept[key]),
    );
  }

  get dirty(): boolean {
    return this.changed.length > 0;
  }

  /** What is saved. */
  get saved(): T {
    return this.kept;
  }

  /** What was saved has changed, here or elsewhere: fields that nobody touched follow it. */
  rebase(saved: T): void {
    if (same(saved, this.kept)) return;
    const touched = this.changed;
    const draft = copy(saved);
    for (const key of Object.keys(draft) as (keyof T & string)[]) {
      if (touched.includes(key)) draft[key] = this.draft[key];
    }
    this.kept = saved;
    this.draft = draft;
  }

  /** Takes back every change. */
  reset(): void {
    this.draft = copy(this.kept);
  }

  /** The draft as plain data, to be sent. */
  value(): T {
    return $state.snapshot(this.draft) as T;
  }
}

/** Whether two values of plain data hold the same. The order of an object's fields doesn't matter; a list's does. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every(
      (key) => key in b && same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
    )
  );
}

function copy<T>(value: T): T {
  return structuredClone($state.snapshot(value)) as T;
}
