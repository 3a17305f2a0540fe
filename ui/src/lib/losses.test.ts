import { expect, test } from "vitest";

import { dayMinute } from "./format";
import { moment, summary } from "./losses";

const loss = (label: string, created: number, changed: number, first: string) => ({
  model: label.toLowerCase(),
  label,
  created,
  changed,
  first,
  last: first,
});

test("Odoo's times are UTC", () => {
  expect(moment("2026-11-22 10:42:11.123")).toBe(Date.UTC(2026, 10, 22, 10, 42, 11, 123));
});

test("names what is lost most, since the first of all", () => {
  const first = dayMinute(Date.UTC(2026, 10, 22, 10, 42));
  const data_from = "2026-11-22T10:00:00Z";
  expect(summary({ data_from, losses: [loss("Sales Order", 12, 2, "2026-11-22 10:42:00")] })).toBe(
    `14 Sales Orders since ${first} would be lost`,
  );
  expect(
    summary({
      data_from,
      losses: [
        loss("Sales Order", 1, 0, "2026-11-22 10:50:00"),
        loss("Contact", 0, 1, "2026-11-22 10:42:00"),
      ],
    }),
  ).toBe(`1 Sales Order and 1 more kind of records since ${first} would be lost`);
  expect(summary({ data_from, losses: [] })).toContain("No record");
});
