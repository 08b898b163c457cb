// pushwire: follows a topic of a pushwire server over whatever the network lets
// through, and publishes to it.
//
//   import { follow, publish } from "./pushwire.js";
//
//   for await (const item of follow("/topics/news")) show(item.type, item.data);
//
//   const f = follow("/topics/news", { after: "now", onItem: show, onReset: reload });
//   await publish("/topics/news", "hello");
//   f.close();
//
// One URL serves five transports, and one cursor resumes on any of them. They
// are tried from the best down; what cannot be set up, stays silent at its
// beginning, or is cut again and again, is left for the next one, and tried
// again later, beside the one in use. Every item comes once and in order. Where
// that is impossible, because the server no longer has what comes next, a reset
// says so.
//
// Nothing is queued without a bound: bodies are pulled as the application takes
// items, and a socket, which cannot be pulled, is closed while too much waits,
// and opened again at the cursor. All times are in milliseconds.
//
// It is one long file because a page loads it as it is, with one request and
// without a build step, and because all of a follower is one closure: its names
// become single letters in the minified form, which properties do not.

// The transports from the best down, which is the order they are tried in.
const TRANSPORTS = ["websocket", "eventstream", "stream", "longpoll", "shortpoll"];

const BACKOFF = {
  backoff: 500, // the first wait is a random time up to this; doubled each time
  maxBackoff: 30e3,
};

const FOLLOW = {
  ...BACKOFF,
  after: "", // from the oldest item that the server has
  transports: TRANSPORTS,
  wait: 25e3, // one long poll takes so long; the server allows 30 s unless told otherwise
  interval: 5e3, // between two short polls
  patience: 5e3, // for the first sign of life of a transport
  idle: 45e3, // silence after which a connection counts as lost: three heartbeats
  climb: 60e3, // before the better transports are tried again; doubled each time in vain
  maxItem: 16 << 20, // characters of an item as it is received, or of one answer to a poll
};

const PUBLISH = {
  ...BACKOFF,
  type: "",
  tries: 5,
  timeout: 10e3, // of each try
};

const SETTLED = 30e3; // a connection that lived so long was not the transport's fault
const BRIEF = 2e3; // one that died within this time died at once
const STRIKES = 3; // cuts before SETTLED that a transport may have; dying at once counts twice
const QUEUE = 1024; // messages of a socket that wait for the application,
const QUEUE_SIZE = 4 << 20; // and their size, beyond which it is closed
const CLIMBS = 4; // times that the wait before a climb is doubled
const HOUR = 3600e3; // the longest that a server can make it wait
const HIDDEN = 4; // a hidden page polls so much more rarely

/**
 * What a server refused, or a connection ended with. status is that of the
 * answer, or 0, and token the server's stable word for it.
 *
 * What else is in it is for this module: permanent (asking again is useless),
 * unreachable (no answer came at all), orderly (the server said that it ends),
 * behind (the application does not keep up), retryAfter (not before so many
 * milliseconds).
 */
export class PushwireError extends Error {
  constructor(message, fields) {
    super("pushwire: " + message);
    Object.assign(this, { name: "PushwireError", status: 0, token: "" }, fields);
  }
}

const failed = (message = "silence", fields) => new PushwireError(message, fields);

const page = globalThis;
const { document } = page;
const clock = Date.now;
const json = JSON.parse;
const never = () => {};

/** Follows the topic at url; pushwire.d.ts describes the options and what is returned. */
export function follow(url, options) {
  const o = settle(FOLLOW, options);
  const target = resolve(url);
  // A page cannot add fields to the handshake of a WebSocket.
  const names = o.transports.filter((name) => TRANSPORTS.includes(name) && (name != "websocket" || (o.WebSocket && !o.headers)));
  if (!names[0]) throw failed("no transport");

  let cursor = o.after; // where the application is: the one cursor over all transports
  let active; // the attempt that items are taken from
  let ready; // the one that takes over, until the active one has made way
  let climbing; // attempts are made beside the active one
  let climber; // timer of the next climb
  let climbs = 0; // in vain
  let start = 0; // the rank where the next round begins
  let tries = 0; // waits since something worked
  let error; // what the last attempt ended with
  let hint; // the event stream's "retry", once
  let state; // which onState gets
  let closed = false;
  let failure; // what following ended with
  const strikes = names.map(() => 0);
  const attempts = new Set(); // all that are not stopped
  let nudge = never; // wakes what sleeps in pause
  const life = new AbortController(); // its end is the end of everything
  const done = new Promise((resolve) => { life.signal.onabort = () => resolve(failure); });
  const listen = (what, type, f) => what?.addEventListener?.(type, f, life);

  // ---- Attempts: one connection of one transport each ----

  // connect begins an attempt. Its events are what the transport yields: an item
  // ({ cursor, type, data }), a position ({ cursor }) or a reset ({ cursor, reset }).
  // The first one is asked for at once, since it is the sign of life.
  function connect(rank) {
    const controller = new AbortController();
    const a = {
      rank,
      asked: cursor, // after this one
      began: clock(),
      works: false, // has shown life
      taken: 0, // items
      // and then: flow (of events), omen (the promise of the first one) and
      // verdict (why it was stopped)
      signal: controller.signal,
      stop(why = failed()) {
        a.verdict ??= why;
        attempts.delete(a);
        controller.abort();
        a.flow.return().catch(never);
        nudge();
      },
    };
    attempts.add(a);
    a.flow = { websocket, eventstream, stream, longpoll, shortpoll: poll }[names[rank]](a);
    a.omen = a.flow.next().then((first) => {
      if (first.done) throw a.verdict ?? failed();
      a.works = true;
      return first;
    });
    a.omen.catch(never); // whoever waits for it may be gone by then
    return a;
  }

  // within waits for a promise, but not for ever: until the first sign of life
  // the attempt has its patience, then the limit is ms. The attempt's end ends it
  // too, also where the application's own functions would not.
  async function within(a, promise, ms = o.idle, silent = () => a.stop(failed())) {
    const timer = setTimeout(silent, a.works ? ms : a.began + o.patience - clock());
    try {
      return await new Promise((resolve, reject) => {
        a.signal.onabort = reject;
        promise.then(resolve, reject);
      });
    } catch ({ message }) {
      throw a.verdict ?? failed(message, { unreachable: true });
    } finally {
      clearTimeout(timer);
    }
  }

  // get asks for the topic after the cursor, as the media type accept.
  async function get(a, accept, query, ms) {
    a.asked = cursor;
    const res = await within(a, request(o, at(target, { after: cursor, ...query }), { Accept: accept }, { signal: a.signal }), ms);
    const { status } = res;
    if (!res.ok && status != 304 && status != 410) throw await within(a, refusal(res));
    if (status == 200 && !res.headers.get("Content-Type")?.startsWith(accept)) throw failed("not " + accept);
    return res;
  }

  // pieces yields a body as text, as it arrives.
  async function* pieces(a, res) {
    const reader = res.body.getReader();
    const decoder = new TextDecoder();
    for (;;) {
      const { value, done } = await within(a, reader.read());
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  }

  // lines yields the lines of a body; they end in LF, CR or CR LF. The last one,
  // if nothing ends it, was cut and is no line.
  async function* lines(a, res) {
    let line = "";
    let cr = false; // the piece before ended in CR: an LF now belongs to it
    for await (let piece of pieces(a, res)) {
      if (!piece) continue; // bytes that are not yet a character
      if (cr && piece[0] == "\n") piece = piece.slice(1);
      cr = piece.endsWith("\r");
      const parts = piece.split(/\r\n|\r|\n/);
      parts[0] = line + parts[0];
      parts.forEach(limit);
      line = parts.pop();
      yield* parts;
    }
  }

  function limit({ length }) {
    if (length > o.maxItem) throw failed("above maxItem", { permanent: true, token: "too_large" });
  }

  // ---- The transports ----

  // WebSocket: the text messages are the lines of the stream; a binary one is
  // an item: cursor LF type LF data.
  async function* websocket(a) {
    const address = at(target, { after: cursor });
    address.protocol = address.protocol.replace("http", "ws");
    const ws = new o.WebSocket(address.href);
    ws.binaryType = "arraybuffer";
    const queue = [];
    let size = 0;
    let why;
    let wake;
    const end = (error) => {
      why ??= error;
      ws.onmessage = null;
      ws.close();
      wake?.();
    };
    ws.onmessage = ({ data }) => {
      if (!data.trim) data = new Uint8Array(data);
      queue.push(data);
      size += data.length;
      if (queue[1] && (queue.length > QUEUE || size > QUEUE_SIZE)) end(failed("behind", { behind: true }));
      wake?.();
    };
    ws.onclose = ({ code, reason }) => end(failed(`closed, ${code} ${reason}`, { orderly: code == 1001 }));
    try {
      for (;;) {
        while (queue.length) {
          const data = queue.shift();
          size -= data.length;
          limit(data);
          yield data.trim ? json(data) : fromFrame(data);
        }
        if (why) throw why;
        await within(a, new Promise((resolve) => { wake = resolve; }), o.idle, a.works ? () => check(a).then(wake) : undefined);
      }
    } finally {
      end();
    }
  }

  // check asks whether a silent socket has missed something: the server's pings
  // are invisible here. Where there are no polls, it has to be trusted.
  async function check(a) {
    try {
      const beside = { ...a, signal: AbortSignal.timeout(o.patience) };
      if ((await poll(beside).next()).value.cursor == cursor) return;
    } catch (why) {
      if (why.status) return;
    }
    a.stop();
  }

  // Event stream: HTML standard, 9.2.6. Not by EventSource, which keeps status
  // codes to itself, hides IDs without data, and comes back when it likes.
  async function* eventstream(a) {
    let cursor, type = "", data = "";
    for await (const line of lines(a, await get(a, "text/event-stream"))) {
      if (line) {
        const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
        if (field == "id") cursor = value;
        if (field == "event") type = value;
        if (field == "data") limit((data += value + "\n"));
        // Said at the end of a stream, it is for all who will come back.
        if (field == "retry" && a.works) hint = Math.max(0, value);
      } else {
        const text = data.slice(0, -1);
        const [, name, form] = /^(.*?)(?:;(base64|json))?$/.exec(type);
        if (name == "pushwire:reset") yield { cursor, reset: json(text) };
        else if (data) yield { cursor, type: name, [form == "base64" ? form : "data"]: form == "json" ? json(text) : text };
        else if (cursor != null) yield { cursor };
        cursor = undefined;
        type = data = "";
      }
    }
  }

  // Stream: a JSON object a line.
  async function* stream(a) {
    for await (const line of lines(a, await get(a, "application/x-ndjson"))) if (line) yield json(line);
  }

  const longpoll = (a) => poll(a, true);

  // Short and long polls. The first long poll does not wait: it is the sign of
  // life, and turns "now" into a cursor that can be resumed at.
  async function* poll(a, long) {
    for (let wait = 0, most = o.wait; ; wait = most) {
      const began = clock();
      let res;
      let text = "";
      try {
        res = await get(a, "application/json", long && { wait: wait / 1e3 }, wait + o.patience);
        if (res.body) for await (const piece of pieces(a, res)) limit((text += piece));
      } catch (error) {
        // Something on the way cuts what is silent for so long: ask for less.
        most = (clock() - began) * 0.7;
        if (error.unreachable && wait && most > BRIEF) continue;
        throw error;
      }
      const answer = json(text || "{}");
      const { items = [], more } = answer;
      const gone = res.status == 410;
      yield* items;
      yield { cursor: res.headers.get("Pushwire-Cursor") ?? answer.cursor ?? answer.oldest ?? cursor, reset: gone && answer };
      if (items.length && (more || long)) continue;
      // A long poll that does not wait is a short one.
      if (!long || (wait && clock() - began < Math.min(wait / 2, 1e3))) {
        await pause(gone ? o.backoff : spread(o.interval) * (hidden() ? HIDDEN : 1));
        if (a.verdict) throw a.verdict;
      }
    }
  }

  // ---- From events to items ----

  // take moves the cursor over an event, and returns the item to deliver if it
  // is one that was not delivered before.
  function take(a, { cursor: next, type, data, base64, reset }) {
    const [epoch, seq] = parse(next);
    const [here, last] = parse(cursor);
    if (base64 != null) data = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    if (reset) {
      const { after = cursor, oldest, head } = reset;
      // An attempt beside the active one began at a cursor that was passed since.
      if (a.asked != cursor && after != cursor) throw failed("stale");
      type = "pushwire:reset";
      reset = { after, oldest, head };
      data = JSON.stringify(reset);
    } else if (here) {
      if (epoch == here && seq <= last) return; // it has been here
      if (epoch != here || data == null || seq != last + 1n) throw failed("hole " + cursor);
    }
    // "" may stay, where nothing can be lost; "now" may not.
    if (!epoch && next !== "") throw failed("no cursor");
    cursor = next;
    if (reset && o.onReset) call(o.onReset, reset);
    else if (data != null) return { cursor, type: type || "message", data };
  }

  // run is the life of a follower.
  async function* run() {
    listen(page, "online", returned);
    listen(document, "visibilitychange", returned);
    try {
      for (let delay = 0; ;) {
        active = ready ?? (await establish(delay));
        ready = undefined;
        if (closed) return;
        const a = active;
        later();
        report(a.rank, true);
        try {
          for (let next = a.omen; ; next = a.flow.next()) {
            const { value, done } = await next;
            if (ready || closed) break; // what was read comes again, from the one that takes over
            if (done) throw a.verdict ?? failed("end", { orderly: hint != null });
            const item = take(a, value);
            if (item) {
              a.taken++;
              yield item;
            }
          }
        } catch (error) {
          if (!ready && !closed) delay = lost(a, error);
        } finally {
          attempts.forEach((other) => other == ready || other.stop());
        }
      }
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      close();
    }
  }

  // lost decides where to go on after a connection that had worked, and how much later.
  function lost(a, why) {
    const { rank, began, taken } = a;
    const lived = clock() - began;
    if (why.permanent) throw why;
    if (lived > SETTLED) strikes[rank] = climbs = 0;
    else if (!why.behind && !why.orderly) strikes[rank] += lived < BRIEF && !taken ? 2 : 1;
    start = strikes[rank] < STRIKES ? rank : (rank + 1) % names.length;
    if (taken || lived > SETTLED) tries = 0;
    error = why;
    return why.behind ? 0 : backoff();
  }

  // backoff tells when to try again: exponential with full jitter. What the
  // server asked for comes first.
  function backoff() {
    const wait = jitter(o, tries++, error.retryAfter || hint);
    hint = undefined;
    report(start, false, wait);
    return wait;
  }

  // establish goes through rounds until an attempt shows life. A round goes from
  // its first transport down. It ends where the server cannot be reached at all:
  // the other transports would not do better. As that could be something that
  // treats this transport so, each round goes one further than the last.
  async function establish(delay) {
    for (let round = 0; ; round++) {
      await pause(offline() ? o.maxBackoff : delay, error?.retryAfter);
      let unreachable = 0;
      for (let rank = start; rank < names.length; rank++) {
        if (closed) return;
        const a = connect(rank);
        report(rank);
        try {
          await a.omen;
          return a;
        } catch (why) {
          a.stop();
          error = why;
        }
        if (closed) return;
        if (error.permanent) throw error;
        if (error.retryAfter || (error.unreachable && unreachable++ >= round)) break;
      }
      start = 0;
      delay = backoff();
    }
  }

  // later sets the time of the next climb, if there is where to climb.
  function later() {
    clearTimeout(climber);
    const { rank } = active;
    if (rank) climber = setTimeout(climb, spread(o.climb * 2 ** climbs), rank);
  }

  // climb sets up a transport of a rank below another one beside the active one,
  // which makes way when one shows life. If it has to be replaced and cannot be,
  // why says what it ends with.
  async function climb(below, why) {
    const from = active;
    const same = () => active == from && !from.verdict;
    if (climbing || ready) return;
    climbing = true;
    for (let rank = 0; rank < below && same() && !away(); rank++) {
      const a = connect(rank);
      if (await a.omen.catch(never) && same()) {
        ready = a;
        from.stop();
      } else a.stop();
    }
    climbing = false;
    if (!same()) return;
    if (why) return from.stop(why);
    if (climbs < CLIMBS) climbs++;
    later();
  }

  // ---- Waiting, and what ends it ----

  // pause sleeps until nudge, or the end of everything if it is to be firm.
  function pause(ms, firm) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, closed ? 0 : ms);
      nudge = () => {
        if (firm && !closed) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  // returned: the network is back, or the page is looked at again.
  function returned({ type }) {
    if (away()) return;
    nudge();
    // After the one the connection may be dead without a sign of it; for the
    // other it is time to try the better ones again.
    const back = type == "online";
    if (state.connected) climb(active.rank + back, back && failed());
  }

  function report(rank, connected = false, wait = 0) {
    state = { transport: names[rank] ?? "", connected, cursor, error: connected ? undefined : error, wait, ended: closed };
    call(o.onState, state);
  }

  function close() {
    if (closed) return;
    closed = true;
    life.abort();
    attempts.forEach((a) => a.stop());
    clearTimeout(climber);
    nudge();
    error = failure;
    report();
  }

  report();
  listen(o.signal, "abort", close);
  if (o.signal?.aborted) close();

  const items = run();
  if (o.onItem) {
    (async () => {
      for await (const item of items) await call(o.onItem, item);
    })().catch(never); // done tells, and onState
  }
  return {
    get cursor() { return cursor; },
    get transport() { return state.transport; },
    get state() { return state; },
    done,
    close,
    [Symbol.asyncIterator]: () => items,
  };
}

/** Publishes data to the topic at url, once; pushwire.d.ts describes the options. */
export async function publish(url, data, options) {
  const o = settle(PUBLISH, options);
  const { signal } = o;
  const headers = {
    // The same on every try: the server stores what it has seen only once.
    "Idempotency-Key": o.key ?? crypto.getRandomValues(new Uint32Array(4)).join("-"),
    "Content-Type": data.trim ? "text/plain" : "application/octet-stream",
  };
  for (let tries = 1; ; tries++) {
    const limit = AbortSignal.timeout(o.timeout);
    let error;
    try {
      const res = await request(o, at(resolve(url), { type: o.type }), headers, {
        method: "POST",
        body: data,
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
      if (res.ok) return { cursor: (await res.json()).cursor, stored: res.status == 201 };
      error = await refusal(res);
    } catch ({ message }) {
      error = failed(message);
    }
    signal?.throwIfAborted();
    if (error.permanent || tries >= o.tries) throw error;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, jitter(o, tries, error.retryAfter));
      signal?.addEventListener("abort", () => resolve(clearTimeout(timer)));
    });
  }
}

// ---- What both need ----

function settle(defaults, options) {
  const o = { fetch: page.fetch, WebSocket: page.WebSocket, ...defaults };
  for (const name in options) o[name] = options[name] ?? o[name];
  return o;
}

const resolve = (url) => new URL(url, document?.baseURI ?? page.location?.href);

// at returns the URL with more in its query; what is empty is left out.
function at(target, query) {
  const address = new URL(target);
  for (const name in query) if (query[name] !== "") address.searchParams.set(name, query[name]);
  return address;
}

// request sends the application's headers, which it may make afresh for each
// request, and more.
async function request({ fetch, headers, credentials }, address, more, init) {
  const all = new Headers(headers?.call ? await headers() : headers);
  for (const name in more) all.set(name, more[name]);
  return fetch(address, { headers: all, credentials, cache: "no-store", ...init });
}

// refusal reads what the server has to say about a request it refused: JSON
// with a token and a sentence.
async function refusal(res) {
  const { status } = res;
  const { error = "", message = res.statusText } = (await res.json().catch(never)) ?? {};
  const after = res.headers.get("Retry-After");
  const retryAfter = after * 1e3 || Date.parse(after) - clock();
  return failed(status + " " + message, {
    status,
    token: error,
    // 406 and 426 are about the transport, 408 and 429 about the moment; 400
    // without a token is what a request gets that was cut off on its way.
    permanent: !/^5|4(0[68]|2[69])/.test(status) && (error || status != 400),
    unreachable: status == 500 || status > 501,
    retryAfter: retryAfter > 0 && retryAfter,
  });
}

// jitter is the wait before the next try: any time up to a bound that doubles;
// beyond what the server asked for, if it did, at most a quarter of that.
function jitter({ backoff, maxBackoff }, tries, asked) {
  const least = Math.min(asked || 0, HOUR);
  return least + Math.random() * Math.min(maxBackoff, backoff * 2 ** tries, least / 4 || Infinity);
}

// parse takes a cursor apart; "" and "now" have no epoch.
function parse(cursor) {
  const [, epoch = "", seq = 0] = /^(.+)-(\d+)$/.exec(cursor) ?? [];
  return [epoch, BigInt(seq)];
}

function fromFrame(bytes) {
  const head = bytes.indexOf(10, bytes.indexOf(10) + 1);
  const [cursor, type] = new TextDecoder().decode(bytes.subarray(0, head)).split("\n");
  return { cursor, type, data: bytes.slice(head + 1) };
}

const spread = (ms) => ms * (0.5 + Math.random());

const hidden = () => document?.hidden;

const offline = () => page.navigator?.onLine === false;

const away = () => hidden() || offline();

// call keeps what an application's function throws out of the following: it
// goes where uncaught errors go.
async function call(f, value) {
  try {
    await f?.(value);
  } catch (error) {
    setTimeout(() => { throw error; });
  }
}
