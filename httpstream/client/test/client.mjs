// What the tests have in common: the client under test, readable or minified,
// and reading from it.

import assert from "node:assert/strict";
import { after } from "node:test";

export const { PushwireError, follow, publish } = await import(process.env.PUSHWIRE_CLIENT ?? "../pushwire.js");

export const transports = ["websocket", "eventstream", "stream", "longpoll", "shortpoll"];

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const URL = "http://host.test/topic?room=1";

const QUICK = { backoff: 4, patience: 200, climb: 1e6, wait: 300, interval: 5, idle: 500 };

const started = [];

export function start(net, options = {}) {
  const f = follow(URL, { fetch: net.fetch, WebSocket: net.WebSocket, ...QUICK, ...options });
  started.push(f);
  return f;
}

// A test that failed may have left one open, which would keep the process.
after(() => started.forEach((f) => f.close()));

export const text = ({ data }) => (typeof data == "string" ? data : new TextDecoder().decode(data));

// take reads n items, no longer than a while.
export async function take(f, n) {
  const items = [];
  const late = setTimeout(() => f.close(), 5e3);
  try {
    while (items.length < n) {
      const { value, done } = await f[Symbol.asyncIterator]().next();
      if (done) break;
      items.push(value);
    }
    return items;
  } finally {
    clearTimeout(late);
  }
}

export const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);

export async function until(what, f, ms = 5e3) {
  for (const end = Date.now() + ms; !f(); await sleep(2)) if (Date.now() > end) assert.fail(`not within ${ms} ms: ${what}`);
}
