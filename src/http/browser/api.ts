// Asks the daemon. The token comes in the URL's fragment, which no server ever sees, and stays in this tab.

const TOKEN_KEY = "rivulet-token";

/** Is a refusal of the API, or that nobody answered: code `unreachable`. */
export class ApiError extends Error {
  readonly code: string;
  readonly hint: string;

  constructor(code: string, message: string, hint = "") {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

type Params = Readonly<Record<string, string | number | undefined>>;

/** Takes the token out of the address, so that it is neither seen nor shared with it. */
export function takeToken(): void {
  const token = /^#token=([^&]+)/.exec(location.hash)?.[1];
  if (token === undefined) return;
  keepToken(decodeURIComponent(token));
  history.replaceState(null, "", `${location.pathname}${location.search}`);
}

/** Keeps a token for this tab. */
export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN_KEY, token);
}

/** Tells whether there is a token, right or wrong. */
export function hasToken(): boolean {
  return sessionStorage.getItem(TOKEN_KEY) !== null;
}

/** Writes the headers that a call needs. */
export function authorization(): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN_KEY);
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

/** Asks for something that changes nothing. Throws `ApiError`. */
export function ask<T>(verb: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  const given = Object.entries(params).filter((entry): entry is [string, string | number] => entry[1] !== undefined);
  const query = new URLSearchParams(given.map(([key, value]) => [key, String(value)]));
  return call(`/api/${verb}${query.size > 0 ? `?${query}` : ""}`, signal === undefined ? {} : { signal });
}

/** Changes something. Throws `ApiError`, with code `token-needed` where the token is not known. */
export function change<T>(verb: string, params: Params = {}): Promise<T> {
  return call(`/api/${verb}`, {
    method: "POST",
    body: JSON.stringify(params),
    headers: { "Content-Type": "application/json" },
  });
}

/** Reads a text, such as the metrics. Throws `ApiError`. */
export async function read(path: string): Promise<string> {
  return (await send(path, {})).text();
}

async function call<T>(path: string, init: RequestInit): Promise<T> {
  return (await send(path, init)).json() as Promise<T>;
}

async function send(path: string, init: RequestInit): Promise<Response> {
  const headers = { ...init.headers, ...authorization() };
  const response = await fetch(path, { ...init, headers }).catch((cause: Error) => {
    if (cause.name === "AbortError") throw cause;
    throw new ApiError("unreachable", "The daemon does not answer.");
  });
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({ error: undefined }));
  throw new ApiError(
    error?.code ?? "unreachable",
    error?.message ?? `The daemon answers ${response.status}.`,
    error?.hint,
  );
}
