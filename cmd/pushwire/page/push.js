// The page of "pushwire serve" for Web Push: subscribes this browser, has the
// server send to it, and shows what the service worker (push-worker.js) got.

const $ = (id) => document.getElementById(id);
const KEPT = 200; // entries of the list

let subscription = null;

function show(text, error = "") {
  $("state").textContent = text;
  $("error").textContent = error;
  $("subscribe").textContent = subscription ? "Unsubscribe" : "Subscribe";
  $("sending").disabled = !subscription;
}

async function ask(path, body) {
  const answer = await fetch("/push/" + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error((await answer.text()).trim());
}

// bytesOf decodes base64url, as not all browsers take a key in it.
const bytesOf = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

async function subscribe(worker) {
  show("asking for leave to notify");
  if ((await Notification.requestPermission()) !== "granted") throw new Error("This browser may not show notifications for this page.");
  show("subscribing");
  const key = bytesOf(await (await fetch("/push/key")).text());
  // A subscription of an earlier run belongs to another key.
  await (await worker.pushManager.getSubscription())?.unsubscribe();
  const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  await ask("subscribe", made);
  subscription = made;
}

async function begin() {
  if (!navigator.serviceWorker || !globalThis.PushManager) {
    $("subscribe").disabled = true;
    return show("not here", isSecureContext ? "This browser has no Web Push." : "Web Push needs https, or localhost.");
  }
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    const item = document.createElement("li");
    item.textContent = data;
    $("arrived").append(item);
    while ($("arrived").childElementCount > KEPT) $("arrived").firstElementChild.remove();
  });
  await navigator.serviceWorker.register("/push-worker.js");
  const worker = await navigator.serviceWorker.ready;
  show("not subscribed");

  $("subscribe").addEventListener("click", async () => {
    $("subscribe").disabled = true;
    try {
      if (subscription) {
        await subscription.unsubscribe();
        subscription = null;
      } else {
        await subscribe(worker);
      }
      show(subscription ? `subscribed at ${new URL(subscription.endpoint).host}` : "not subscribed");
    } catch (error) {
      show("not subscribed", error.message);
    }
    $("subscribe").disabled = false;
  });

  $("send-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await ask("send", { endpoint: subscription.endpoint, text: $("text").value });
      $("error").textContent = "";
    } catch (error) {
      $("error").textContent = `Not sent: ${error.message}`;
    }
  });
}

begin().catch((error) => show("not here", error.message));
