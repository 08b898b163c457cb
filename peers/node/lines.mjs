// The line protocol between a peer and the Go test: one JSON object a line,
// commands on stdin, events on stdout, payloads in base64. doc.go in the
// folder above lists them. What ought to happen is known to the Go test only.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = process.env.PUSHWIRE_NODE_MODULES || path.join(here, "node_modules");

// load requires a package from where the set-up put it, which an import
// statement can't do: it knows no search path.
export const load = createRequire(path.join(modules, "from.cjs"));

export const encode = (data) => Buffer.from(data).toString("base64");
export const decode = (text) => Buffer.from(text ?? "", "base64");

export function emit(event, fields = {}) {
  process.stdout.write(JSON.stringify({ event, ...fields }) + "\n");
}

// obey runs the commands one after another until stdin ends, which ends the
// process after atEnd.
export function obey(table, atEnd = () => {}) {
  let last = Promise.resolve();
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const command = JSON.parse(line);
    last = last.then(() => table[command.cmd](command)).catch((err) => {
      emit("failed", { message: `${command.cmd}: ${err.message}` });
    });
  });
  lines.on("close", () => last.then(atEnd).finally(() => process.exit(0)));
}

// deflateOptions are the package's own for what a command asks for; a field
// that is not there stays unset. All messages are compressed, short ones too.
export const deflateOptions = (d) =>
  d ? {
    threshold: 0,
    serverNoContextTakeover: d.serverNoContext,
    clientNoContextTakeover: d.clientNoContext,
    serverMaxWindowBits: d.serverBits,
    clientMaxWindowBits: d.clientBits,
  } : false;

// deflated is what this end goes by, undefined without compression. The
// package's public field has the extension's name only.
export function deflated(ws) {
  if (ws.extensions !== "permessage-deflate") return undefined;
  const { params } = ws._extensions["permessage-deflate"];
  return {
    serverNoContext: params.server_no_context_takeover === true,
    clientNoContext: params.client_no_context_takeover === true,
    serverBits: params.server_max_window_bits ?? 15,
    clientBits: params.client_max_window_bits ?? 15,
  };
}

// watch reports what happens to a socket of the ws package once it is open, or
// sends messages back instead.
export function watch(ws, echo) {
  ws.on("message", (data, binary) => {
    if (echo) ws.send(data, { binary });
    else emit("message", { type: binary ? "binary" : "text", data: encode(data) });
  });
  ws.on("ping", (data) => emit("ping", { data: encode(data) }));
  ws.on("pong", (data) => emit("pong", { data: encode(data) }));
  ws.on("close", (code, reason) => emit("close", { code, reason: reason.toString() }));
}

// verbs are the commands that act on the open socket.
export function verbs(socket) {
  const table = {
    send({ type, parts, pings = [] }) {
      parts.forEach((part, i) => {
        socket().send(decode(part), { binary: type === "binary", fin: i === parts.length - 1 });
        if (i < pings.length) socket().ping(decode(pings[i]));
      });
    },
    ping: ({ data }) => socket().ping(decode(data)),
    close: ({ code, reason }) => (code ? socket().close(code, reason) : socket().close()),
    drop: () => socket().terminate(),
  };
  return { ...table, offer: table.send }; // ws tells of a lost connection by its events only
}
