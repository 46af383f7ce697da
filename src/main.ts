// The door of the program. The version of Node is checked before anything that loads the native add-on is imported: on
// a Node before 22.14 it does not fail, it takes the process down.

const NODE_MIN = [22, 14] as const;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
  process.stderr.write(
    `rivulet: Node ${process.versions.node} is too old; install Node ${NODE_MIN.join(".")} or later, or run it in the checkout with \`npm start\`, which brings its own\n`,
  );
  process.exitCode = 1;
} else {
  if (process.argv[2] === "start") (await import("./cli/ahead.ts")).beginAhead();
  const { run } = await import("./cli/program.ts");
  process.exitCode = await run(process.argv.slice(2));
}
