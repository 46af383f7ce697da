import { readFileSync } from "node:fs";
import { openDebian, put } from "../debian-root.ts";
import { same } from "./expect.ts";
import { durableRows, walkService } from "./walk-service.ts";

/** Installs a Debian package in a clean Debian, upgrades it to `next`, removes and purges it. */
export async function walkDeb(base: string, now: string, next: string): Promise<void> {
  const debian = await openDebian(base);
  try {
    debian.run("systemctl disable --now mosquitto");
    put(debian, "now.deb", readFileSync(now));
    put(debian, "next.deb", readFileSync(next));
    debian.run("dpkg -i /now.deb");
    await walkService(debian);
    const rows = durableRows(debian);
    const backups = () => Number(debian.run("ls /var/lib/rivulet/backups | wc -l"));
    const before = backups();
    debian.run("dpkg -i --force-confold /next.deb");
    same("is upgraded", debian.run("dpkg-query -W rivulet").split("\t")[1], "0.99.0");
    same("runs again after the upgrade", debian.run("systemctl is-active rivulet.service"), "active");
    same("was backed up before", backups(), before + 1);
    same("has kept its rows", durableRows(debian), rows);
    same("has kept its configuration", debian.run("grep -c maxDelay /etc/rivulet/rivulet.yaml"), "1");
    debian.run("systemctl disable --now rivulet.service && dpkg -i --force-confold /now.deb");
    same("stays disabled when it was", debian.tried("systemctl is-active rivulet.service").stdout.trim(), "inactive");
    debian.run("systemctl enable rivulet.service && dpkg --remove rivulet");
    same("has left the program", debian.tried("ls /opt/rivulet /usr/bin/rivulet").status, 2);
    debian.run("ls /etc/rivulet/rivulet.yaml /var/lib/rivulet/rivulet.db");
    debian.run("dpkg -i /now.deb && systemctl is-active rivulet.service");
    same("finds its rows again", durableRows(debian), rows);
    debian.run("dpkg --purge rivulet");
    same(
      "has left nothing",
      debian.tried("ls -d /etc/rivulet /var/lib/rivulet /var/cache/rivulet /opt/rivulet").stdout,
      "",
    );
    same("has left no unit", debian.tried("find /etc/systemd /usr/lib/systemd -name 'rivulet*'").stdout, "");
    same("has left no user", debian.tried("id rivulet").status, 1);
  } finally {
    await debian.end();
  }
}
