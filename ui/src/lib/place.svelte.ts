// Where in the app one is. It stands in the address (`#/servers`), so a reload comes back to the same place.

export const places = [
  { id: "environments", title: "Environments" },
  { id: "servers", title: "Servers" },
  { id: "activity", title: "Activity" },
  { id: "settings", title: "Settings" },
] as const;

export type PlaceId = (typeof places)[number]["id"];

export const tabs = [
  { id: "overview", title: "Overview" },
  { id: "deployments", title: "Deployments" },
  { id: "logs", title: "Logs" },
  { id: "snapshots", title: "Snapshots" },
  { id: "settings", title: "Settings" },
] as const;

export type TabId = (typeof tabs)[number]["id"];

/** A place in the app, and what of it is shown. */
export type Route =
  | { place: "environments"; environment?: undefined }
  | { place: "environments"; environment: string; tab: TabId; deployment: string | null }
  | { place: "servers"; server: string | null }
  | { place: "activity" }
  | { place: "settings" }
  | { place: "start" };

let current = $state.raw<Route>(parse(location.hash));
addEventListener("hashchange", () => (current = parse(location.hash)));

/** Where one is now. */
export function route(): Route {
  return current;
}

/** The address of a place, for a link. */
export function address(id: PlaceId | "start"): string {
  return `#/${id}`;
}

/** The address of an environment, of one of its tabs, and of what is chosen there. */
export function environmentAddress(
  id: string,
  tab: TabId = "overview",
  deployment: string | null = null,
): string {
  const end = deployment ? `/${tab}/${deployment}` : tab === "overview" ? "" : `/${tab}`;
  return `#/environments/${id}${end}`;
}

/** The address of a server. */
export function serverAddress(id: string): string {
  return `#/servers/${id}`;
}

/** Goes there, as a click on its link would. */
export function go(to: string): void {
  location.hash = to;
}

/** The place that an address means; the first one if it means none. */
export function parse(hash: string): Route {
  const [place, id, tab, deployment, more] = hash.replace(/^#\//, "").split("/");
  if (more !== undefined) return { place: "environments" };
  if (place === "environments" && id) {
    const known = tabs.find((known) => known.id === (tab ?? "overview"));
    if (known) return { place, environment: id, tab: known.id, deployment: deployment ?? null };
  }
  if (place === "servers" && tab === undefined) return { place, server: id ?? null };
  if ((place === "activity" || place === "settings" || place === "start") && id === undefined)
    return { place };
  return { place: "environments" };
}
