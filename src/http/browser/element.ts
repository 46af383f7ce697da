// Makes elements. No attribute `style` is ever set: the policy of the page forbids it, and classes say more.

type Value = string | number | boolean | null | undefined | ((event: never) => void);
type Props = Readonly<Record<string, Value>>;
export type Child = Node | string | number | null | undefined | false | readonly Child[];

const SVG = "http://www.w3.org/2000/svg";

/** Makes an HTML element. `on…` are listeners; true is an attribute without a value; false, null and undefined are none. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), props, children);
}

/** Makes an SVG element, like `h`. */
export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS(SVG, tag), props, children);
}

/** Puts other children into an element. */
export function replace(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren(...nodes(children));
}

/** Sets a text only where it is another one, so that nothing is laid out, or read out, in vain. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function fill<E extends Element>(element: E, props: Props, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  element.append(...nodes(children));
  return element;
}

function nodes(children: readonly Child[]): (Node | string)[] {
  return children.flatMap((child) => {
    if (child === null || child === undefined || child === false) return [];
    if (isList(child)) return nodes(child);
    return [typeof child === "number" ? String(child) : child];
  });
}

function isList(child: Child): child is readonly Child[] {
  return Array.isArray(child);
}
