import { follow } from "./pushwire.js";

const $ = (id) => document.getElementById(id);
const may = () => globalThis.Notification?.permission === "granted";

$("ask").hidden = !globalThis.Notification || Notification.permission !== "default";
$("ask").addEventListener("click", async () => {
  await Notification.requestPermission();
  $("ask").hidden = true;
});

follow("/mine", {
  // What was read on the last visit does not come again.
  after: localStorage.cursor ?? "",
  onItem({ data, cursor }) {
    const line = document.createElement("li");
    const when = Object.assign(document.createElement("time"), { textContent: new Date().toLocaleTimeString() });
    line.append(when, data);
    $("list").prepend(line);
    if (may()) new Notification("Notification", { body: data, tag: cursor });
    localStorage.cursor = cursor;
  },
  onReset({ oldest }) {
    localStorage.cursor = oldest; // some were too old to be kept, or the server is new
  },
  onState({ transport, connected, error, ended }) {
    $("state").textContent = connected ? `listening, ${transport}` : ended && error?.status === 401 ? "sign in first" : "connecting";
  },
});
