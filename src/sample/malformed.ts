/** Ends the decoding of a payload that is no JSON or too deep; caught where the message is decoded, nowhere else. */
export class Malformed {
  readonly code: "not-json" | "too-deep";
  readonly detail: string;
  constructor(code: "not-json" | "too-deep", detail: string) {
    this.code = code;
    this.detail = detail;
  }
}
