// A client made of npm's ws package.

import { readFileSync } from "node:fs";
import { deflated, deflateOptions, emit, load, obey, verbs, watch } from "./lines.mjs";

const { WebSocket } = load("ws");

let ws;

function connect({ url, protocols = [], ca, max, headers, deflate, echo }) {
  return new Promise((resolve) => {
    ws = new WebSocket(url, protocols, {
      perMessageDeflate: deflateOptions(deflate),
      ca: ca && readFileSync(ca),
      maxPayload: max,
      headers,
    });
    watch(ws, echo);
    let settled = false; // refused and error are told once, with no close after them
    const settle = (event, fields) => {
      if (!settled) emit(event, fields);
      settled = true;
      resolve();
    };
    ws.once("open", () => settle("open", { protocol: ws.protocol, deflate: deflated(ws) }));
    ws.once("unexpected-response", (_, res) => {
      settle("refused", { code: res.statusCode });
      for (const event of ["close", "error"]) ws.removeAllListeners(event);
      ws.on("error", () => {}); // terminate makes one
      ws.terminate();
    });
    ws.on("error", (err) => {
      if (settled) emit("error", { message: err.message });
      else {
        ws.removeAllListeners("close");
        settle("refused", { message: err.message });
      }
    });
  });
}

obey({ connect, ...verbs(() => ws) });
