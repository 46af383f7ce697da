// The texts of a Mosquitto that fits: it loses no samples silently, and lets each user do what its role needs.

import { pbkdf2Sync } from "node:crypto";

/** Rounds of the password hash: a guess costs a Pi about 20 ms. */
const ROUNDS = 20_000;
const HASH_BYTES = 64;

/** Who may do what, beside the daemon itself, which may do all. */
export const ROLES = ["rivulet", "sensor", "viewer", "operator", "homeassistant"] as const;
export type Role = (typeof ROLES)[number];

export interface MosquittoOptions {
  /** Port on this machine. */
  readonly port: number;
  /** Folder of the broker's own store, with a slash at its end; null where its own configuration names it, as Debian's does. */
  readonly store: string | null;
  /** Files of passwords and rules; null lets everybody on this machine do everything. */
  readonly access: { readonly passwords: string; readonly rules: string } | null;
  /** A listener for other machines; null is none. */
  readonly tls: { readonly port: number; readonly certificate: string; readonly key: string } | null;
}

/** Writes the configuration, for Mosquitto 2. */
export function mosquittoConf({ port, store, access, tls }: MosquittoOptions): string {
  return `# Mosquitto 2 beside Rivulet: copy to /etc/mosquitto/conf.d/rivulet.conf, restart mosquitto, and start Rivulet with
# mqtt.broker: mqtt://127.0.0.1:${port}
# \`rivulet broker-setup\` writes it with passwords, rules and a listener for other machines.

listener ${port} 127.0.0.1
${tls === null ? "" : tlsText(tls)}${access === null ? "allow_anonymous true" : accessText(access)}

# Acknowledgements are small packets: with Nagle's algorithm a window of few messages waits 40 ms for each.
set_tcp_nodelay true

# What came while Rivulet was away is kept, also over a restart of the broker.
persistence true
${store === null ? "# Where it is kept Debian's own configuration says already, and Mosquitto refuses to be told twice." : `persistence_location ${store}`}
autosave_interval 60

# The default keeps 1000 messages for a client that is away and drops the rest silently, while the sender sees success.
max_queued_messages 1000000
max_queued_bytes 268435456

# Messages on their way to Rivulet without acknowledgement, where it speaks MQTT 3.1.1; with 5 it says so itself.
max_inflight_messages 100
`;
}

/** Writes the configuration of a broker for this machine alone, where everybody may do everything. */
export function plainMosquittoConf(): string {
  return mosquittoConf({ port: 1883, store: null, access: null, tls: null });
}

function tlsText({ port, certificate, key }: NonNullable<MosquittoOptions["tls"]>): string {
  return `
listener ${port}
certfile ${certificate}
keyfile ${key}
tls_version tlsv1.2

`;
}

function accessText({ passwords, rules }: NonNullable<MosquittoOptions["access"]>): string {
  return `allow_anonymous false
password_file ${passwords}
acl_file ${rules}`;
}

/** Writes the rules of who may do what, below a prefix. */
export function mosquittoRules(prefix: string, discoveryPrefix: string): string {
  return `# Who may do what, where Mosquitto has a password file (\`rivulet broker-setup\` writes both).
# rivulet        the daemon
# sensor         publishes samples and asks for predictions
# viewer         reads what the daemon tells
# operator       also sends requests; those that change something need mqtt.commands: on
# homeassistant  reads what the daemon tells, and may roll back

user rivulet
topic readwrite ${prefix}/#
topic readwrite ${discoveryPrefix}/#

user sensor
topic write ${prefix}/+/sample/#
topic write ${prefix}/+/f32/#
topic write ${prefix}/+/f64/#
topic write ${prefix}/+/predict
topic read ${prefix}/+/prediction
topic read ${prefix}/+/committed/#
topic read ${prefix}/bridge/#

user viewer
topic read ${prefix}/#

user operator
topic read ${prefix}/#
topic write ${prefix}/+/request/#
topic write ${prefix}/+/predict

user homeassistant
topic read ${prefix}/#
topic write ${prefix}/+/request/rollback
topic readwrite ${discoveryPrefix}/#
`;
}

/** Writes a user's line of the password file: PBKDF2 with SHA-512, as Mosquitto 2 reads it. `salt` has 12 bytes. */
export function passwordLine(user: string, password: string, salt: Uint8Array): string {
  const hash = pbkdf2Sync(password, salt, ROUNDS, HASH_BYTES, "sha512").toString("base64");
  return `${user}:$7$${ROUNDS}$${Buffer.from(salt).toString("base64")}$${hash}`;
}
