/** Is a place in the dashboard. `model` is null where the only or first one is meant. */
export type Route =
  | { readonly page: "model"; readonly model: string | null }
  | { readonly page: "snapshots"; readonly model: string | null; readonly snapshot: number | null }
  | { readonly page: "compare"; readonly model: string; readonly a: number; readonly b: number | null }
  | { readonly page: "quarantine" }
  | { readonly page: "system" };

/** Reads a route from the fragment of an address; what is unknown is the start page. */
export function parseRoute(hash: string): Route {
  const [first = "", second = "", third = "", fourth = "", fifth = ""] = hash
    .replace(/^#?\/?/, "")
    .split("/")
    .map(decoded);
  if (first === "quarantine" || first === "system") return { page: first };
  if (first !== "models" || second === "") return { page: "model", model: null };
  if (third === "snapshots") return { page: "snapshots", model: second, snapshot: idOf(fourth) };
  const a = idOf(fourth);
  if (third === "compare" && a !== null) return { page: "compare", model: second, a, b: idOf(fifth) };
  return { page: "model", model: second };
}

/** Writes the address of a route. */
export function hrefOf(route: Route): string {
  switch (route.page) {
    case "quarantine":
    case "system":
      return `#/${route.page}`;
    case "model":
      return route.model === null ? "#/" : `#/models/${encodeURIComponent(route.model)}`;
    case "snapshots": {
      const base = `#/models/${encodeURIComponent(route.model ?? "")}/snapshots`;
      return route.snapshot === null ? base : `${base}/${route.snapshot}`;
    }
    case "compare":
      return `#/models/${encodeURIComponent(route.model)}/compare/${route.a}/${route.b ?? "now"}`;
  }
}

function idOf(text: string): number | null {
  return /^[1-9]\d{0,15}$/.test(text) ? Number(text) : null;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
