// A real Mosquitto as a child, for tests and for programs that are none.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { binary } from "../programs.ts";

export interface MosquittoOptions {
  readonly tls?: boolean;
  /** Asks clients for a certificate too. */
  readonly mutual?: boolean;
  /** Users and their passwords; with the project's rules of who may do what. */
  readonly users?: Readonly<Record<string, string>>;
  /** Further lines of its configuration. */
  readonly lines?: readonly string[];
}

/** Is a real Mosquitto on a port of its own, run with the project's configuration. */
export class Mosquitto {
  readonly port: number;
  readonly folder: string;
  readonly tls: boolean;
  #process: ChildProcess | null = null;
  #log = "";
  readonly #clients: MqttClient[] = [];

  constructor(port: number, folder: string, tls: boolean) {
    this.port = port;
    this.folder = folder;
    this.tls = tls;
  }

  get url(): string {
    return `${this.tls ? "mqtts" : "mqtt"}://localhost:${this.port}`;
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  async start(): Promise<void> {
    const child = spawn(binary("mosquitto"), ["-c", this.file("mosquitto.conf"), "-v"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#process = child;
    this.#log = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#log += text;
    });
    await Promise.race([
      this.said("running"),
      once(child, "exit").then(([code]) => {
        throw new Error(`mosquitto exited with ${code}: ${this.#log}`);
      }),
    ]);
  }

  /** Waits until it has logged a text that often since it was started. */
  async said(text: string, times = 1): Promise<void> {
    const stderr = this.#process?.stderr;
    while (stderr != null && this.#log.split(text).length <= times) await once(stderr, "data");
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const end = once(child, "exit");
    child.kill(signal);
    await end;
  }

  /** Ends its clients and the process, at once, and removes its folder. */
  async end(): Promise<void> {
    for (const client of this.#clients.splice(0).reverse()) await client.endAsync(true);
    await this.stop("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Connects a client, which ends with it. */
  async connect(options: IClientOptions = {}): Promise<MqttClient> {
    const ca = this.tls ? { ca: readFileSync(this.file("ca.pem")) } : {};
    const client = await connectAsync(this.url, { reconnectPeriod: 0, ...ca, ...options });
    client.on("error", () => {});
    this.#clients.push(client);
    return client;
  }
}

/** Starts Mosquitto; who calls it ends it. */
export async function launchMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const folder = mkdtempSync(join(tmpdir(), "rivulet-mosquitto-"));
  const port = await freePort();
  const broker = new Mosquitto(port, folder, options.tls === true);
  const project = readFileSync(fileURLToPath(new URL("../../deploy/mosquitto/rivulet.conf", import.meta.url)), "utf8");
  const lines = project
    .replace(/^listener .*$/m, `listener ${port} 127.0.0.1`)
    .replace(/^persistence true$/m, `persistence true\npersistence_location ${join(folder, "store")}/`)
    .replace(/^allow_anonymous .*$/m, `allow_anonymous ${options.users === undefined}`);
  mkdirSync(join(folder, "store"));
  if (options.tls === true) makeCertificates(folder);
  const tls = ["cafile ca", "certfile server", "keyfile server-key"].map(
    (line) => `${line.replace(" ", ` ${folder}/`)}.pem`,
  );
  const mutual = options.mutual === true ? ["require_certificate true"] : [];
  const more = [
    ...(options.tls === true ? tls : []),
    ...mutual,
    ...accessOf(folder, options),
    ...(options.lines ?? []),
  ];
  // Started by root, it would take another user, which may not read this folder.
  writeFileSync(
    join(folder, "mosquitto.conf"),
    `${lines}\n${more.join("\n")}\n${process.getuid?.() === 0 ? "user root\n" : ""}`,
  );
  await broker.start();
  return broker;
}

function accessOf(folder: string, { users }: MosquittoOptions): readonly string[] {
  if (users === undefined) return [];
  const passwords = join(folder, "passwords");
  writeFileSync(passwords, "");
  for (const [user, password] of Object.entries(users)) {
    execFileSync(binary("mosquitto_passwd"), ["-b", passwords, user, password], { stdio: "ignore" });
  }
  const acl = fileURLToPath(new URL("../../deploy/mosquitto/rivulet.acl", import.meta.url));
  writeFileSync(join(folder, "acl"), readFileSync(acl, "utf8"));
  return [`password_file ${passwords}`, `acl_file ${join(folder, "acl")}`];
}

/** Makes an authority, and certificates of it for a server on this machine and for a client. */
export function makeCertificates(folder: string): void {
  const openssl = (...args: readonly string[]) =>
    execFileSync(binary("openssl"), args, { cwd: folder, stdio: "ignore" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  openssl("req", "-x509", ...key, "-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", "/CN=Rivulet test authority");
  writeFileSync(join(folder, "names.cnf"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  for (const name of ["server", "client"]) {
    openssl("req", ...key.slice(0, -2), "-keyout", `${name}-key.pem`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    const by = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2", "-extfile", "names.cnf"];
    openssl("x509", "-req", "-in", `${name}.csr`, "-out", `${name}.pem`, ...by);
  }
}

/** Finds a port that was free just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
