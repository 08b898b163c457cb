// Never run: the types of the client as an application uses them. Where a
// mistake is expected, there has to be one.

import { PushwireError, follow, publish, type FollowOptions, type Follower, type Item, type Published, type Reset, type State, type Transport } from "../pushwire.js";

const options: FollowOptions = {
  after: "now",
  transports: ["websocket", "eventstream", "stream", "longpoll", "shortpoll"],
  onItem: async (item: Item) => { item.cursor.length; },
  onReset: (reset: Reset) => reset.after + reset.oldest + reset.head,
  onState: ({ transport, connected, cursor, error, wait, ended }: State) => {
    const name: Transport | "" = transport;
    console.log(name, connected, cursor, error instanceof PushwireError && error.status, wait.toFixed(), ended);
  },
  headers: () => ({ Authorization: "Bearer x" }),
  credentials: "include",
  signal: new AbortController().signal,
  wait: 1, interval: 1, patience: 1, idle: 1, climb: 1, backoff: 1, maxBackoff: 1, maxItem: 1,
  fetch, WebSocket,
};

const f: Follower = follow(new URL("https://host.test/topic"), options);
for await (const item of f) {
  const text: string = typeof item.data == "string" ? item.data : new TextDecoder().decode(item.data);
  console.log(text, f.transport, f.state.connected);
  // @ts-expect-error it may be bytes
  item.data.charCodeAt(0);
}
f.close();
const why: Error | undefined = await f.done;
if (why instanceof PushwireError) console.log(why.token.length);

const published: Published = await publish("/topic", new Uint8Array(1), { type: "t", key: "k", tries: 1, timeout: 1, headers: [["a", "b"]] });
console.log(published.cursor, published.stored);

// @ts-expect-error there is no such transport
follow("/topic", { transports: ["telegraph"] });
// @ts-expect-error numbers are no data
publish("/topic", 7);
// @ts-expect-error the cursor is moved by items only
f.cursor = "x";
