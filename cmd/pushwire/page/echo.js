// The echo page of "pushwire serve": one WebSocket to /echo, what goes out and
// what comes back, and a topic as an event stream. The server answers every message with the same message, in
// order, so a queue of sending times is enough to tell the round trips.

const LOG_LIMIT = 200;        // entries kept in the log
const SHOWN_CHARS = 500;      // of a text message in the log
const SHOWN_BYTES = 32;       // of a binary message in the log
const FILE_LIMIT = 16 << 20;  // bytes read into memory; the server's own limit is lower
const REASON_LIMIT = 123;     // bytes; RFC 6455, 5.5.1, less the code
const ROUND_TRIPS = 20;       // of one measurement

// RFC 6455, 7.4.1, and the IANA registry.
const CODES = {
  1000: "normal", 1001: "going away", 1002: "protocol error", 1003: "unsupported data",
  1005: "no status", 1006: "connection lost", 1007: "invalid payload", 1008: "policy violation",
  1009: "message too big", 1010: "mandatory extension", 1011: "internal error",
  1012: "service restart", 1013: "try again later", 1014: "bad gateway", 1015: "TLS handshake",
};

const $ = (id) => document.getElementById(id);
const bytesOf = (text) => new TextEncoder().encode(text).length;
const url = location.origin.replace(/^http/, "ws") + "/echo";
const eventsURL = location.origin + "/topics/demo";

let socket = null;   // the current WebSocket, null before the first and after each
let strayed = false; // the keyboard's focus was on a control that went dead
let source = null;   // the EventSource, null while nobody listens
let waiting = [];    // one entry for each message that has not come back: { at, done }

// Log.

function log(kind, about, body) {
  const list = $("log");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 8;
  const item = document.createElement("li");
  item.dataset.kind = kind;
  const part = (name, text) => {
    const span = document.createElement(name === "body" ? "div" : "span");
    span.className = name;
    span.textContent = text;
    item.append(span, " ");
  };
  part("kind", kind);
  part("meta", `${about} · ${new Date().toLocaleTimeString()}`);
  if (body) part("body", body);
  list.append(item);
  while (list.childElementCount > LOG_LIMIT) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function size(n) {
  if (n < 1024) return n === 1 ? "1 byte" : `${n} bytes`;
  if (n < 1 << 20) return `${(n / 1024).toFixed(1)} KiB`;
  return `${(n / (1 << 20)).toFixed(1)} MiB`;
}

const millis = (t) => `${t.toFixed(t < 10 ? 2 : 1)} ms`;

function describe(data) {
  if (typeof data === "string") {
    const shown = data.length > SHOWN_CHARS ? data.slice(0, SHOWN_CHARS) + " …" : data;
    return [`text, ${size(bytesOf(data))}`, shown];
  }
  const bytes = new Uint8Array(data);
  const hex = Array.from(bytes.subarray(0, SHOWN_BYTES), (b) => b.toString(16).padStart(2, "0")).join(" ");
  return [`binary, ${size(bytes.length)}`, bytes.length > SHOWN_BYTES ? hex + " …" : hex];
}

// Connection.

// setState shows where the connection is: connecting, open, closing, closed
// (by a closing handshake) or lost (without one).
function setState(state, text) {
  const open = state === "open";
  const focused = document.activeElement;
  $("status").dataset.state = state;
  $("status").textContent = text;
  $("connect").disabled = !(state === "closed" || state === "lost");
  $("sending").disabled = !open;
  $("closing").disabled = !open;
  // Whoever works by keyboard is not left on a control that went dead, but
  // comes to the next one that works, unless they have gone elsewhere.
  const next = open ? $("text") : $("connect");
  if (focused?.matches(":disabled")) strayed = true;
  else if (focused !== document.body) strayed = false;
  if (strayed && !next.matches(":disabled")) {
    strayed = false;
    next.focus();
  }
}

function connect() {
  setState("connecting", "connecting");
  const started = performance.now();
  const ws = new WebSocket(url);
  let opened = false;
  ws.binaryType = "arraybuffer";
  socket = ws;
  waiting = [];

  ws.onopen = () => {
    opened = true;
    setState("open", "open");
    log("open", `in ${millis(performance.now() - started)}${ws.extensions && ` · ${ws.extensions}`}`);
  };

  ws.onmessage = ({ data }) => {
    const sent = waiting.shift();
    const took = sent && performance.now() - sent.at;
    if (sent?.done) return sent.done(took);
    const [about, body] = describe(data);
    log("received", sent ? `${about} · round trip ${millis(took)}` : about, body);
  };

  ws.onclose = ({ code, reason, wasClean }) => {
    socket = null;
    for (const sent of waiting) sent.done?.(null);
    waiting = [];
    const name = CODES[code] ? ` ${CODES[code]}` : "";
    const why = reason ? `: ${reason}` : "";
    const what = wasClean ? "closed" : opened ? "lost" : "failed to connect";
    setState(wasClean ? "closed" : "lost", `${what}, ${code}${name}${why}`);
    log(wasClean ? "closed" : "lost", `${code}${name}`, reason);
  };
}

// Event stream.

function listen() {
  source?.close();
  source = source ? null : new EventSource(eventsURL);
  $("listen").setAttribute("aria-pressed", source ? "true" : "false");
  $("listen").textContent = source ? "Stop" : "Listen";
  $("events").textContent = source ? "connecting" : "not listening";
  if (!source) return;
  source.onopen = () => ($("events").textContent = "listening");
  source.onerror = () => ($("events").textContent = "lost, trying again");
  // Ticks would fill the log.
  source.addEventListener("tick", ({ data }) => {
    const { n, t } = JSON.parse(data);
    $("events").textContent = `tick ${n} at ${new Date(t).toLocaleTimeString()}`;
  });
  source.addEventListener("message", ({ data, lastEventId }) => {
    log("event", `${lastEventId} · ${size(bytesOf(data))}`, data.length > SHOWN_CHARS ? data.slice(0, SHOWN_CHARS) + " …" : data);
  });
}

async function postEvent() {
  try {
    const answer = await fetch(eventsURL, { method: "POST", body: $("event").value });
    if (!answer.ok) $("events").textContent = `posting failed: ${answer.status}`;
  } catch (err) {
    $("events").textContent = `posting failed: ${err.message}`;
  }
}

// post sends one message; done, if given, gets its round trip in milliseconds,
// or null when the connection ended first, and keeps it out of the log.
function post(data, done) {
  if (!done) log("sent", ...describe(data));
  waiting.push({ at: performance.now(), done });
  socket.send(data);
}

async function measure() {
  const trips = [];
  while (trips.length < ROUND_TRIPS && socket?.readyState === WebSocket.OPEN) {
    const took = await new Promise((done) => post(new Uint8Array(32), done));
    if (took === null) break;
    trips.push(took);
  }
  if (trips.length === 0) return "Round trip: the connection ended";
  trips.sort((a, b) => a - b);
  const median = trips[trips.length >> 1];
  return `Round trip: ${millis(median)} median, ${millis(trips[0])} to ${millis(trips.at(-1))}`;
}

// parseHex takes pairs of hex digits, with spaces, commas or colons between
// bytes if one likes, and 0x in front of each. It returns null for anything else.
function parseHex(text) {
  const digits = text.replace(/\b0x/gi, "").replace(/[\s,:]+/g, "");
  if (digits.length % 2 || /[^0-9a-f]/i.test(digits)) return null;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

// fault says what is wrong with an input, or with "" that nothing is.
function fault(id, text, ...inputs) {
  $(id).textContent = text;
  for (const input of inputs) input.setAttribute("aria-invalid", text ? "true" : "false");
  if (text) inputs[0].focus();
}

// Forms.

function onSubmit(id, handle) {
  $(id).addEventListener("submit", (event) => {
    event.preventDefault();
    if (socket?.readyState === WebSocket.OPEN) handle();
  });
}

onSubmit("text-form", () => {
  post($("text").value);
  $("text").select();
});

$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("text-form").requestSubmit();
});

onSubmit("hex-form", () => {
  const bytes = parseHex($("hex").value);
  fault("hex-error", bytes ? "" : "Write whole bytes as two hex digits each, for example 00 ff 10.", $("hex"));
  if (bytes) post(bytes);
});

onSubmit("file-form", async () => {
  const file = $("file").files[0];
  if (!file) return fault("file-error", "Choose a file first.", $("file"));
  if (file.size > FILE_LIMIT) return fault("file-error", `This page sends files of up to ${size(FILE_LIMIT)}.`, $("file"));
  fault("file-error", "", $("file"));
  let data;
  try {
    data = await file.arrayBuffer();
  } catch (err) {
    return fault("file-error", `The file can't be read: ${err.message}`, $("file"));
  }
  if (socket?.readyState === WebSocket.OPEN) post(data);
});

onSubmit("rtt-form", async () => {
  $("measure").disabled = true;
  $("rtt").textContent = "Round trip: measuring";
  $("rtt").textContent = await measure();
  $("measure").disabled = false;
});

onSubmit("close-form", () => {
  const code = Number($("code").value);
  const reason = $("reason").value;
  if (!(code === 1000 || (Number.isInteger(code) && code >= 3000 && code <= 4999))) {
    return fault("close-error", "The code has to be 1000 or between 3000 and 4999.", $("code"));
  }
  if (bytesOf(reason) > REASON_LIMIT) {
    return fault("close-error", `The reason has ${bytesOf(reason)} bytes; ${REASON_LIMIT} fit.`, $("reason"));
  }
  fault("close-error", "", $("code"), $("reason"));
  socket.close(code, reason);
  setState("closing", "closing");
  log("closing", String(code), reason); // the server's answer need not repeat the reason
});

$("event-form").addEventListener("submit", (event) => {
  event.preventDefault();
  postEvent();
});

$("listen").addEventListener("click", listen);
$("connect").addEventListener("click", connect);
$("clear").addEventListener("click", () => $("log").replaceChildren());

$("endpoint").textContent = url;
$("events-endpoint").textContent = eventsURL;
$("log-limit").textContent = LOG_LIMIT;
connect();
