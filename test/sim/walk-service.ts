// What both ways to install have in common: a service that learns, is looked after, and survives.

import type { DebianRoot } from "../debian-root.ts";
import { becomes, same } from "./expect.ts";

const SAMPLES = 20;

/** Asks the daemon by its program, as root does. */
export function ask<T>(debian: DebianRoot, command: string): T {
  return JSON.parse(debian.run(`rivulet ${command} --json`)) as T;
}

export function durableRows(debian: DebianRoot): number {
  const { models } = ask<{ models: Record<string, { durableSequence: number }> }>(debian, "status");
  return models["default"]?.durableSequence ?? 0;
}

/** Publishes rows by Mosquitto's own client; each is acknowledged when this returns. */
export function publish(debian: DebianRoot, access = ""): void {
  const rows = Array.from({ length: SAMPLES }, (_, i) => `{"x1":${i},"x2":${-i},"y":${i % 2}}`).join("\n");
  debian.run(`printf '%s\\n' '${rows}' | mosquitto_pub -h 127.0.0.1 ${access} -q 1 -l -t rivulet/default/sample`);
}

/** Walks through what the unit promises, on an installed and running service that has learned nothing yet. */
export async function walkService(debian: DebianRoot): Promise<void> {
  const property = (name: string) => debian.run(`systemctl show --value -p ${name} rivulet.service`);
  same("is active", property("ActiveState"), "active");
  same("is enabled", debian.run("systemctl is-enabled rivulet.service rivulet-backup.timer"), "enabled\nenabled");
  same("says how it is", property("StatusText"), "default at step 0; mqtt://127.0.0.1:1883 is online");
  same("runs as its user", debian.run("stat -c %U /var/lib/rivulet/rivulet.db"), "rivulet");
  publish(debian);
  same("what was acknowledged is durable", durableRows(debian), SAMPLES);
  walkUsers(debian);
  debian.run("systemctl start rivulet-backup.service");
  same("is backed up", debian.run("ls /var/lib/rivulet/backups | wc -l"), "1");
  const restarted = async (what: string, cause: () => void) => {
    const before = property("MainPID");
    cause();
    await becomes(what, () => property("ActiveState") === "active" && property("MainPID") !== before);
    same(`${what}, and has lost nothing`, durableRows(debian), SAMPLES);
    same(`${what}, and replays to the same bits`, ask<{ outcome: string }>(debian, "verify").outcome, "same");
  };
  await restarted("is started again when it was killed", () => debian.run("systemctl kill -s KILL rivulet.service"));
  debian.run("mkdir -p /run/systemd/system/rivulet.service.d");
  const hasty = "[Service]\nWatchdogSec=2\nTimeoutAbortSec=2\n";
  debian.run(`printf "${hasty.replaceAll("\n", "\\n")}" > /run/systemd/system/rivulet.service.d/hasty.conf`);
  debian.run("systemctl daemon-reload && systemctl restart rivulet.service");
  await becomes(
    "is fed",
    () => Number(debian.run("systemctl show --value -p WatchdogTimestampMonotonic rivulet.service")) > 0,
  );
  await restarted("is started again when its loop stands still", () =>
    debian.run("systemctl kill -s STOP rivulet.service"),
  );
  debian.run(
    "rm -r /run/systemd/system/rivulet.service.d && systemctl daemon-reload && systemctl restart rivulet.service",
  );
  debian.run("printf 'commit: { maxDelay: 60ms }\\n' >> /etc/rivulet/rivulet.yaml && systemctl reload rivulet.service");
  const reloaded = () => ask<{ reloaded: { changed: string[] } | null }>(debian, "status").reloaded?.changed ?? [];
  await becomes("is reloaded", () => reloaded().includes("commit.maxDelay"));
  await walkCredentials(debian);
}

function walkUsers(debian: DebianRoot): void {
  debian.run("id guest || useradd guest");
  const asGuest = (groups: string) => debian.tried(`setpriv --reuid=guest --regid=guest ${groups} rivulet status`);
  const refused = asGuest("--clear-groups");
  same("a stranger may not ask", [refused.status, refused.stderr.includes("usermod -aG rivulet")], [1, true]);
  debian.run("usermod -aG rivulet guest");
  same("a member of the group may ask", asGuest("--init-groups").status, 0);
  const reads = debian.tried(
    "setpriv --reuid=guest --regid=guest --init-groups cat /var/lib/rivulet/rivulet.db",
  ).status;
  same("and may not read the store", reads, 1);
}

/** Puts Mosquitto, with a password that only the unit is handed, in the place of the embedded broker. */
async function walkCredentials(debian: DebianRoot): Promise<void> {
  debian.run("cp /etc/rivulet/rivulet.yaml /var/rivulet.yaml");
  debian.run("rivulet broker-setup --dir /etc/mosquitto/rivulet --port 1884");
  debian.run("cp /etc/mosquitto/rivulet/rivulet.conf /etc/mosquitto/conf.d/ && systemctl restart mosquitto");
  debian.run("install -D -m 600 /etc/mosquitto/rivulet/passwords/rivulet /etc/credstore/rivulet.mqtt-password");
  const mqtt =
    "mqtt: { broker: mqtt://127.0.0.1:1884, username: rivulet, passwordFile: $CREDENTIALS_DIRECTORY/rivulet.mqtt-password }";
  debian.run(`printf '%s\\n' '${mqtt}' >> /etc/rivulet/rivulet.yaml && systemctl restart rivulet.service`);
  const status = () => ask<{ broker: { online: boolean; url: string } }>(debian, "status").broker;
  await becomes(
    "is online at a broker that asks for a password",
    () => status().online && status().url.includes("1884"),
  );
  publish(debian, '-p 1884 -u sensor -P "$(cat /etc/mosquitto/rivulet/passwords/sensor)"');
  await becomes("learns from it", () => durableRows(debian) === 2 * SAMPLES);
  debian.run(
    "cp /var/rivulet.yaml /etc/rivulet/rivulet.yaml && systemctl stop mosquitto && systemctl restart rivulet.service",
  );
}
