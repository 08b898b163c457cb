// Chaos: transports are refused, buffered and silent at random, connections
// are cut, and the server comes back with its log or without.

import assert from "node:assert/strict";
import { test } from "node:test";

import { sleep, start, text, transports, until } from "./client.mjs";
import { Net } from "./net.mjs";

for (const seed of [1, 2, 3]) {
  test(`chaos ${seed}: every item once and in order, or a reset`, async () => {
    let s = seed * 2654435761;
    const random = (n) => ((s = (s * 1103515245 + 12345) % 2147483648) >> 8) % n;
    const net = new Net();
    net.chunk = seed == 3 ? 5 : 0;
    const got = [];
    const used = new Set();
    const f = start(net, {
      climb: 15, patience: 25, backoff: 2, maxBackoff: 10, wait: 40, idle: 60,
      onState: (st) => st.connected && used.add(st.transport),
      onItem: (item) => got.push(item.type == "pushwire:reset" ? { reset: JSON.parse(item.data) } : { cursor: item.cursor, text: text(item) }),
    });
    let n = 0;
    for (let turn = 0; turn < 400; turn++) {
      const batch = Array.from({ length: random(20) }, () => `${net.epoch} ${++n}`);
      net.publish(...batch);
      switch (random(12)) {
        case 0: case 1: net.cut(); break;
        case 2: case 3: case 4: { // so that one transport is the best, and what is open breaks
          const best = random(5);
          net.refuse = {};
          for (const name of transports.slice(0, best)) net.refuse[name] = [406, "silent", "buffered"][random(name == "longpoll" ? 2 : 3)];
          net.cut();
          break;
        }
        case 5: net.refuse = {}; break;
        case 7: net.down = true; net.cut(); break;
        case 8: net.down = false; break;
        case 9: if (seed != 1 && random(8) == 0) net.restart(net.epoch + "x"); break;
        case 10: if (seed != 1 && random(4) == 0) net.drop(random(30)); break;
      }
      await sleep(random(5));
    }
    Object.assign(net, { down: false, refuse: {} });
    net.publish("last");
    await until("the last item", () => got.at(-1)?.text == "last", 5e3);
    f.close();
    let at;
    let resets = 0;
    for (const g of got) {
      if (g.reset) {
        assert.equal(g.reset.after, at);
        at = g.reset.oldest;
        resets++;
        continue;
      }
      const [epoch, seq] = (at ?? `${g.cursor.split("-")[0]}-0`).split("-");
      assert.equal(g.cursor, `${epoch}-${+seq + 1}`);
      at = g.cursor;
    }
    if (seed == 1) assert.deepEqual([resets, got.length], [0, n + 1]);
    assert.equal(used.size, 5, [...used].join());
  });
}
