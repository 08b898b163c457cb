// What is read is the same, however the bytes are cut into pieces.

import assert from "node:assert/strict";
import { test } from "node:test";

import { start, take, text } from "./client.mjs";

const bytes = (s) => new TextEncoder().encode(s);

// serve answers the first request with pieces and the others never.
const serve = (type, pieces) => {
  let asked = false;
  return {
    fetch: async (_, { signal }) => {
      if (asked) return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      asked = true;
      return new Response(new ReadableStream({
        start: (control) => pieces.forEach((piece) => control.enqueue(piece)),
      }), { headers: { "Content-Type": type } });
    },
  };
};

// read is what an application gets of the pieces.
async function read(transport, type, pieces, n) {
  const f = start(serve(type, pieces), { transports: [transport] });
  const items = await take(f, n);
  f.close();
  assert.equal(f.state.error, undefined);
  return items.map((item) => [item.cursor, item.type, typeof item.data, text(item)]);
}

// Every field that there is, and lines that are none of ours.
const EVENTS = [
  "\ufeff: hello\n\nid: e-4\n\n",
  "id: e-5\ndata: first\n\n",
  ":\nid:e-6\r\nevent:greeting\r\ndata:Grüße,\r\ndata: κόσμε\r\ndata\r\ndata:  😀\r\n\r\n",
  "unknown: field\ndata: x\rid: e-7\r\revent: dropped without data\n\n",
  "retry: 10\nretry: x\nid: e-8\nevent: bin;base64\ndata: AP/+\n\n",
  "id: e-9\nevent: ;base64\ndata:\n\nid: e-10\ndata:\n\n",
  "event: pushwire:reset\nid: f-0\ndata: {\"after\":\"e-10\",\ndata: \"oldest\":\"f-0\",\"head\":\"f-1\"}\n\n",
  "id: f-1\ndata: a: colon\n\nid: f-2\nevent: note;json\ndata: \"a\\r\\nb\\r\"\n\nid: f-3\ndata: never ended",
].join("");

const FROM_EVENTS = [
  ["e-5", "message", "string", "first"],
  ["e-6", "greeting", "string", "Grüße,\nκόσμε\n\n 😀"],
  ["e-7", "message", "string", "x"],
  ["e-8", "bin", "object", new TextDecoder().decode(new Uint8Array([0, 255, 254]))],
  ["e-9", "message", "object", ""],
  ["e-10", "message", "string", ""],
  ["f-0", "pushwire:reset", "string", '{"after":"e-10","oldest":"f-0","head":"f-1"}'],
  ["f-1", "message", "string", "a: colon"],
  ["f-2", "note", "string", "a\r\nb\r"],
];

const LINES = [
  '{"cursor":"e-4"}', '{"cursor":"e-5","data":"first"}', "", '{"cursor":"e-6","type":"greeting","data":"Grüße,\\nκόσμε\\r\\u2028 😀"}',
  '{"cursor":"e-6"}', '{"cursor":"e-7","type":"bin","base64":"AP/+"}', '{"cursor":"e-8","base64":""}',
  '{"cursor":"f-0","reset":{"after":"e-8","oldest":"f-0","head":"f-1"}}', '{"cursor":"f-1","data":""}', '{"cursor":"f-2","data":"never ended"}',
].join("\n");

const FROM_LINES = [
  ["e-5", "message", "string", "first"],
  ["e-6", "greeting", "string", "Grüße,\nκόσμε\r\u2028 😀"],
  ["e-7", "bin", "object", new TextDecoder().decode(new Uint8Array([0, 255, 254]))],
  ["e-8", "message", "object", ""],
  ["f-0", "pushwire:reset", "string", '{"after":"e-8","oldest":"f-0","head":"f-1"}'],
  ["f-1", "message", "string", ""],
];

for (const [transport, type, all, want] of [
  ["eventstream", "text/event-stream; charset=utf-8", EVENTS, FROM_EVENTS],
  ["stream", "application/x-ndjson", LINES, FROM_LINES],
]) {
  test(`${transport}: whole, byte by byte, and cut in two anywhere`, async () => {
    const b = bytes(all);
    assert.deepEqual(await read(transport, type, [b], want.length), want);
    assert.deepEqual(await read(transport, type, Array.from(b, (_, i) => b.slice(i, i + 1)), want.length), want);
    for (let i = 1; i < b.length; i++) {
      assert.deepEqual(await read(transport, type, [b.slice(0, i), b.slice(i)], want.length), want, `cut at ${i}`);
    }
  });
}

test("an answer to a poll cut in two anywhere", async () => {
  const b = bytes('{"items":[{"cursor":"e-1","data":"ä😀"},{"cursor":"e-2","type":"t","base64":"AP8="}],"cursor":"e-2"}');
  for (let i = 0; i < b.length; i++) {
    const net = { fetch: async () => new Response(new ReadableStream({
      start: (control) => {
        control.enqueue(b.slice(0, i));
        control.enqueue(b.slice(i));
        control.close();
      },
    }), { headers: { "Content-Type": "application/json" } }) };
    const f = start(net, { transports: ["shortpoll"] });
    const items = await take(f, 2);
    assert.deepEqual(items.map((item) => [item.cursor, item.type, text(item)]), [["e-1", "message", "ä😀"], ["e-2", "t", "\0\ufffd"]]);
    f.close();
  }
});

test("cursors beyond 2^53 are told apart", async () => {
  const n = 18446744073709551613n;
  const lines = [`{"cursor":"e-${n}"}`, `{"cursor":"e-${n + 1n}","data":"a"}`, `{"cursor":"e-${n + 2n}","data":"b"}`, ""].join("\n");
  const got = await read("stream", "application/x-ndjson", [bytes(lines)], 2);
  assert.deepEqual(got.map(([cursor]) => cursor), [`e-${n + 1n}`, `e-${n + 2n}`]);
});
