// Web Push: the coding of npm's http_ece, npm's web-push as a sender, and
// web-push-testing as a push service.

import { createECDH } from "node:crypto";
import fs from "node:fs";
import https from "node:https";
import { decode, emit, encode, load, obey } from "./lines.mjs";

const ece = load("http_ece");
const webPush = load("web-push");
const { PushApiModel } = load("web-push-testing/src/PushApiModel.js");
const WebPushTestingServer = load("web-push-testing/src/server.js");

console.log = console.error; // the service says there that it runs; stdout is the protocol's

const bytes = (text) => Buffer.from(text, "base64url");

function pair(secret) {
  const ecdh = createECDH("prime256v1");
  if (secret) ecdh.setPrivateKey(bytes(secret));
  else ecdh.generateKeys();
  return ecdh;
}

const table = {
  encrypt({ p256dh, auth, data }) {
    const body = ece.encrypt(decode(data), { version: "aes128gcm", privateKey: pair(), dh: bytes(p256dh), authSecret: bytes(auth) });
    emit("encrypted", { data: encode(body) });
  },
  decrypt({ secret, auth, data }) {
    const plain = ece.decrypt(decode(data), { version: "aes128gcm", privateKey: pair(secret), authSecret: bytes(auth) });
    emit("decrypted", { data: encode(plain) });
  },
  async send({ subscription, key, subject, data, ttl, urgency, topic, ca }) {
    const res = await webPush.sendNotification(subscription, decode(data), {
      vapidDetails: { subject, publicKey: key.public, privateKey: key.private },
      TTL: ttl,
      urgency,
      topic,
      agent: new https.Agent({ ca: fs.readFileSync(ca) }),
    }).catch((err) => err); // of the same form, for an answer that is not 2xx
    emit("sent", { code: res.statusCode, message: res.body ?? String(res) });
  },
  // service starts web-push-testing. It knows its port only once it listens.
  service() {
    const model = new PushApiModel();
    const service = new WebPushTestingServer(model, 0);
    service.startServer();
    return new Promise((resolve) => {
      service._server.on("listening", () => {
        const { port } = service._server.address();
        model.notifyUrl = `http://127.0.0.1:${port}/notify/`;
        emit("listening", { port });
        resolve();
      });
    });
  },
};

obey(table);
