// What follow does, over a network in memory that breaks as the test asks.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PushwireError, URL, follow, numbers, sleep, start, take, text, transports, until } from "./client.mjs";
import { Net } from "./net.mjs";

for (const name of transports) {
  test(`${name}: items before and after the start, text and binary`, async () => {
    const net = new Net();
    net.publish(...numbers(1, 9), "ä\nö\n\n世界 😀", "");
    const f = start(net, { transports: [name] });
    const before = await take(f, 11);
    assert.equal(f.transport, name);
    assert.equal(f.cursor, "a-11");
    setTimeout(() => net.publish("12", "13"), 20);
    const items = [...before, ...(await take(f, 2))];
    assert.deepEqual(items.map(text), [...numbers(1, 9), "ä\nö\n\n世界 😀", "", "12", "13"]);
    assert.deepEqual(items.map((i) => i.cursor), numbers(1, 13).map((n) => `a-${n}`));
    assert.deepEqual(items.map((i) => i.data instanceof Uint8Array), items.map((_, i) => net.binary(i + 1)));
    assert.deepEqual(items.map((i) => i.type), items.map((_, i) => ((i + 1) % 5 ? "message" : "five")));
    assert.ok(net.asked.every(({ transport }) => transport == name));
    assert.equal(net.asked[0].after, null);
    f.close();
    assert.equal(await f.done, undefined);
    assert.equal((await f[Symbol.asyncIterator]().next()).done, true);
    await until("everything closed", () => !net.open.size && !net.sockets);
  });

  test(`${name}: "now" and an own cursor`, async () => {
    const net = new Net();
    net.publish(...numbers(1, 5));
    const f = start(net, { transports: [name], after: "now" });
    const first = take(f, 1);
    await until("connected", () => f.state.connected);
    net.cut(); // before any item: what comes next counts as new all the same
    net.publish("6");
    assert.deepEqual((await first).map(text), ["6"]);
    f.close();
    const g = start(net, { transports: [name], after: "a-4" });
    assert.deepEqual((await take(g, 2)).map(text), ["5", "6"]);
    assert.equal(net.asked.filter(({ after }) => after == "now").length, 1);
    g.close();
  });

  test(`${name}: cut again and again, nothing is lost or comes twice`, async () => {
    const net = new Net();
    const f = start(net, { transports: [name] });
    const all = take(f, 60);
    for (let n = 1; n <= 60; n++) {
      net.publish(`${n}`);
      if (n % 4 == 0) net.cut();
      await sleep(3);
    }
    assert.deepEqual((await all).map(text), numbers(1, 60));
    f.close();
  });

  test(`${name}: a lost cursor is reported, and following goes on`, async () => {
    const net = new Net();
    net.publish(...numbers(1, 9));
    net.drop(3);
    const resets = [];
    const f = start(net, { transports: [name], after: "a-2", onReset: (r) => resets.push(r) });
    assert.deepEqual((await take(f, 3)).map(text), ["7", "8", "9"]);
    assert.deepEqual(resets, [{ after: "a-2", oldest: "a-6", head: "a-9" }]);
    // The server comes back without its log: what it has now is read from its beginning.
    const next = take(f, 2);
    net.restart("b");
    net.publish("new 1", "new 2");
    assert.deepEqual((await next).map(text), ["new 1", "new 2"]);
    assert.deepEqual(resets.slice(1), [{ after: "a-9", oldest: "b-0", head: net.epoch == "b" && resets[1].head }]);
    assert.equal(f.cursor, "b-2");
    f.close();
    // Without onReset the reset is an item, so that it cannot be missed.
    const g = start(net, { transports: [name], after: "a-9" });
    const [reset, item] = await take(g, 2);
    assert.deepEqual([reset.type, JSON.parse(reset.data), text(item)], ["pushwire:reset", { after: "a-9", oldest: "b-0", head: "b-2" }, "new 1"]);
    g.close();
  });
}

test("what cannot be set up is left for the next one, down to short polls", async () => {
  for (const refusal of [406, 501, "silent", "buffered", () => new Response("<p>log in", { headers: { "Content-Type": "text/html" } })]) {
    const net = new Net();
    net.publish("1");
    for (const n of [0, 1, 2, 3]) {
      net.refuse[transports[n]] = refusal;
      if (refusal == "buffered" && n == 3) net.refuse.longpoll = "silent"; // a poll's answer ends, and so gets through
      net.asked = [];
      const states = [];
      const f = start(net, { onState: (s) => states.push(s), idle: 1e4 });
      assert.deepEqual((await take(f, 1)).map(text), ["1"]);
      assert.equal(f.transport, transports[n + 1]);
      assert.deepEqual(net.asked.slice(0, n + 2).map((a) => a.transport), transports.slice(0, n + 2));
      assert.deepEqual(states.filter((s) => s.connected).map((s) => s.transport), [transports[n + 1]]);
      f.close();
    }
  }
});

test("what is cut at once is left the second time", async () => {
  const net = new Net();
  // Nothing is silent here, and a machine that is slow for 60 ms would go back to
  // the socket, which works.
  const f = start(net, { transports: ["websocket", "eventstream"], patience: 3e3 });
  const items = take(f, 1);
  for (let i = 0; i < 2; i++) {
    await until("a socket", () => f.transport == "websocket" && f.state.connected && net.open.size);
    net.cut();
    await until("noticed", () => !f.state.connected);
  }
  await until("the event stream", () => f.transport == "eventstream" && f.state.connected);
  net.publish("1");
  assert.deepEqual((await items).map(text), ["1"]);
  f.close();
});

test("it climbs back beside the connection in use, and loses nothing", async () => {
  const net = new Net();
  Object.assign(net.refuse, { websocket: 403, eventstream: 406, stream: "silent" });
  const states = [];
  const got = [];
  const f = start(net, { climb: 40, patience: 30, onState: (s) => states.push(s), onItem: (item) => got.push(text(item)) });
  let n = 0;
  for (const name of ["longpoll", "stream", "websocket"]) {
    await until(name, () => {
      net.publish(`${++n}`);
      return f.transport == name && f.state.connected;
    });
    if (name == "longpoll") delete net.refuse.stream;
    if (name == "stream") delete net.refuse.websocket;
  }
  await until("all items", () => got.length == n);
  assert.deepEqual(got, numbers(1, n));
  const first = states.findIndex((s) => s.connected);
  assert.ok(states.slice(first).every((s) => s.connected), "it was not connected while it climbed");
  assert.deepEqual(states.slice(first).map((s) => s.transport), ["longpoll", "stream", "websocket"]);
  f.close();
});

test("a server that is away for a while is found by the best transport again", async () => {
  const net = new Net();
  const f = start(net);
  const items = take(f, 2);
  net.publish("1");
  await until("item 1", () => f.cursor == "a-1");
  net.down = true;
  net.cut();
  await sleep(60);
  net.asked = [];
  net.down = false;
  net.publish("2");
  assert.deepEqual((await items).map(text), ["1", "2"]);
  assert.equal(f.transport, "websocket");
  f.close();
});

test("while the server cannot be reached, rounds go deeper one by one, with growing waits", async () => {
  const net = new Net();
  net.down = true;
  const waits = [];
  const f = start(net, { backoff: 2, maxBackoff: 8, onState: (s) => s.wait && waits.push(s.wait) });
  const items = take(f, 1);
  await until("five rounds", () => waits.length >= 5);
  assert.deepEqual(net.asked.slice(0, 14).map((a) => transports.indexOf(a.transport)), [0, 1, 0, 1, 2, 0, 1, 2, 3, 0, 1, 2, 3, 4]);
  assert.ok(waits.every((w, i) => w <= Math.min(8, 2 * 2 ** i)), `${waits}`);
  f.close();
  assert.deepEqual(await items, []);
});

for (const status of [400, 401, 403, 404, 405]) {
  test(`a refusal by ${status} is final`, async () => {
    const net = new Net();
    net.refuse = { websocket: status, eventstream: status };
    const f = start(net);
    await assert.rejects(take(f, 1), (err) => {
      assert.ok(err instanceof PushwireError);
      assert.deepEqual([err.status, err.token, err.message], [status, "refused", `pushwire: ${status} not here`]);
      return true;
    });
    assert.equal((await f.done).status, status);
    assert.deepEqual([f.state.ended, f.state.error.status, f.state.connected], [true, status, false]);
    assert.equal(net.asked.length, 2);
  });
}

test("400 without a token, as for a request that was cut off on its way, is not final", async () => {
  const net = new Net();
  net.publish("1");
  net.refuse = { eventstream: () => {
    net.refuse = {};
    return new Response("400 Bad Request", { status: 400 });
  } };
  const f = start(net, { transports: ["eventstream"] });
  assert.deepEqual((await take(f, 1)).map(text), ["1"]);
  f.close();
});

test("Retry-After is waited for, the other transports are not asked meanwhile", async () => {
  const net = new Net();
  net.publish("1");
  const busy = new Response("{}", { status: 503, headers: { "Retry-After": "1", "Content-Type": "application/json" } });
  net.refuse = { eventstream: busy };
  const f = start(net, { transports: ["eventstream", "stream"] });
  const items = take(f, 1);
  const began = Date.now();
  await sleep(50);
  net.refuse = {};
  await items;
  assert.ok(Date.now() - began > 950);
  assert.deepEqual(net.asked.map((a) => a.transport), ["eventstream", "eventstream"]);
  f.close();
});

test("an event stream's retry at its end is waited for", async () => {
  const net = new Net();
  const f = start(net, { transports: ["eventstream", "stream"] });
  const items = take(f, 1);
  await until("connected", () => f.state.connected);
  const [o] = net.open;
  o.say("retry: 150\n\n");
  await sleep(10);
  o.finish();
  net.publish("1");
  const began = Date.now();
  await items;
  assert.ok(Date.now() - began >= 145);
  assert.equal(f.transport, "eventstream");
  f.close();
});

test("a retry that is no time does not take the backoff away", async () => {
  for (const retry of ["-1", "-1e9", "soon"]) {
    const net = new Net();
    const waits = [];
    const f = start(net, { transports: ["eventstream"], onState: ({ wait }) => wait && waits.push(wait) });
    const items = take(f, 1);
    for (let i = 0; i < 2; i++) {
      await until("connected", () => f.state.connected && net.open.size);
      const [o] = net.open;
      o.say(`retry: ${retry}\n\n`);
      await sleep(10);
      o.finish();
      await until("lost", () => waits.length > i);
    }
    net.publish("1");
    await items;
    assert.ok(waits.every((wait) => wait > 0), `${retry}: ${waits}`);
    f.close();
  }
});

test("a hole, an unknown epoch and a repeated item", async () => {
  const net = new Net();
  const f = start(net, { transports: ["stream"] });
  const items = take(f, 6);
  net.publish("1", "2");
  for (const [line, again] of [
    ['{"cursor":"a-2","data":"repeated"}', false],
    ['{"cursor":"a-1"}', false],
    ['{"cursor":"a-9","data":"after a hole"}', true],
    ['{"cursor":"a-5"}', true],
    ['{"cursor":"z-3","data":"of another epoch"}', true],
    ['{"cursor":"garbage","data":"x"}', true],
    ['{"data":"without a cursor"}', true],
    ["not JSON", true],
  ]) {
    await until("connected", () => f.state.connected && net.open.size == 1);
    await sleep(5);
    const before = net.asked.length;
    [...net.open][0].say(line + "\n");
    await sleep(30);
    await until("connected", () => f.state.connected);
    assert.equal(net.asked.length - before, again ? 1 : 0, line);
  }
  net.publish("3", "4", "5", "6");
  assert.deepEqual((await items).map(text), numbers(1, 6));
  f.close();
});

test("a silent stream counts as lost", async () => {
  const net = new Net();
  const f = start(net, { transports: ["stream"], idle: 40 });
  const items = take(f, 1);
  await until("asked again", () => net.asked.length > 2);
  f.close();
  await items;
});

test("a silent socket is asked after by a poll", async () => {
  const net = new Net();
  const states = [];
  const f = start(net, { transports: ["websocket"], idle: 40, onState: (s) => states.push(s.connected) });
  const items = take(f, 2);
  net.publish("1");
  await until("two polls", () => net.asked.filter((a) => a.transport == "shortpoll").length == 2);
  net.refuse.shortpoll = 404; // there are none: the socket is trusted
  await sleep(100);
  assert.deepEqual(states, [false, false, true]);
  delete net.refuse.shortpoll;
  for (const o of net.open) o.push = () => {}; // it is dead
  net.publish("2");
  assert.deepEqual((await items).map(text), ["1", "2"]);
  assert.equal(net.asked.filter((a) => a.transport == "websocket").length, 2);
  f.close();
});

test("a long poll that something on the way cuts asks for less", async () => {
  const net = new Net();
  const cutAt = 2200;
  const poll = net.poll;
  net.poll = (init, at, reset, wait) => {
    if (wait * 1e3 > cutAt) setTimeout(() => net.cut(), cutAt);
    return poll.call(net, init, at, reset, wait);
  };
  const f = start(net, { transports: ["longpoll", "shortpoll"], wait: 25e3, idle: 30e3 });
  const items = take(f, 1);
  await until("the second wait", () => net.asked.length >= 3, 4e3);
  // 0 is the first, then all of it, then what would have been in time.
  assert.deepEqual(net.asked.map((a) => +a.wait).slice(0, 2), [0, 25]);
  assert.equal(f.transport, "longpoll");
  f.close();
  await items;
});

test("polls: a cut answer is followed at once, an empty one that does not wait is not", async () => {
  const net = new Net();
  net.limit = 7;
  net.publish(...numbers(1, 40));
  for (const name of ["longpoll", "shortpoll"]) {
    const f = start(net, { transports: [name], interval: 1e6 });
    assert.deepEqual((await take(f, 40)).map(text), numbers(1, 40));
    f.close();
  }
  net.refuse.longpoll = () => new Response(null, { status: 204, headers: { "Pushwire-Cursor": "a-40" } });
  net.asked = [];
  const f = start(net, { transports: ["longpoll"], interval: 50, wait: 25e3 });
  const items = take(f, 1);
  await sleep(200);
  f.close();
  await items;
  assert.ok(net.asked.length < 9, `${net.asked.length} polls in 200 ms`);
});

test("polls that get nowhere do not run in circles", async () => {
  const json = (status, body) => new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
  for (const answer of [
    json(200, { items: [], cursor: "a-0", more: true }),
    json(410, { error: "gone", after: "x-1", oldest: "a-0", head: "a-0" }),
  ]) {
    for (const name of ["longpoll", "shortpoll"]) {
      const net = new Net();
      net.refuse[name] = () => answer.clone();
      const f = start(net, { transports: [name], interval: 50, backoff: 50, onReset() {} });
      const items = take(f, 1);
      await sleep(200);
      f.close();
      await items;
      assert.ok(net.asked.length > 2 && net.asked.length < 12, `${name}: ${net.asked.length} polls in 200 ms`);
    }
  }
});

test("what the application gives may hang: it is left behind", async () => {
  const net = new Net();
  net.publish("1");
  let n = 0;
  const f = start(net, { headers: () => (++n < 3 ? new Promise(() => {}) : {}) });
  assert.deepEqual((await take(f, 1)).map(text), ["1"]);
  assert.equal(f.transport, "longpoll");
  f.close();
});

test("an answer without a cursor cannot follow \"now\"", async () => {
  const net = new Net();
  net.refuse.shortpoll = () => new Response(null, { status: 204 });
  const errors = [];
  const f = start(net, { transports: ["shortpoll"], after: "now", onState: (s) => s.error && errors.push(s.error.message) });
  const items = take(f, 1);
  await until("an error", () => errors.length);
  assert.match(errors[0], /no cursor/);
  f.close();
  await items;
});

test("an item larger than maxItem ends it", async () => {
  for (const name of transports) {
    const net = new Net();
    net.binary = () => false;
    net.publish("1", "x".repeat(3000));
    const f = start(net, { transports: [name], maxItem: 2000 });
    await assert.rejects(take(f, 2), { token: "too_large" }, name);
  }
});

test("a socket whose application is behind is closed, and resumed at the cursor", async () => {
  const net = new Net();
  const f = start(net, { transports: ["websocket"] });
  net.publish("1");
  await take(f, 1);
  for (let i = 0; i < 30; i++) {
    net.publish(...numbers(2 + i * 200, 201 + i * 200));
    await sleep(1);
  }
  await until("the socket closed", () => !net.sockets);
  assert.deepEqual((await take(f, 6000)).map(text), numbers(2, 6001));
  const sockets = net.asked.length;
  assert.ok(sockets > 1 && sockets < 10, `${sockets} sockets`);
  assert.equal(f.state.error, undefined);
  f.close();
});

test("onItem is called in order and waited for; what it throws stays outside", async (t) => {
  const net = new Net();
  const thrown = [];
  const listener = (err) => thrown.push(err.message);
  const before = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", listener);
  t.after(() => {
    process.removeAllListeners("uncaughtException");
    before.forEach((l) => process.on("uncaughtException", l));
  });
  const got = [];
  let running = 0;
  net.publish(...numbers(1, 5));
  const f = start(net, {
    transports: ["stream"],
    async onItem(item) {
      assert.equal(++running, 1);
      await sleep(1);
      running--;
      got.push(text(item));
      if (item.cursor == "a-3") throw new Error("of the application");
    },
    onState() { throw new Error("of onState"); },
  });
  await until("five items", () => got.length == 5);
  assert.deepEqual(got, numbers(1, 5));
  f.close();
  await until("both errors", () => thrown.includes("of the application") && thrown.includes("of onState"));
  await sleep(5); // for that of the last state
});

test("close, a signal and leaving the loop end everything", async () => {
  for (const end of ["close", "signal", "break", "before"]) {
    for (const name of transports) {
      const net = new Net();
      net.publish("1");
      const control = new AbortController();
      if (end == "before") control.abort();
      const f = start(net, { transports: [name], signal: control.signal, interval: 1e6 });
      const got = [];
      for await (const item of f) {
        got.push(text(item));
        if (end == "break") break;
        setTimeout(end == "close" ? f.close : () => control.abort(), 10);
      }
      assert.deepEqual(got, end == "before" ? [] : ["1"]);
      assert.equal(await f.done, undefined);
      assert.equal(f.state.ended, true);
      await until("nothing open", () => !net.open.size && !net.sockets);
      if (end == "before") assert.equal(net.asked.length, 0);
    }
  }
});

test("headers, credentials and the query of the URL", async () => {
  const net = new Net();
  net.publish("1");
  let n = 0;
  const f = start(net, { headers: async () => ({ Authorization: `Bearer ${++n}` }), credentials: "include", after: "now" });
  const items = take(f, 1);
  await until("connected", () => f.state.connected);
  net.publish("2");
  await items;
  const [{ transport, url, init }] = net.asked;
  assert.equal(transport, "eventstream"); // a socket cannot have fields
  assert.equal(url.href, "http://host.test/topic?room=1&after=now");
  assert.deepEqual([init.credentials, init.cache, init.headers.get("Authorization")], ["include", "no-store", "Bearer 1"]);
  f.close();
  assert.throws(() => start(net, { transports: ["carrier pigeon"] }), PushwireError);
  assert.throws(() => start(net, { transports: ["websocket"], headers: {} }), PushwireError);
  assert.throws(() => follow("http://["), TypeError);
});
