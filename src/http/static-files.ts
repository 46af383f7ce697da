/** Is a file of the dashboard. */
export interface StaticFile {
  readonly bytes: Uint8Array;
  /** The same, compressed; null where that is of no use. */
  readonly gzip: Uint8Array | null;
  readonly contentType: string;
  /** Of its bytes, quoted. */
  readonly etag: string;
  /** Whether its name holds a hash of its bytes, so that it never changes. */
  readonly isImmutable: boolean;
}

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
const YEAR_SECONDS = 31_536_000;

/** Answers with a file, or says that the one the browser has is still the same. */
export function staticResponse(file: StaticFile, asked: Headers): Response {
  const { bytes, gzip, contentType, etag, isImmutable } = file;
  const isPacked = gzip !== null && /\bgzip\b/.test(asked.get("accept-encoding") ?? "");
  const headers = {
    ...(isPacked ? { "Content-Encoding": "gzip" } : {}),
    Vary: "Accept-Encoding",
    "Content-Type": contentType,
    "Content-Security-Policy": POLICY,
    "Cache-Control": isImmutable ? `public, max-age=${YEAR_SECONDS}, immutable` : "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    ETag: etag,
  };
  const known = (asked.get("if-none-match") ?? "").split(",").map((one) => one.trim().replace(/^W\//, ""));
  if (known.includes(etag)) return new Response(null, { status: 304, headers });
  return new Response(new Uint8Array(isPacked ? gzip : bytes), { status: 200, headers });
}
