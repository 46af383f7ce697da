import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onEnd, temporaryFolder } from "./open.ts";

// Node cannot open such a socket. Each datagram becomes a line, its own lines parted by tabs.
const RECEIVER = `
  use Socket; $| = 1;
  socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die; bind($s, sockaddr_un($ARGV[0])) or die; print "bound\\n";
  while (defined(recv($s, my $text, 65536, 0))) { $text =~ s/\\n/\\t/g; print "$text\\n" if $text ne "BARRIER=1"; }
`;

/** Is what a service manager hears: a real socket, on which each message is a list of assignments. */
export interface Manager {
  readonly socket: string;
  readonly heard: readonly (readonly string[])[];
  /** Counts the messages in which an assignment is. */
  count(assignment: string): number;
}

/** Listens as systemd does; it ends with the test. */
export async function openManager(): Promise<Manager> {
  const socket = join(temporaryFolder(), "notify");
  const receiver = spawn("perl", ["-e", RECEIVER, socket], { stdio: ["ignore", "pipe", "inherit"] });
  onEnd(() => receiver.kill("SIGKILL"));
  const heard: string[][] = [];
  const lines = createInterface({ input: receiver.stdout });
  await once(lines, "line");
  lines.on("line", (line) => heard.push(line.split("\t").filter((assignment) => assignment !== "")));
  return {
    socket,
    heard,
    count: (assignment) => heard.filter((message) => message.includes(assignment)).length,
  };
}
