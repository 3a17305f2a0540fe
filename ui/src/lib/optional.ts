// Fields that may be empty: `null` in the settings, nothing in the field.

/** What stands in the field. */
export function text(value: string | null): string {
  return value ?? "";
}

/** What the field means. */
export function orNull(value: unknown): string | null {
  return typeof value === "string" && value.trim() ? value.trim() : null;
}
