// An echo server made of npm's ws, which answers the questions that the Go
// servers answer (child/child.go): one line in, one line of JSON out.
// Arguments: the folder of the modules, and what is kept between messages.

const fs = require("node:fs");
const { createRequire } = require("node:module");
const { createInterface } = require("node:readline");
const path = require("node:path");

const [modules, context] = process.argv.slice(-2);
const { WebSocketServer } = createRequire(path.join(modules, "from.cjs"))("ws");

const level = { zlibDeflateOptions: { level: 1 } };
const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  maxPayload: 1 << 20,
  perMessageDeflate: {
    plain: false,
    "no context takeover": { ...level, serverNoContextTakeover: true, clientNoContextTakeover: true },
    "context takeover": level,
  }[context],
});
server.on("connection", (ws) => {
  ws.on("message", (data, binary) => ws.send(data, { binary }));
  ws.on("error", () => {});
});

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const field = (file, name) => Number(fs.readFileSync(file, "utf8").match(new RegExp(`^${name}:\\s*(\\d+)`, "m"))[1]);

server.on("listening", () => say(`127.0.0.1:${server.address().port}`));
createInterface({ input: process.stdin })
  .on("line", (question) => {
    const cpu = process.cpuUsage(); // of all threads, from getrusage, in us
    const usage = { CPU: (cpu.user + cpu.system) * 1000 };
    if (question === "all") {
      global.gc();
      global.gc();
      usage.Resident = field("/proc/self/smaps_rollup", "Rss") * 1024;
    }
    say(usage);
  })
  .on("close", () => process.exit(0));
