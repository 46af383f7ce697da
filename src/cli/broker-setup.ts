import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { RivuletError } from "../error.ts";
import { configOf, type GlobalOptions, print } from "./context.ts";
import { mosquittoConf, mosquittoRules, passwordLine, ROLES } from "./mosquitto-files.ts";
import { optionsOf, portNumber } from "./options.ts";

const HOST = /^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$/;
/** As long as browsers and operating systems take a certificate for valid is not asked here: nobody renews one in a cupboard. */
const CERTIFICATE_DAYS = "3650";
const PASSWORD_BYTES = 18;

interface Options {
  readonly dir: string;
  readonly port: number;
  readonly tlsHost?: string;
  readonly tlsPort: number;
  readonly store?: string;
  readonly renew?: boolean;
}

interface SetUp {
  readonly folder: string;
  readonly files: readonly string[];
  readonly users: readonly string[];
  /** Users whose passwords were made now; the others had theirs. */
  readonly made: readonly string[];
  readonly next: readonly string[];
}

/** Writes what a Mosquitto needs to serve the daemon and its people, each with a password. */
export function brokerSetupCommand(): Command {
  return new Command("broker-setup")
    .description("write a Mosquitto configuration with rules and passwords, and what the daemon needs to join it")
    .option("--dir <folder>", "where to; passwords that are there already stay as they are", "./broker")
    .option("--port <port>", "port on this machine", portNumber("--port"), 1883)
    .option("--tls-host <name>", "listen for other machines too, by TLS, under this name or address (needs openssl)")
    .option("--tls-port <port>", "port for other machines", portNumber("--tls-port"), 8883)
    .option("--store <folder>", "folder of the broker's own store, where its own configuration names none")
    .option("--renew", "make all passwords anew")
    .option("--json", "print JSON")
    .action((_, command: Command) => {
      const options = optionsOf<Options>(command);
      const setUp = setUpBroker(options);
      print(options, setUp, () => setUpText(setUp));
    });
}

function setUpBroker(options: GlobalOptions & Options): SetUp {
  const { prefix, discoveryPrefix } = configOf(options).mqtt;
  const folder = resolve(options.dir);
  const at = (name: string) => join(folder, name);
  if (/\s/.test(folder)) {
    throw new RivuletError("usage", `${folder} has blanks, which Mosquitto's configuration cannot name`);
  }
  mkdirSync(at("passwords"), { recursive: true });
  chmodSync(at("passwords"), 0o700);
  const made = ROLES.filter((role) => options.renew === true || !existsSync(at(`passwords/${role}`)));
  for (const role of made) {
    writeFileSync(at(`passwords/${role}`), `${randomBytes(PASSWORD_BYTES).toString("base64url")}\n`, { mode: 0o600 });
  }
  const tls = options.tlsHost === undefined ? null : certify(folder, options.tlsHost, options.tlsPort);
  const access = { passwords: at("rivulet.passwd"), rules: at("rivulet.acl") };
  const lines = ROLES.map((role) =>
    passwordLine(role, readFileSync(at(`passwords/${role}`), "utf8").trim(), randomBytes(12)),
  );
  writeFileSync(access.passwords, `${lines.join("\n")}\n`, { mode: 0o600 });
  writeFileSync(access.rules, mosquittoRules(prefix, discoveryPrefix), { mode: 0o600 });
  const store = options.store?.replace(/\/*$/, "/") ?? null;
  writeFileSync(at("rivulet.conf"), mosquittoConf({ port: options.port, store, access, tls }));
  writeFileSync(at("rivulet.yaml"), daemonConfig(options.port, at("passwords/rivulet")));
  for (const file of [access.passwords, access.rules, ...(tls === null ? [] : [tls.key])]) giveToBroker(file);
  return {
    folder,
    files: [
      "rivulet.conf",
      "rivulet.acl",
      "rivulet.passwd",
      "passwords/",
      "rivulet.yaml",
      ...(tls === null ? [] : ["ca.pem"]),
    ],
    users: ROLES,
    made,
    next: [
      `sudo cp ${at("rivulet.conf")} /etc/mosquitto/conf.d/ && sudo systemctl restart mosquitto`,
      `rivulet start --config ${at("rivulet.yaml")}`,
      `mosquitto_pub -p ${options.port} -u sensor -P "$(cat ${at("passwords/sensor")})" -t ${prefix}/default/sample -m '{"x1":0.1,"x2":0.2,"y":1}'`,
    ],
  };
}

function daemonConfig(port: number, passwordFile: string): string {
  return `# What the daemon needs to join this broker: take it over into its configuration.
mqtt:
  broker: mqtt://127.0.0.1:${port}
  username: rivulet
  passwordFile: ${passwordFile}
  # Verbs that change something are obeyed only where this is on; the rules let the operator alone ask for them.
  # commands: on
`;
}

/** Makes an authority of its own, once, and a certificate for a name or address. */
function certify(folder: string, host: string, port: number) {
  if (!HOST.test(host)) throw new RivuletError("usage", `--tls-host is ${host}; a host name or an address is needed`);
  const openssl = (...args: readonly string[]) => {
    try {
      execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    } catch (error) {
      throw new RivuletError(
        "file-unreadable",
        `openssl made no certificate: ${String((error as Error).message).trim()}`,
        {
          hint: "Install it (apt-get install openssl), or leave --tls-host out and put TLS in front by yourself.",
        },
      );
    }
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  if (!existsSync(join(folder, "ca.pem"))) {
    const subject = ["-subj", "/CN=Rivulet broker authority"];
    openssl("req", "-x509", ...key, "-days", CERTIFICATE_DAYS, "-keyout", "ca-key.pem", "-out", "ca.pem", ...subject);
    chmodSync(join(folder, "ca-key.pem"), 0o600);
  }
  const kind = /^[\d.]+$|:/.test(host) ? "IP" : "DNS";
  writeFileSync(join(folder, "names.cnf"), `subjectAltName=${kind}:${host},DNS:localhost,IP:127.0.0.1\n`);
  openssl("req", ...key, "-keyout", "server-key.pem", "-out", "server.csr", "-subj", `/CN=${host.slice(0, 64)}`);
  const by = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", CERTIFICATE_DAYS];
  openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", ...by, "-extfile", "names.cnf");
  chmodSync(join(folder, "server-key.pem"), 0o600);
  return { port, certificate: join(folder, "server.pem"), key: join(folder, "server-key.pem") };
}

/** Lets the broker read a file, whose user it takes when root starts it. */
function giveToBroker(file: string): void {
  if (process.getuid?.() !== 0) return;
  try {
    const idOf = (what: string) =>
      Number(execFileSync("id", [what, "mosquitto"], { stdio: ["ignore", "pipe", "ignore"] }));
    chownSync(file, idOf("-u"), idOf("-g"));
  } catch {
    // There is no such user here: the broker is to run under another one, or elsewhere.
  }
}

function setUpText({ folder, files, users, made, next }: SetUp): string {
  return [
    `${folder}: ${files.join(", ")}`,
    `users: ${users.join(", ")}; passwords in ${folder}/passwords, ${made.length === 0 ? "as they were" : `made for ${made.join(", ")}`}`,
    "",
    "next:",
    ...next.map((line) => `  ${line}`),
  ].join("\n");
}
