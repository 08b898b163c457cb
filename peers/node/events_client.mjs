// Clients of event streams: npm's eventsource, which reconnects, and
// eventsource-parser over fetch, which reads one answer.

import { emit, encode, load, obey } from "./lines.mjs";

const { EventSource } = load("eventsource");
const { createParser } = load("eventsource-parser");

let source;

const tell = ({ type, id, data }) => emit("sse", { type, id, data: encode(data) });

const table = {
  // subscribe opens an EventSource that listens to the types.
  subscribe({ url, types }) {
    source = new EventSource(url);
    source.onopen = () => emit("open");
    source.onerror = ({ code }) => emit("lost", { code, message: source.readyState === EventSource.CLOSED ? "closed" : "connecting" });
    for (const type of types) {
      source.addEventListener(type, (e) => tell({ type: e.type, id: e.lastEventId, data: e.data }));
    }
  },
  close: () => source.close(),
  // parse reads the answer to one request to its end.
  async parse({ url }) {
    const parser = createParser({
      onEvent: ({ event = "message", id = "", data }) => tell({ type: event, id, data }),
      onRetry: (ms) => emit("retry", { code: ms }),
      onError: (err) => emit("error", { message: err.message }),
    });
    const res = await fetch(url, { headers: { Accept: "text/event-stream" } });
    emit("open", { code: res.status });
    const text = new TextDecoder();
    for await (const chunk of res.body) parser.feed(text.decode(chunk, { stream: true }));
    emit("end");
  },
};

obey(table, () => source?.close());
