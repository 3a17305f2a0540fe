import { expect, test } from "vitest";

import { destination, environmentProblem, nameFromUrl, slugProblem } from "./names";

test.each(["acme", "a", "7up", "acme-2"])("%j is a name", (name) => expect(slugProblem(name)).toBeNull());
test.each(["", "Acme", "-a", "a-", "a_b", "a b", "x".repeat(41)])("%j is none", (name) => {
  expect(slugProblem(name)).not.toBeNull();
});

test("project and environment have to fit together", () => {
  expect(environmentProblem("p".repeat(29), "production")).toBeNull();
  expect(environmentProblem("p".repeat(30), "production")).toContain("too long");
});

test.each([
  ["git@github.com:acme/Odoo_Addons.git", "odoo-addons"],
  ["https://git.example.com/acme/erp/", "erp"],
  ["/srv/git/acme", "acme"],
  ["", ""],
])("%j suggests %j", (url, name) => expect(nameFromUrl(url)).toBe(name));

test.each([
  ["root@erp.example.com:2222", { user: "root", host: "erp.example.com", port: 2222 }],
  ["erp", { user: null, host: "erp", port: null }],
  ["odoo@[2001:db8::1]:22", { user: "odoo", host: "2001:db8::1", port: 22 }],
  ["2001:db8::1", { user: null, host: "2001:db8::1", port: null }],
])("%j is %j", (text, parts) => expect(destination(text)).toEqual(parts));
