// Settings that were saved since the live release was deployed: they take effect with the next one.

import type { Environment } from "./model";

/** A setting that differs, as it is live and as it will be. */
export type Waiting = { name: string; from: string; to: string };

/** What can be compared, and what is shown of it. */
type Told = { value: string; text: string };

/** What the next deployment changes of the live one's settings, in the order of the settings' screen. */
export function settingsThatWait(live: Environment, now: Environment): Waiting[] {
  const [before, after] = [told(live), told(now)];
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].flatMap((name) => {
    const [from, to] = [before.get(name), after.get(name)];
    if (from?.value === to?.value) return [];
    const isReplaced = from !== undefined && to !== undefined && from.text === to.text;
    return [
      { name, from: from?.text ?? "not set", to: isReplaced ? "a new value" : (to?.text ?? "not set") },
    ];
  });
}

function told(environment: Environment): Map<string, Told> {
  const told = new Map<string, Told>();
  const tell = (name: string, value: string | null, text = value) => {
    if (value) told.set(name, { value, text: text ?? value });
  };
  tell("Domain", environment.domain);
  tell("HTTPS", JSON.stringify(environment.tls), environment.tls.kind);
  tell("CPUs", String(environment.cpus));
  tell("Memory", `${environment.memory_mb} MB`);
  tell("Disk", `${environment.disk_mb} MB`);
  tell("Modules", environment.modules.join(", "));
  for (const [name, value] of Object.entries(environment.options)) tell(`Option ${name}`, value);
  for (const [name, secret] of Object.entries(environment.secret_options ?? {}))
    tell(`Option ${name}`, secret, "a secret");
  tell("Image", environment.image);
  for (const [name, value] of Object.entries(environment.variables)) tell(`Variable ${name}`, value);
  for (const [name, secret] of Object.entries(environment.secret_variables))
    tell(`Variable ${name}`, secret, "a secret");
  return told;
}
