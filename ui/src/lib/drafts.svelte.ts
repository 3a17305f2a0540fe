// Changed settings that aren't saved yet. They stay while one looks at something else.

import { SvelteMap } from "svelte/reactivity";

import { commands, newSecretName, newWish } from "./backend";
import { Form } from "./form.svelte";
import type { Deployment, Environment, GivenSecret } from "./model";

/** The settings of an environment as they stand in the fields, with the values of new secrets. */
export class EnvironmentDraft {
  readonly form: Form<Environment>;
  private given = $state.raw<GivenSecret[]>([]);

  constructor(saved: Environment) {
    this.form = new Form(saved);
  }

  // Not $derived: a draft outlives the component that made it, and a derived value wouldn't.
  get dirty(): boolean {
    return this.form.dirty || this.given.length > 0;
  }

  /** Gives a secret variable or option a value. It goes to the keychain when the settings are saved. */
  setSecret(among: "secret_variables" | "secret_options", key: string, value: string): void {
    if (!value) return;
    const name = newSecretName();
    const secrets = this.form.draft[among] ?? {};
    const before = secrets[key];
    this.form.draft[among] = { ...secrets, [key]: name };
    this.given = [...this.given.filter((secret) => secret.name !== before), { name, value }];
  }

  discard(): void {
    this.given = [];
    this.form.reset();
  }

  /** Saves what stands in the fields. Returns the deployment that brings it, if that is made by itself. */
  async save(): Promise<Deployment | null> {
    const value = this.form.value();
    const used = [...Object.values(value.secret_variables), ...Object.values(value.secret_options ?? {})];
    const deployment = await commands.saveEnvironment(
      newWish(),
      value,
      this.given.filter(({ name }) => used.includes(name)),
    );
    this.given = [];
    this.form.rebase(value);
    return deployment;
  }
}

const drafts = new SvelteMap<string, EnvironmentDraft>();

/** The draft of an environment's settings; a fresh one follows what is saved. */
export function draftOf(saved: Environment): EnvironmentDraft {
  const known = drafts.get(saved.id);
  if (known) return known;
  const fresh = new EnvironmentDraft(saved);
  drafts.set(saved.id, fresh);
  return fresh;
}

/** Whether an environment has settings that aren't saved. */
export function isUnsaved(environment: string): boolean {
  return drafts.get(environment)?.dirty ?? false;
}
