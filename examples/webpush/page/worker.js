// A browser wants each push message shown.
self.addEventListener("push", (event) => {
  event.waitUntil(self.registration.showNotification("The shop", { body: event.data?.text() }));
});
