// What a page's life does to following: it is hidden and looked at again, and
// the network goes and comes back. There is no browser here, so the globals are
// made first.

import assert from "node:assert/strict";
import { test } from "node:test";

const events = new EventTarget();
globalThis.addEventListener = events.addEventListener.bind(events);
globalThis.document = Object.assign(new EventTarget(), { hidden: false, baseURI: "http://host.test/base/page" });
Object.defineProperty(globalThis, "navigator", { value: { onLine: true }, configurable: true });

const { follow, sleep, start, take, text, until } = await import("./client.mjs");
const { Net } = await import("./net.mjs");

const network = (on) => {
  navigator.onLine = on;
  events.dispatchEvent(new Event(on ? "online" : "offline"));
};

const look = (at) => {
  document.hidden = !at;
  document.dispatchEvent(new Event("visibilitychange"));
};

test("the URL is relative to the page", async () => {
  const net = new Net();
  const f = follow("../topic", { fetch: net.fetch, WebSocket: net.WebSocket, transports: ["stream"] });
  net.publish("1");
  await take(f, 1);
  assert.equal(net.asked[0].url.href, "http://host.test/topic");
  f.close();
});

test("without a network it waits for one, and does not try", async () => {
  const net = new Net();
  const f = start(net, { maxBackoff: 60e3 });
  const items = take(f, 1);
  await until("connected", () => f.state.connected);
  net.asked = [];
  net.down = true;
  network(false);
  net.cut();
  await sleep(100);
  assert.equal(net.asked.length, 0);
  net.down = false;
  net.publish("1");
  network(true);
  assert.deepEqual((await items).map(text), ["1"]);
  f.close();
});

test("the network's return ends a wait, but not one that the server asked for", async () => {
  const net = new Net();
  net.down = true;
  const f = start(net, { backoff: 60e3, maxBackoff: 60e3 });
  const items = take(f, 1);
  await until("waiting", () => f.state.wait > 0);
  net.down = false;
  net.publish("1");
  network(true);
  assert.deepEqual((await items).map(text), ["1"]);
  f.close();

  net.refuse.stream = new Response("{}", { status: 503, headers: { "Retry-After": "1" } });
  const g = start(net, { transports: ["stream"] });
  const more = take(g, 1);
  await until("waiting", () => g.state.wait > 0);
  net.asked = [];
  network(true);
  look(true);
  await sleep(100);
  assert.equal(net.asked.length, 0);
  g.close(); // which ends any wait
  assert.deepEqual(await more, []);
});

test("the network's return replaces connections that may be dead, without a break", async () => {
  for (const name of ["websocket", "eventstream", "stream", "longpoll"]) {
    const net = new Net();
    const states = [];
    const f = start(net, { transports: [name], idle: 30e3, wait: 25e3, onState: (s) => states.push(s.connected) });
    const items = take(f, 2);
    net.publish("1");
    await until("item 1", () => f.cursor == "a-1");
    await sleep(5);
    for (const o of net.open) o.push = () => {}; // it is dead
    network(false);
    states.length = 0;
    network(true);
    net.publish("2");
    assert.deepEqual((await items).map(text), ["1", "2"], name);
    assert.ok(!states.includes(false), name);
    f.close();
  }
});

test("a hidden page polls more rarely and does not climb; one that is looked at polls at once", async () => {
  const net = new Net();
  look(false);
  net.refuse.stream = 406;
  const f = start(net, { transports: ["stream", "shortpoll"], interval: 30, climb: 10 });
  const items = take(f, 2);
  await until("connected", () => f.state.connected);
  net.asked = [];
  await sleep(400);
  const polls = net.asked.length;
  assert.ok(polls >= 1 && polls <= 8, `${polls} polls`);
  assert.ok(net.asked.every((a) => a.transport == "shortpoll"));
  const hidden = start(net, { transports: ["shortpoll"], interval: 1e6 });
  const late = take(hidden, 1);
  await until("connected", () => hidden.state.connected);
  await sleep(5);
  net.publish("1");
  look(true);
  assert.deepEqual((await late).map(text), ["1"]);
  look(false);
  delete net.refuse.stream;
  await sleep(100);
  assert.equal(f.transport, "shortpoll");
  look(true);
  await until("climbed", () => f.transport == "stream" && f.state.connected);
  net.publish("2");
  assert.deepEqual((await items).map(text), ["1", "2"]);
  f.close();
  hidden.close();
});
