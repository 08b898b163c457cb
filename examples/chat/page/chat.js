import { follow } from "./pushwire.js";

const $ = (id) => document.getElementById(id);
const room = new URLSearchParams(location.search).get("room") || "lobby";
const url = "/rooms/" + encodeURIComponent(room);

$("room").textContent = room;
$("name").value = localStorage.name ?? "";

// Everything that the room still has comes first, then what is new.
follow(url, {
  onItem({ type, data }) {
    if (type !== "chat") return;
    const { name, text } = JSON.parse(data);
    const line = document.createElement("li");
    const who = document.createElement("b");
    who.textContent = name;
    line.append(who, text);
    $("log").append(line);
    $("log").scrollTop = $("log").scrollHeight;
  },
  onReset() {
    $("log").append(Object.assign(document.createElement("li"), { textContent: "… messages in between are gone …" }));
  },
  onState({ transport, connected }) {
    $("state").textContent = connected ? `connected, ${transport}` : "connecting";
  },
});

$("say").addEventListener("submit", async (event) => {
  event.preventDefault();
  localStorage.name = $("name").value;
  const body = JSON.stringify({ name: $("name").value, text: $("text").value });
  try {
    const answer = await fetch(url, { method: "POST", body, headers: { "Content-Type": "application/json" } });
    if (!answer.ok) throw new Error(await answer.text());
    $("text").value = $("error").textContent = "";
  } catch (error) {
    $("error").textContent = `Not sent: ${error.message}`;
  }
});

$("rooms").addEventListener("submit", (event) => {
  event.preventDefault();
  location.search = "?room=" + encodeURIComponent($("other").value);
});
