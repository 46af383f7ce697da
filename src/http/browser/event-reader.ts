/** Is one server-sent event. */
export interface ServerEvent {
  /** Empty where it has none. */
  readonly id: string;
  readonly name: string;
  readonly data: string;
}

/** Puts the pieces of an event stream together (HTML standard, 9.2.6). Line ends are LF or CRLF. */
export class EventReader {
  #rest = "";
  #id = "";
  #name = "";
  #data: string[] = [];

  /** Takes the next piece of text; returns the events that it completes. */
  read(piece: string): readonly ServerEvent[] {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.#line(line.endsWith("\r") ? line.slice(0, -1) : line));
  }

  #line(line: string): readonly ServerEvent[] {
    if (line === "") return this.#end();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id") this.#id = value;
    return [];
  }

  #end(): readonly ServerEvent[] {
    const event = { id: this.#id, name: this.#name || "message", data: this.#data.join("\n") };
    const isEmpty = this.#data.length === 0;
    this.#id = "";
    this.#name = "";
    this.#data = [];
    return isEmpty ? [] : [event];
  }
}
