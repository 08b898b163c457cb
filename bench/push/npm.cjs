// The sender process of npm's web-push; job.go says what it is to do and to
// say. Its argument is the folder of the modules.
"use strict";

const https = require("node:https");
const path = require("node:path");
const { createRequire } = require("node:module");
const webPush = createRequire(path.join(process.argv[1], "from.cjs"))("web-push");

const job = JSON.parse(process.env.PUSHWIRE_BENCH_PUSH_JOB);
const payload = Buffer.from(job.Payload, "base64");
const agent = new https.Agent({ keepAlive: true, maxSockets: job.Concurrency, ca: job.CA });
const options = { vapidDetails: { subject: job.Subject, publicKey: job.Public, privateKey: job.Private }, TTL: job.TTL, agent };

let body = 0;
const send = job.Service
  ? () => webPush.sendNotification(job.Subscription, payload, options)
  : async () => { body = webPush.generateRequestDetails(job.Subscription, payload, options).body.length; };

async function all(n) {
  let left = n;
  const worker = async () => { while (left-- > 0) await send(); };
  await Promise.all(Array.from({ length: job.Concurrency }, worker));
}

(async () => {
  body = webPush.generateRequestDetails(job.Subscription, payload, options).body.length;
  await all(job.Warm);
  const begin = process.hrtime.bigint();
  const before = process.cpuUsage();
  await all(job.N);
  const { user, system } = process.cpuUsage(before);
  const wall = Number(process.hrtime.bigint() - begin);
  console.log(JSON.stringify({ CPU: (user + system) * 1000, Wall: wall, Allocs: 0, Bytes: 0, Body: body }));
  agent.destroy();
})().catch((err) => {
  console.error(err);
  process.exit(1);
});
