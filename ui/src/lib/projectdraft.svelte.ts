// A project as it stands in the fields, and as the engine wants it.

import { commands, newSecretName } from "./backend";
import type { GitCredential, GivenSecret, Project, Repository } from "./model";
import { nameFromUrl, slugProblem } from "./names";

type RepositoryFields = {
  name: string;
  url: string;
  branch: string;
  paths: string[];
  submodules: boolean;
  credential: GitCredential["kind"];
  keyFile: string;
  user: string;
  /** A new passphrase or token. */
  secret: string;
  /** The name of the one that is kept. */
  kept: string | null;
};

/** A project being filled in. */
export class ProjectDraft {
  name = $state("");
  series = $state("19.0");
  repositories = $state<RepositoryFields[]>([]);
  /** Whether the person gave it a name, so that none is suggested any more. */
  touched = false;

  constructor(private readonly base: Project | null = null) {
    this.name = base?.name ?? "";
    this.series = base?.series ?? "19.0";
    this.repositories = base?.repositories.map(fields) ?? [fields(null)];
    this.touched = base !== null;
  }

  /** What is wrong with its name. */
  get nameProblem(): string | null {
    return slugProblem(this.name);
  }

  /** Why it can't be saved yet. */
  get reason(): string | null {
    if (this.repositories.some(({ url }) => !url.trim())) return "Where is the repository?";
    return this.nameProblem;
  }

  /** Names it after its repository, unless it has a name. */
  suggest(): void {
    if (!this.touched) this.name = nameFromUrl(this.repositories[0]?.url ?? "");
  }

  add(): void {
    this.repositories.push(fields(null));
  }

  remove(at: number): void {
    this.repositories.splice(at, 1);
  }

  /** As the engine wants it, with the values of its new secrets. */
  async value(): Promise<{ project: Project; secrets: GivenSecret[] }> {
    const base = this.base ?? (await commands.draftProject());
    const secrets: GivenSecret[] = [];
    const keep = (value: string) => {
      const name = newSecretName();
      secrets.push({ name, value });
      return name;
    };
    const repositories = this.repositories.map((of, i): Repository => {
      const given = of.secret ? keep(of.secret) : of.kept;
      const credential: GitCredential =
        of.credential === "ssh_key"
          ? { kind: "ssh_key", file: of.keyFile.trim(), passphrase: given }
          : of.credential === "token"
            ? { kind: "token", user: of.user.trim() || null, token: given ?? keep("") }
            : { kind: "auto" };
      return {
        name: of.name.trim() || (i === 0 ? "main" : nameFromUrl(of.url)),
        url: of.url.trim(),
        branch: of.branch.trim() || null,
        paths: [...of.paths],
        credential,
        submodules: of.submodules,
      };
    });
    return { project: { ...base, name: this.name.trim(), series: this.series, repositories }, secrets };
  }
}

function fields(of: Repository | null): RepositoryFields {
  const credential = of?.credential ?? { kind: "auto" };
  return {
    name: of?.name ?? "",
    url: of?.url ?? "",
    branch: of?.branch ?? "",
    paths: [...(of?.paths ?? [])],
    submodules: of?.submodules ?? true,
    credential: credential.kind,
    keyFile: credential.kind === "ssh_key" ? credential.file : "",
    user: credential.kind === "token" ? (credential.user ?? "") : "",
    secret: "",
    kept:
      credential.kind === "ssh_key"
        ? credential.passphrase
        : credential.kind === "token"
          ? credential.token
          : null,
  };
}
