// WebAssembly as far as it is used here: a library for the web declares it, which this program, and many that embed it, do
// not load.

export interface Memory {
  readonly buffer: SharedArrayBuffer;
  grow(pages: number): number;
}
/** A compiled module: nothing but its identity is used. */
export interface Module {
  readonly [Symbol.toStringTag]?: string;
}

interface WebAssemblyHost {
  readonly Memory: new (limits: { initial: number; maximum: number; shared: boolean }) => Memory;
  readonly Module: new (bytes: Uint8Array) => Module;
  readonly Instance: new (
    module: Module,
    imports: { readonly rivulet: { readonly memory: Memory; readonly base: number } },
  ) => { readonly exports: Readonly<Record<string, unknown>> };
  validate(bytes: Uint8Array): boolean;
}

/** Returns the host's WebAssembly, or null where it has none. */
export function findWebAssembly(): WebAssemblyHost | null {
  return (globalThis as unknown as { readonly WebAssembly?: WebAssemblyHost }).WebAssembly ?? null;
}

/** Returns the host's WebAssembly, which is known to be there. */
export function webAssembly(): WebAssemblyHost {
  const host = findWebAssembly();
  if (host === null) throw new Error("there is no WebAssembly here");
  return host;
}
