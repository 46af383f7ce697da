import { readFileSync } from "node:fs";
import { type DebianRoot, openDebian, put } from "../debian-root.ts";
import { same } from "./expect.ts";
import { durableRows, walkService } from "./walk-service.ts";

/** Installs a tarball in a clean Debian, again, and the `next` one over it; then removes and purges it. */
export async function walkTarball(base: string, now: string, next: string): Promise<void> {
  const debian = await openDebian(base);
  try {
    debian.run("systemctl disable --now mosquitto");
    unpack(debian, now, "now");
    unpack(debian, next, "next");
    debian.run("/now/install.sh");
    await walkService(debian);
    const rows = durableRows(debian);
    const backups = () => Number(debian.run("ls /var/lib/rivulet/backups | wc -l"));
    const before = backups();
    debian.run("/now/install.sh && systemctl is-active rivulet.service rivulet-backup.timer");
    same("may be installed twice", durableRows(debian), rows);
    debian.run("/next/install.sh && systemctl is-active rivulet.service");
    same("is upgraded", debian.run(`sed -n 's/^  "version": "\\(.*\\)",/\\1/p' /opt/rivulet/manifest.json`), "0.99.0");
    same("was backed up before each", backups(), before + 2);
    same("has kept its rows", durableRows(debian), rows);
    same("has kept its configuration", debian.run("grep -c maxDelay /etc/rivulet/rivulet.yaml"), "1");
    debian.run("/opt/rivulet/install.sh --uninstall");
    same("has left the program", debian.tried("ls /opt/rivulet /usr/local/bin/rivulet").status, 2);
    debian.run("ls /etc/rivulet/rivulet.yaml /var/lib/rivulet/rivulet.db");
    debian.run("/next/install.sh && systemctl is-active rivulet.service");
    same("finds its rows again", durableRows(debian), rows);
    debian.run("/opt/rivulet/install.sh --purge");
    same(
      "has left nothing",
      debian.tried("ls -d /etc/rivulet /var/lib/rivulet /var/cache/rivulet /opt/rivulet").stdout,
      "",
    );
    same("has left no user", debian.tried("id rivulet").status, 1);
    same("has left no unit", debian.tried("ls /etc/systemd/system | grep rivulet").stdout, "");
  } finally {
    await debian.end();
  }
}

function unpack(debian: DebianRoot, archive: string, folder: string): void {
  put(debian, `${folder}.tar.gz`, readFileSync(archive));
  debian.run(`mkdir /${folder} && tar -xzf /${folder}.tar.gz -C /${folder} --strip-components=1`);
}
