// What servers said when they were last asked. Asking takes a connection, so it isn't done for every look.

import { SvelteMap } from "svelte/reactivity";

import { commands } from "./backend";
import { failure, type Failure } from "./failure";
import type { HostKey, Server, ServerReport } from "./model";

export type Report = {
  at: number;
  busy: boolean;
  report: ServerReport | null;
  failed: Failure | null;
  key: HostKey | null;
};

const reports = new SvelteMap<string, Report>();

/** What a server said last. */
export function reportOf(server: string): Report | null {
  return reports.get(server) ?? null;
}

/** Asks a server how it is. */
export async function ask(server: Server): Promise<void> {
  const before = reports.get(server.id);
  if (before?.busy) return;
  reports.set(server.id, {
    at: before?.at ?? Date.now(),
    busy: true,
    report: before?.report ?? null,
    failed: null,
    key: before?.key ?? null,
  });
  const asked = { at: Date.now(), busy: false };
  try {
    const report = await commands.testServer(server, []);
    const key = await commands.scanHostKey(server).catch(() => null);
    reports.set(server.id, { ...asked, at: Date.now(), report, failed: null, key });
  } catch (error) {
    reports.set(server.id, { ...asked, at: Date.now(), report: null, failed: failure(error), key: null });
  }
}

/** Asks it unless it has said something lately. */
export function askOnce(server: Server): void {
  const known = reports.get(server.id);
  if (!known || (!known.busy && Date.now() - known.at > 60_000)) void ask(server);
}
