// The types of pushwire.js, and what it does with them. All times are in
// milliseconds.

/** From the best down, which is the order they are tried in. */
export type Transport = "websocket" | "eventstream" | "stream" | "longpoll" | "shortpoll";

/** One item of the topic. */
export interface Item {
  /** Where the application is once it has this item: keep it to resume there, also in another page or process. */
  cursor: string;
  /** "message" where the publisher said nothing else; "pushwire:reset" is a Reset as JSON, where there is no onReset. */
  type: string;
  /** Text as a string, everything else as bytes. */
  data: string | Uint8Array;
}

/** Items were lost: the server no longer has what came after the cursor. Following goes on after oldest. */
export interface Reset {
  /** The last cursor of the application. */
  after: string;
  /** Where the oldest item that there is can be read after. */
  oldest: string;
  /** The cursor of the newest item. */
  head: string;
}

/** How following is going. */
export interface State {
  /** The one in use, or being tried; "" before the first one and after the end. */
  transport: Transport | "";
  /** Whether it is in use: the server has shown that it is there. */
  connected: boolean;
  cursor: string;
  /** What the last connection ended with, while there is no other. */
  error: Error | undefined;
  /** How long it waits before it tries again, 0 while it does not wait. */
  wait: number;
  /** Nothing comes any more: it was closed, or refused for good by error. */
  ended: boolean;
}

interface Common {
  /**
   * Fields of each request, or a function that makes them afresh each time, as
   * for tokens that expire. A page cannot set fields of a WebSocket, so with
   * headers there are only the other four transports.
   */
  headers?: HeadersInit | (() => HeadersInit | Promise<HeadersInit>);
  /** As of fetch; "same-origin". A WebSocket always has the cookies that the browser has for it. */
  credentials?: RequestCredentials;
  /** Ends everything. */
  signal?: AbortSignal;
  /** The first wait before another try is a random time up to this; doubled each time. 500. */
  backoff?: number;
  /** The longest such wait; 30,000. A server may ask for more by Retry-After, up to an hour. */
  maxBackoff?: number;
  /** In place of the global one. */
  fetch?: typeof fetch;
}

export interface FollowOptions extends Common {
  /** The cursor to begin after; "now" for what is new, "" (the default) for everything that the server has. */
  after?: string;
  /** Which transports may be used, the best first; all by default. */
  transports?: readonly Transport[];
  /**
   * Called with one item after the other; when it returns a promise, the next
   * item waits for it. Without onItem iterate over what follow returns: nothing
   * is asked for before.
   */
  onItem?: (item: Item) => unknown;
  /** Called when items were lost, between the items around the gap. Without it, the reset comes as an item. */
  onReset?: (reset: Reset) => unknown;
  /** Called with each change, the first time before follow returns. */
  onState?: (state: State) => unknown;
  /** How long one long poll takes at most; 25,000. Less is asked for where something on the way cuts it. */
  wait?: number;
  /** Between two short polls, give or take a half; four times as long while the page is hidden. 5,000. */
  interval?: number;
  /** How long a transport may take for its first sign of life before the next one is tried; 5,000. */
  patience?: number;
  /** Silence after which a connection counts as lost; 45,000, three heartbeats of the server. */
  idle?: number;
  /** How long the better transports are left alone, give or take a half; doubled each time in vain, up to 16 times. 60,000. */
  climb?: number;
  /** Characters of an item as it is received, or of one answer to a poll; a larger one ends following. 16,777,216. */
  maxItem?: number;
  /** In place of the global one, as in Node.js before 22, where there is none. */
  WebSocket?: new (url: string) => WebSocket;
}

/**
 * A topic that is being followed. Iterate over it once, or give onItem. The
 * iteration throws what ended it, unless that was close or the signal; leaving
 * the loop closes it.
 */
export interface Follower extends AsyncIterable<Item> {
  /** Of the last item delivered. */
  readonly cursor: string;
  readonly transport: Transport | "";
  readonly state: State;
  /** Settles when nothing comes any more: with what ended it, or undefined after close. It is never rejected. */
  readonly done: Promise<Error | undefined>;
  /** Ends every connection. */
  close(): void;
  [Symbol.asyncIterator](): AsyncGenerator<Item, void, void>;
}

/**
 * Follows the topic at url, relative to the page. Every item comes once and in
 * order, over whichever transport gets through. What cannot be repaired by
 * trying again ends it with a PushwireError: the statuses 400, 401, 403, 404,
 * 405 and other refusals of the client's doing, and an item beyond maxItem.
 */
export function follow(url: string | URL, options?: FollowOptions): Follower;

export interface PublishOptions extends Common {
  /** The item's type; "message". */
  type?: string;
  /** What is published twice under one key is stored once. By default a random key for each call. */
  key?: string;
  /** How often it is tried at most; 5. */
  tries?: number;
  /** How long one try may take; 10,000. */
  timeout?: number;
}

export interface Published {
  /** Of the item. */
  cursor: string;
  /** False if an item of this key was there before. */
  stored: boolean;
}

/**
 * Publishes to the topic at url, once, however often it has to be tried: each
 * try has the same Idempotency-Key. Strings are text, everything else is bytes.
 */
export function publish(url: string | URL, data: string | BufferSource, options?: PublishOptions): Promise<Published>;

/** What a server refused, or a connection ended with. */
export class PushwireError extends Error {
  /** Of the answer; 0 if there was none. */
  readonly status: number;
  /** The server's stable word for what is wrong: "bad_cursor", "forbidden", "too_large" ...; or "". */
  readonly token: string;
}
