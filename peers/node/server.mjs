// A server made of npm's ws package. It serves one connection at a time: the
// commands act on the newest.

import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { deflated, deflateOptions, emit, load, obey, verbs, watch } from "./lines.mjs";

const { WebSocketServer } = load("ws");

let ws;

function listen({ protocols = [], cert, key, max, deflate, echo }) {
  const server = cert
    ? https.createServer({ cert: readFileSync(cert), key: readFileSync(key) })
    : http.createServer();
  const sockets = new WebSocketServer({
    server,
    perMessageDeflate: deflateOptions(deflate),
    maxPayload: max,
    handleProtocols: (offered) => protocols.find((p) => offered.has(p)) ?? false,
  });
  sockets.on("connection", (socket) => {
    ws = socket;
    ws.on("error", (err) => emit("error", { message: err.message }));
    watch(ws, echo);
    emit("open", { protocol: ws.protocol, deflate: deflated(ws) });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      emit("listening", { port: server.address().port });
      resolve();
    });
  });
}

obey({ listen, ...verbs(() => ws) });
