const $ = (id) => document.getElementById(id);

$("subscribe").addEventListener("click", async () => {
  try {
    if ((await Notification.requestPermission()) !== "granted") throw new Error("This browser may not show notifications.");
    await navigator.serviceWorker.register("worker.js");
    const worker = await navigator.serviceWorker.ready;
    const key = await (await fetch("key")).text();
    await (await worker.pushManager.getSubscription())?.unsubscribe(); // it may belong to another key
    const bytes = Uint8Array.from(atob(key.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
    const subscription = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes });
    const answer = await fetch("subscribe", { method: "POST", body: JSON.stringify(subscription) });
    if (!answer.ok) throw new Error(await answer.text());
    $("state").textContent = "You will be told.";
  } catch (error) {
    $("state").textContent = error.message;
  }
});
