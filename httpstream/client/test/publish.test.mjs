// What publish sends, and when it sends it again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PushwireError, publish, sleep } from "./client.mjs";

const json = (status, body, headers) => new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });

// answering gives the answers one after the other; an Error is thrown.
function answering(...answers) {
  const asked = [];
  const fetch = async (url, init) => {
    init.signal.throwIfAborted();
    const req = new Request(url, init);
    asked.push({
      url: `${url}`, method: req.method, credentials: init.credentials, at: Date.now(),
      key: req.headers.get("Idempotency-Key"), type: req.headers.get("Content-Type"), token: req.headers.get("X-Token"),
      body: Buffer.from(await req.arrayBuffer()).toString("latin1"),
    });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer == "silence") {
      const awake = setInterval(() => {}, 1e3); // as a connection would keep the process
      return new Promise((_, reject) => init.signal.addEventListener("abort", () => {
        clearInterval(awake);
        reject(init.signal.reason);
      }));
    }
    if (answer instanceof Error) throw answer;
    return answer.clone();
  };
  return { asked, fetch, backoff: 2 };
}

const stored = json(201, { cursor: "e-8" });

test("text and bytes", async () => {
  for (const [data, type, body] of [
    ["Grüße", "text/plain", "Gr\xc3\xbc\xc3\x9fe"],
    ["", "text/plain", ""],
    [new Uint8Array([0, 255]), "application/octet-stream", "\0\xff"],
    [new Uint8Array([1, 2, 3]).buffer, "application/octet-stream", "\x01\x02\x03"],
  ]) {
    const o = answering(stored);
    assert.deepEqual(await publish("http://host.test/t?a=b", data, { ...o, type: "chat & more", headers: { "X-Token": "1" }, credentials: "omit" }), { cursor: "e-8", stored: true });
    const [asked] = o.asked;
    assert.deepEqual([asked.method, asked.url, asked.type, asked.body], ["POST", "http://host.test/t?a=b&type=chat+%26+more", type, body]);
    assert.deepEqual([asked.token, asked.credentials], ["1", "omit"]);
    assert.match(asked.key, /^[\d-]{7,43}$/);
  }
});

test("it is tried again under the same key, and told whether it was there before", async () => {
  const o = answering(new TypeError("network"), json(500, {}), json(502, "not an object"), new Response("<p>no", { status: 503 }), json(200, { cursor: "e-8" }));
  assert.deepEqual(await publish("http://host.test/t", "x", o), { cursor: "e-8", stored: false });
  assert.equal(o.asked.length, 5);
  assert.equal(new Set(o.asked.map((a) => a.key)).size, 1);
  const p = answering(stored);
  await publish("http://host.test/t", "x", { ...p, key: "mine" });
  await publish("http://host.test/t", "x", p);
  await publish("http://host.test/t", "x", p);
  assert.equal(p.asked[0].key, "mine");
  assert.equal(new Set(p.asked.map((a) => a.key)).size, 3);
});

test("refusals are final, tries are counted", async () => {
  for (const [answers, tries, status, token] of [
    [[json(403, { error: "forbidden", message: "No." })], 1, 403, "forbidden"],
    [[json(413, { error: "too_large", message: "No." })], 1, 413, "too_large"],
    [[json(429, { error: "slow" })], 5, 429, "slow"],
    [[new TypeError("network")], 5, 0, ""],
    [[json(503, null)], 5, 503, ""],
  ]) {
    const o = answering(...answers);
    await assert.rejects(publish("http://host.test/t", "x", o), (err) => err instanceof PushwireError && err.status == status && err.token == token);
    assert.equal(o.asked.length, tries);
  }
});

test("Retry-After, the time of a try, and the signal", async () => {
  const o = answering(json(503, {}, { "Retry-After": "1" }), stored);
  await publish("http://host.test/t", "x", o);
  assert.ok(o.asked[1].at - o.asked[0].at >= 995);

  const p = answering("silence", stored);
  await publish("http://host.test/t", "x", { ...p, timeout: 30 });
  assert.equal(p.asked.length, 2);

  for (const answer of ["silence", json(503, {}, { "Retry-After": "60" })]) {
    const control = new AbortController();
    const q = answering(answer);
    const end = publish("http://host.test/t", "x", { ...q, signal: control.signal });
    await sleep(20);
    control.abort(new Error("enough"));
    await assert.rejects(end, { message: "enough" });
    assert.equal(q.asked.length, 1);
  }
});
