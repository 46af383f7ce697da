// The network in TensorFlow.js behind the line protocol of peer.py: the backend is the argument. It is installed by hand,
// `npm install --no-save @tensorflow/tfjs @tensorflow/tfjs-backend-wasm`, and knows f32 only.

import { createInterface } from "node:readline";

const ROWS = 4096;
const RATE = 0.01;

const backend = process.argv[2] ?? "cpu";
const tf = await import("@tensorflow/tfjs");
if (backend === "wasm") {
  const wasm = await import("@tensorflow/tfjs-backend-wasm");
  wasm.setThreadsCount(1);
}
await tf.setBackend(backend);
await tf.ready();

function prepare(network, batch) {
  const units = network.split("-").map(Number);
  const layers = units.slice(1).map((count, l) => {
    const inputs = units[l] ?? 0;
    const weights = tf.randomNormal([inputs, count], 0, Math.sqrt(2 / inputs));
    return { weights: tf.variable(weights), biases: tf.variable(tf.zeros([count])) };
  });
  const logits = (x) =>
    layers.reduce((a, { weights, biases }, l) => {
      const z = tf.add(tf.matMul(a, weights), biases);
      return l < layers.length - 1 ? tf.relu(z) : z;
    }, x);
  const optimizer = tf.train.sgd(RATE);
  const x = Float32Array.from({ length: ROWS * (units[0] ?? 0) }, () => Math.random() - 0.5);
  const y = Float32Array.from({ length: ROWS }, (_, i) => i & 1);
  const features = units[0] ?? 0;
  return (mode, row) =>
    tf.tidy(() => {
      const inputs = tf.tensor2d(x.subarray(row * features, (row + batch) * features), [batch, features]);
      if (mode === "predict") return tf.sigmoid(logits(inputs)).dataSync();
      const labels = tf.tensor2d(y.subarray(row, row + batch), [batch, 1]);
      return optimizer.minimize(() => tf.losses.sigmoidCrossEntropy(labels, logits(inputs)), true).dataSync();
    });
}

const known = new Map();
console.log(`TensorFlow.js ${tf.version.tfjs}, ${backend}`);
for await (const line of createInterface({ input: process.stdin })) {
  const [mode = "", network = "", batch = "", , seconds = ""] = line.split(" ");
  const size = Number(batch);
  const key = `${network} ${batch}`;
  const step = known.get(key) ?? prepare(network, size);
  known.set(key, step);
  const begin = performance.now();
  let done = 0;
  do {
    step(mode, (done * size) % ROWS);
    done++;
  } while (performance.now() - begin < 1000 * Number(seconds));
  console.log((done * size * 1000) / (performance.now() - begin));
}
