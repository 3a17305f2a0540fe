// Names that the app suggests and checks while one types. The engine has the last word.

/** The longest `<project>-<environment>` that a server's names can bear. */
const LONGEST = 40;

/** What is wrong with a name that becomes part of names on a server. */
export function slugProblem(name: string): string | null {
  if (!name) return "It needs a name";
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name)) return "Use lower-case letters, digits and hyphens";
  return name.length > LONGEST ? `Use at most ${LONGEST} characters` : null;
}

/** What is wrong with an environment's name beside its project's. */
export function environmentProblem(project: string, name: string): string | null {
  const problem = slugProblem(name);
  if (problem) return problem;
  return project.length + 1 + name.length > LONGEST ? `Together with ${project} it is too long` : null;
}

/** A project's name from its repository's address: `git@host:acme/Odoo_Addons.git` gives `odoo-addons`. */
export function nameFromUrl(url: string): string {
  const last = url.trim().replace(/\/+$/, "").split(/[/:]/).at(-1) ?? "";
  return last
    .replace(/\.git$/, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, LONGEST - 12);
}

/** `root@host:2222` in its parts. */
export function destination(text: string): { user: string | null; host: string; port: number | null } {
  const [, user, host = "", port] =
    /^(?:([^@\s]+)@)?(\[[^\]]+\]|[^:\s]*)(?::(\d{1,5}))?$/.exec(text.trim()) ?? [];
  if (!host) return { user: null, host: text.trim(), port: null };
  return { user: user ?? null, host: host.replace(/^\[|\]$/g, ""), port: port ? Number(port) : null };
}
