// A server of event streams made of npm's better-sse. It serves one stream at
// a time: the commands act on the newest. Data goes out as JSON, as the package
// does unless it is told otherwise: text as it is would lose what follows its
// first line end, and a space at its beginning.

import http from "node:http";
import { decode, emit, load, obey } from "./lines.mjs";

const { createSession } = load("better-sse");

let session;
let response;

const table = {
  listen({ retry }) {
    const server = http.createServer(async (req, res) => {
      response = res;
      session = await createSession(req, res, { retry });
      emit("open", { id: session.lastId, type: req.method });
    });
    return new Promise((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        emit("listening", { port: server.address().port });
        resolve();
      });
    });
  },
  push: ({ type, id, data }) => void session.push(decode(data).toString(), type, id),
  end: () => void response.end(),
};

obey(table);
