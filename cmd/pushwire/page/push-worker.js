// The service worker of push.html: shows what comes, and tells the page, if it
// is open.

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  const text = event.data ? event.data.text() : "(nothing)";
  event.waitUntil((async () => {
    for (const page of await self.clients.matchAll({ type: "window" })) page.postMessage(text);
    await self.registration.showNotification("pushwire", { body: text });
  })());
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow("/push.html"));
});
