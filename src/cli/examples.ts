/** Examples for the help of each command: what to type, and what that does. */
export const EXAMPLES: Readonly<Record<string, readonly (readonly [line: string, says: string])[]>> = {
  "": [
    ["rivulet start", "the daemon, here"],
    ["rivulet publish samples.csv", "teach it something"],
    ["rivulet top", "watch it"],
    ["rivulet rollback best", "go back to what was better"],
  ],
  start: [
    ["rivulet start --data ./data", "broker on 127.0.0.1:1883, data in ./data"],
    ["rivulet start --config rivulet.yaml --set mqtt.port=1884", "one key overridden"],
  ],
  fit: [
    ["rivulet fit circle.csv --iterations 2000 --learning-rate 0.5 --out circle.json", "train, and keep the network"],
    ["rivulet fit circle.csv --batch-size 32 --optimizer adam --target-cost 0.1", "until the cost is low enough"],
  ],
  evaluate: [["rivulet evaluate circle.csv --delay 10", "each label comes ten rows later"]],
  publish: [
    ["rivulet publish circle.csv --source bench --rate 1000", "each row once, a thousand a second"],
    ["rivulet publish --stream sea --count 5000", "a generated stream"],
  ],
  predict: [["rivulet predict 0.1 -0.2", "by the model as it stands"]],
  status: [["rivulet status --json", "for a program"]],
  top: [
    ["rivulet top --interval 2", "live, a look each two seconds"],
    ["rivulet top --json", "one reading, for a program"],
  ],
  history: [["rivulet history --from 1000 --to 2000", "the cost of these steps"]],
  "snapshots list": [["rivulet snapshots list --limit 10", "the newest ten"]],
  "snapshots show": [["rivulet snapshots show good", "by a tag, or an id"]],
  "snapshots diff": [["rivulet snapshots diff 3 good", "what changed from one to the other"]],
  "snapshots tag": [["rivulet snapshots tag 3 good", "keep it for good"]],
  "snapshots take": [["rivulet snapshots take", "now"]],
  "snapshots export": [
    ["rivulet snapshots export good --out model.json", "a model file"],
    ["rivulet snapshots export good --format onnx --out model.onnx", "for onnxruntime"],
    ["rivulet snapshots export good --format c --out model.h", "for a microcontroller"],
  ],
  rollback: [
    ["rivulet rollback good", "to a tag, or an id"],
    ["rivulet rollback best", "to what is best on the newest 1000 labelled rows"],
  ],
  backtest: [["rivulet backtest --last 5000 --snapshots 3,good", "which would be best now"]],
  explain: [
    ["rivulet explain 0.1 -0.2", "what each feature did to this prediction"],
    ["rivulet explain --importance --last 2000", "what each feature is worth"],
  ],
  "journal export": [["rivulet journal export --format ndjson --out rows.ndjson", "every row, in order"]],
  quarantine: [["rivulet quarantine --limit 5", "the newest five refused messages"]],
  verify: [["rivulet verify --from good", "replay from a snapshot to the end"]],
  "models list": [["rivulet models list", "active and inactive ones"]],
  "models reset": [["rivulet models reset default", "begin anew; what was stays in the history"]],
  "models import": [["rivulet models import model.json --name default", "go on from another program's network"]],
  "models delete": [["rivulet models delete old --yes", "for good"]],
  backup: [["rivulet backup /mnt/usb/rivulet.db", "while the daemon runs"]],
  restore: [["rivulet restore latest", "the newest of <data>/backups; daemon stopped"]],
  doctor: [["rivulet doctor --data /var/lib/rivulet", "what is wrong, and what to type"]],
  "broker-setup": [["rivulet broker-setup --dir ./mosquitto --tls-host broker.local", "for other machines, by TLS"]],
  "fleet status": [["rivulet fleet status --prefix rivulet/+", "every daemon below rivulet/"]],
  "config check": [
    ["rivulet config check --config rivulet.yaml --rate 100", "every fault, and what commits would write"],
  ],
  demo: [["rivulet demo --stream sine --rate 1000", "until Ctrl-C"]],
  completion: [
    ["source <(rivulet completion bash)", "now; put it into ~/.bashrc for good"],
    ["source <(rivulet completion zsh)", "in ~/.zshrc, after compinit"],
    ["rivulet completion fish | source", "in ~/.config/fish/config.fish"],
  ],
};

/** Writes the examples of a command for its help; nothing where there are none. */
export function examplesText(path: string): string {
  const examples = EXAMPLES[path] ?? [];
  if (examples.length === 0) return "";
  return `\nExamples:\n${examples.map(([line, says]) => `  $ ${line}\n      ${says}`).join("\n")}\n`;
}
