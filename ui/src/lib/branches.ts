// The branches that a project's main repository has, to be offered while one types.

import { commands } from "./backend";
import type { GivenSecret, Project } from "./model";

/** By name; none when they can't be asked for: then one types them. */
export async function branches(project: Project | undefined, secrets: GivenSecret[] = []): Promise<string[]> {
  const [main] = project?.repositories ?? [];
  if (!project || !main?.url) return [];
  try {
    return (await commands.references(project, main.name, secrets)).branches;
  } catch {
    return [];
  }
}

/** Of a repository's branches the one that is probably meant: those that hosts begin with, then that of the series. */
export function likelyBranch(found: readonly string[], series: string): string | undefined {
  return ["main", "master", series].find((name) => found.includes(name)) ?? found[0];
}
