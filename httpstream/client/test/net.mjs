// A network in memory with one server of the protocol behind it: its fetch and
// its WebSocket are given to the client in place of the browser's. It breaks on
// demand, and remembers what it was asked.

const json = (status, body, headers = {}) =>
  new Response(status == 204 ? null : JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });

export class Net {
  epoch = "a";
  items = []; // of this epoch, from the first
  dropped = 0; // how many of them are no longer kept
  down = false; // nothing answers
  asked = []; // { transport, after, wait }
  open = new Set(); // what can be cut: { cut(), push() }
  refuse = {}; // transport: status, or "silent", or "buffered"
  chunk = 0; // bodies are handed out in pieces of so many bytes; 0: as they were written
  limit = Infinity; // items of one answer to a poll
  binary = (seq) => seq % 7 == 3;

  get head() { return `${this.epoch}-${this.items.length}`; }
  get oldest() { return `${this.epoch}-${this.dropped}`; }

  publish(...texts) {
    for (const text of texts) {
      const seq = this.items.length + 1;
      const item = { cursor: `${this.epoch}-${seq}`, type: seq % 5 ? "message" : "five", text };
      this.items.push(item);
    }
    for (const o of this.open) o.push();
  }

  // drop forgets all but the newest n items.
  drop(n) { this.dropped = Math.max(this.dropped, this.items.length - n); }

  restart(epoch) {
    this.epoch = epoch;
    this.items = [];
    this.dropped = 0;
    this.cut();
  }

  cut() { for (const o of [...this.open]) o.cut(); }

  // from says what follows a cursor: where to read on, and the reset if it was lost.
  from(after) {
    if (after == "now") return { at: this.items.length };
    if (after == null) return { at: this.dropped };
    const [epoch, seq] = after.split("-");
    if (epoch == this.epoch && seq >= this.dropped && seq <= this.items.length) return { at: +seq };
    return { at: this.dropped, reset: { after, oldest: this.oldest, head: this.head } };
  }

  object({ cursor, type, text }, seq) {
    const o = { cursor };
    if (type != "message") o.type = type;
    if (this.binary(seq)) o.base64 = Buffer.from(text).toString("base64");
    else o.data = text;
    return o;
  }

  line = (item, seq) => JSON.stringify(this.object(item, seq)) + "\n";

  event = (item, seq) => {
    const binary = this.binary(seq);
    const type = binary ? `event: ${item.type};base64\n` : item.type == "message" ? "" : `event: ${item.type}\n`;
    const data = binary ? Buffer.from(item.text).toString("base64") : item.text;
    return `id: ${item.cursor}\n${type}${data.split("\n").map((l) => `data: ${l}\n`).join("")}\n`;
  };

  fetch = async (address, init) => {
    const url = new URL(address);
    const accept = new Headers(init.headers).get("Accept");
    const after = url.searchParams.get("after");
    const wait = url.searchParams.get("wait");
    const transport = init.method == "POST" ? "publish" :
      { "text/event-stream": "eventstream", "application/x-ndjson": "stream" }[accept] ?? (wait == null ? "shortpoll" : "longpoll");
    this.asked.push({ transport, after, wait, init, url });
    await null;
    if (init.signal.aborted) throw init.signal.reason;
    if (this.down) throw new TypeError("fetch failed");
    const refusal = this.refuse[transport];
    if (refusal instanceof Response) return refusal.clone();
    if (typeof refusal == "function") return refusal(this.asked.at(-1));
    if (refusal == "silent") {
      return new Promise((_, reject) => init.signal.addEventListener("abort", () => reject(init.signal.reason)));
    }
    if (refusal && refusal != "buffered") return json(refusal, { error: "refused", message: "not here" });
    const { at, reset } = this.from(after);
    if (accept == "application/json") return this.poll(init, at, reset, wait);
    const isEvents = transport == "eventstream";
    return this.stream(init, accept, refusal == "buffered" ? "" : undefined, at, isEvents ? this.event : this.line, isEvents
      ? (cursor) => (reset ? `event: pushwire:reset\nid: ${cursor}\ndata: ${JSON.stringify(reset)}\n\n` : `id: ${cursor}\n\n`)
      : (cursor) => JSON.stringify({ cursor, reset }) + "\n");
  };

  stream(init, type, held, at, encode, first) {
    const bytes = new TextEncoder();
    const body = new ReadableStream({
      start: (control) => {
        let ended = false;
        const end = (f) => {
          if (!ended) f();
          ended = true;
          this.open.delete(o);
        };
        const say = (text) => {
          const all = bytes.encode(text);
          for (let i = 0; i < all.length; i += this.chunk || all.length) control.enqueue(all.slice(i, i + (this.chunk || all.length)));
        };
        const o = {
          cut: () => end(() => control.error(new TypeError("cut"))),
          push: () => { while (at < this.items.length && !ended) say(encode(this.items[at], ++at)); },
          say,
          finish: () => end(() => control.close()),
        };
        this.open.add(o);
        init.signal.addEventListener("abort", () => end(() => control.error(init.signal.reason)));
        if (held != null) {
          o.push = () => {};
          return;
        }
        say(first(`${this.epoch}-${at}`));
        o.push();
      },
    });
    return new Response(body, { headers: { "Content-Type": type } });
  }

  async poll(init, at, reset, wait) {
    if (reset) return json(410, { error: "gone", message: "gone", ...reset }, { "Pushwire-Cursor": reset.oldest });
    if (+wait && at == this.items.length) {
      let done;
      await new Promise((resolve, reject) => {
        const o = { cut: () => reject(new TypeError("cut")), push: resolve };
        this.open.add(o);
        const timer = setTimeout(resolve, wait * 1e3);
        const abort = () => reject(init.signal.reason);
        init.signal.addEventListener("abort", abort);
        done = () => {
          clearTimeout(timer);
          init.signal.removeEventListener("abort", abort);
          this.open.delete(o);
        };
      }).finally(() => done());
    }
    const items = this.items.slice(at, at + this.limit);
    const cursor = items.at(-1)?.cursor ?? `${this.epoch}-${at}`;
    if (!items.length) return json(204, null, { "Pushwire-Cursor": cursor });
    const more = at + items.length < this.items.length || undefined;
    return json(200, { items: items.map((item, i) => this.object(item, at + i + 1)), cursor, more }, { "Pushwire-Cursor": cursor });
  }

  // WebSocket is the class that the client makes its sockets from.
  get WebSocket() {
    const net = this;
    return class {
      constructor(address) {
        const after = new URL(address).searchParams.get("after");
        net.asked.push({ transport: "websocket", after });
        net.sockets = (net.sockets ?? 0) + 1;
        let at;
        let ended = false;
        const end = (code) => {
          if (ended) return;
          ended = true;
          net.open.delete(o);
          net.sockets--;
          queueMicrotask(() => this.onclose?.({ code, reason: "" }));
        };
        const o = {
          cut: () => end(1006),
          finish: () => end(1001),
          say: (data) => queueMicrotask(() => this.onmessage?.({ data })),
          push: () => {
            while (at < net.items.length) {
              const item = net.items[at++];
              const bytes = Buffer.from(`${item.cursor}\n${item.type}\n${item.text}`);
              o.say(net.binary(at) ? bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) : JSON.stringify(net.object(item, at)));
            }
          },
        };
        this.close = () => end(1005);
        setTimeout(() => {
          if (ended || net.refuse.websocket == "silent") return;
          if (net.down || net.refuse.websocket) return end(1006);
          const { at: from, reset } = net.from(after);
          at = from;
          net.open.add(o);
          o.say(JSON.stringify({ cursor: `${net.epoch}-${at}`, reset }));
          o.push();
        });
      }
    };
  }
}
