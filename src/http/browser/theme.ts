// Dark or light: what the system prefers, or what was chosen here. The colours themselves stand in style.css.

import { Signal } from "./signal.ts";

const KEY = "rivulet-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const colours = new Map<string, string>();
export type Rgb = readonly [number, number, number];

/** Is told whenever the colours are others. */
export const themeChanged = new Signal<void>();

/** Applies what was chosen before. */
export function startTheme(): void {
  const chosen = localStorage.getItem(KEY);
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset["theme"] = chosen;
  dark.addEventListener("change", () => changed());
}

/** Tells whether it is dark now. */
export function isDark(): boolean {
  const chosen = document.documentElement.dataset["theme"];
  return chosen === undefined ? dark.matches : chosen === "dark";
}

/** Changes over; back at what the system prefers, the choice is forgotten. */
export function toggleTheme(): void {
  const wanted = isDark() ? "light" : "dark";
  if ((wanted === "dark") === dark.matches) {
    delete document.documentElement.dataset["theme"];
    localStorage.removeItem(KEY);
  } else {
    document.documentElement.dataset["theme"] = wanted;
    localStorage.setItem(KEY, wanted);
  }
  changed();
}

/** The page itself changes at once; what is drawn by hand follows after the next picture, so that the key is answered. */
function changed(): void {
  colours.clear();
  requestAnimationFrame(() => setTimeout(() => themeChanged.tell()));
}

/** Computes a colour of the style sheet, such as `--ink`. The page is laid out for it, so it is done once for a theme. */
export function colour(name: string): string {
  const known = colours.get(name);
  if (known !== undefined) return known;
  const { body } = document;
  body.style.setProperty("outline-color", `var(${name})`);
  const computed = getComputedStyle(body).outlineColor;
  body.style.removeProperty("outline-color");
  colours.set(name, computed);
  return computed;
}

/** Computes a colour as numbers from 0 to 255. */
export function rgbOf(name: string): Rgb {
  const [r = 0, g = 0, b = 0] = (colour(name).match(/[\d.]+/g) ?? []).map(Number);
  return [r, g, b];
}
