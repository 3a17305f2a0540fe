// Where in the app one is. It stands in the address (`#/servers`), so a reload comes back to the same place.

export const places = [
  { id: "environments", title: "Environments" },
  { id: "servers", title: "Servers" },
  { id: "activity", title: "Activity" },
  { id: "settings", title: "Settings" },
] as const;

export type Place = (typeof places)[number];
export type PlaceId = Place["id"];

let current = $state<Place>(parse(location.hash));
addEventListener("hashchange", () => (current = parse(location.hash)));

/** Where one is now. */
export function place(): Place {
  return current;
}

/** The address of a place, for a link. */
export function address(id: PlaceId): string {
  return `#/${id}`;
}

/** Goes there, as a click on its link would. */
export function go(id: PlaceId): void {
  location.hash = address(id);
}

/** The place that an address means; the first one if it means none. */
export function parse(hash: string): Place {
  const id = hash.replace(/^#\//, "");
  return places.find((known) => known.id === id) ?? places[0];
}
