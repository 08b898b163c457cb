// The page of "pushwire serve": one topic, followed over every transport side
// by side, and by a chat over whichever gets through. The server counts what
// each panel costs, and refuses transports when the page asks it to.

import { follow, publish } from "./pushwire.js";

const NAMES = {
  websocket: "WebSocket",
  eventstream: "Event stream",
  stream: "JSON lines",
  longpoll: "Long poll",
  shortpoll: "Short poll",
};
const KEPT = 200;      // entries of a list
const DELAYS = 20;     // of which the median is shown
const REFRESH = 1000;  // between two looks at the figures, in milliseconds
const IMPATIENT = {    // for people who watch: try again, and climb back, soon
  backoff: 250, maxBackoff: 2000, patience: 2000, climb: 1000, interval: 2000,
};

const $ = (id) => document.getElementById(id);
const view = Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join("");
const url = (panel) => `/demo/${view}/${panel}`;
const who = "guest " + view.slice(0, 4);

let ahead = 0; // of the server's clock before ours, in milliseconds

// add appends an entry to a list, keeps its bound, and stays at the end if the
// reader was there.
function add(list, className, ...parts) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 8;
  const item = document.createElement("li");
  item.className = className;
  item.append(...parts);
  list.append(item);
  while (list.childElementCount > KEPT) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function span(className, text) {
  const e = document.createElement("span");
  e.className = className;
  e.textContent = text;
  return e;
}

// describe says in words how a follower is, and as what to show it.
function describe({ transport, connected, error, wait, ended }) {
  const name = NAMES[transport] ?? "nothing";
  const why = error ? `: ${error.message.replace(/^pushwire: /, "")}` : "";
  if (ended) return ["lost", `ended${why}`];
  if (connected) return ["connected", name];
  if (wait) return ["lost", `lost${why}; again in ${(wait / 1000).toFixed(1)} s`];
  return ["waiting", `trying ${name}`];
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const millis = (t) => (t < 10 ? t.toFixed(1) : Math.round(t)) + " ms";

function bytes(n) {
  if (n < 1000) return `${Math.round(n)} B`;
  if (n < 1e6) return `${(n / 1e3).toFixed(1)} kB`;
  return `${(n / 1e6).toFixed(1)} MB`;
}

// Panels, one for each transport.

const panels = Object.keys(NAMES).map((transport) => {
  const card = $("panel").content.firstElementChild.cloneNode(true);
  const part = (name) => card.querySelector("." + name);
  card.id = "panel-" + transport;
  card.querySelector("h3").textContent = NAMES[transport];
  $("panels").append(card);
  const panel = { transport, card, part, delays: [], items: 0, each: 0 };

  follow(url(transport), {
    ...IMPATIENT,
    after: "now",
    transports: [transport],
    onItem({ type, data }) {
      panel.items++;
      if (type === "tick") {
        const { n, t } = JSON.parse(data);
        part("count").textContent = n;
        panel.delays = [...panel.delays, Math.max(0, Date.now() + ahead - t)].slice(-DELAYS);
        part("delay").textContent = millis(median(panel.delays));
      } else if (typeof data === "string") {
        part("last").textContent = chatText(data).join(": ");
      }
      part("items").textContent = panel.items;
    },
    onReset() {
      part("last").textContent = "items were lost";
    },
    onState(state) {
      const [kind, text] = describe(state);
      card.dataset.state = kind;
      part("state").textContent = kind === "connected" ? "connected" : text;
    },
  });
  return panel;
});

// look asks the server for the figures.
async function look() {
  const asked = Date.now();
  const answer = await fetch(`/demo/${view}/usage`);
  if (!answer.ok) return;
  const { now, panels: costs } = await answer.json();
  ahead = now - (asked + Date.now()) / 2;
  for (const panel of panels) {
    const { in: up, out: down, requests } = costs[panel.transport];
    panel.part("bytes").textContent = bytes(up + down);
    panel.part("requests").textContent = requests;
    panel.each = panel.items ? (up + down) / panel.items : 0;
    panel.part("each").textContent = panel.items ? bytes(panel.each) : "–";
  }
  const most = Math.max(1, ...panels.map(({ each }) => each));
  for (const { part, each } of panels) part("bar").firstElementChild.style.width = `${(100 * each) / most}%`;
}

async function watch() {
  for (;;) {
    if (!document.hidden) await look().catch(() => {}); // the panels say that the server is gone
    await new Promise((done) => setTimeout(done, REFRESH));
  }
}

// The chat.

// chatText takes a message apart: from this page it is JSON, from the command
// line or curl it is anything.
function chatText(data) {
  try {
    const { who, text } = JSON.parse(data);
    if (typeof who === "string" && typeof text === "string") return [who, text];
  } catch {
    // not from this page
  }
  return ["somebody", data];
}

follow(url("auto"), {
  ...IMPATIENT,
  after: "now",
  onItem({ type, data }) {
    if (type === "tick" || typeof data !== "string") return;
    const [from, text] = chatText(data);
    add($("chat"), "", span("who", from), " ", span("body", text));
  },
  onReset() {
    add($("chat"), "reset", "Messages were lost: the server no longer had them.");
  },
  onState(state) {
    const [kind, text] = describe(state);
    $("auto").dataset.state = kind;
    $("auto").textContent = text;
    for (const label of document.querySelectorAll(".switches label")) {
      label.toggleAttribute("data-used", state.connected && label.htmlFor === "accept-" + state.transport);
    }
    add($("history"), kind === "lost" ? "reset" : "", span("meta", new Date().toLocaleTimeString()), " ", text);
  },
});

$("say").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  $("text").value = "";
  try {
    await publish(url("auto"), JSON.stringify({ who, text }), { type: "chat" });
    $("said").textContent = "";
  } catch (error) {
    $("text").value ||= text;
    $("said").textContent = `It was not sent: ${error.message.replace(/^pushwire: /, "")}`;
  }
});

// The switches.

for (const [transport, name] of Object.entries(NAMES)) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = true;
  box.id = label.htmlFor = "accept-" + transport;
  box.addEventListener("change", async () => {
    const answer = await fetch(`/demo/${view}/refuse/${transport}`, { method: box.checked ? "DELETE" : "POST" }).catch(() => null);
    if (!answer?.ok) box.checked = !box.checked;
  });
  label.append(box, name);
  document.querySelector(".switches").append(label);
}

watch();
