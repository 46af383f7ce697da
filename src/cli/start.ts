import { Command } from "commander";
import { openDaemon } from "../daemon/daemon.ts";
import { openLog } from "../daemon/log.ts";
import { configOf } from "./context.ts";
import { optionsOf } from "./options.ts";

/** Runs the daemon until it is told to stop. */
export function startCommand(exit: (code: number) => void): Command {
  return new Command("start")
    .description("run the daemon: take samples over MQTT, train, keep history (Ctrl-C stops it cleanly)")
    .action(async (_, command: Command) => {
      const config = configOf(optionsOf(command));
      const stopped = stopSignal();
      const opening = openDaemon({ config, log: openLog(config.log.level), listen: true });
      // While a full disk keeps the daemon from opening, a signal must still end it.
      const daemon = await Promise.race([opening, stopped.then(() => null)]);
      if (daemon === null) process.exit(1);
      const { host, port } = daemon.rooms.broker?.address ?? { host: "", port: 0 };
      const prefix = config.mqtt.prefix;
      const lines = [...daemon.rooms.models.values()].map(({ name, state }) => {
        const { features, label } = state.config.learner;
        const sample = JSON.stringify(Object.fromEntries([...features.map((feature) => [feature, 0.5]), [label, 1]]));
        return `  ${name} learns ${features.join(", ")} → ${label}, is at step ${state.step}; try
    mosquitto_pub -h ${host} -p ${port} -q 1 -t ${prefix}/${name}/sample -m '${sample}'`;
      });
      process.stdout.write(
        `rivulet listens on mqtt://${host}:${port}, data in ${config.data}
${lines.slice(0, 5).join("\n")}${lines.length > 5 ? `\n  … and ${lines.length - 5} more models` : ""}
  or, in another terminal: npm run -s rivulet -- publish FILE.csv | status | history | snapshots list | rollback ID
`,
      );
      await Promise.race([stopped, daemon.ended]);
      process.stdout.write("rivulet stops: trains what is pending, commits, saves\n");
      await daemon.close();
      exit(0);
    });
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once, which is safe: it is as a crash. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = () => {
      if (asked) process.exit(1);
      asked = true;
      resolve();
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  });
}
