// Package pushservice is a push service: what stands between the application
// servers that send Web Push messages and the browsers that get them. Vendors
// run one each; this one is a http.Handler, for intranets, for devices and for
// tests.
//
//	store, err := pushservice.OpenFile("push.store")
//	...
//	service, err := pushservice.New(&pushservice.Options{URL: "https://push.example.net", Store: store})
//	...
//	http.Handle("/", service)
//
// Firefox takes it for its push service when dom.push.serverURL is
// "wss://push.example.net/". Other user agents, in Go and elsewhere, use the
// same WebSocket protocol or plain HTTP.
//
// # Terms
//
// They are those of RFC 8030, 1.1: a user agent makes a subscription and gives
// the push resource's URL, its endpoint, to an application server; that posts
// messages to it; the service keeps each until the user agent acknowledges it or
// its time is over. All subscriptions of a user agent are a subscription set.
//
// # Towards application servers
//
// RFC 8030, sections 5 and 7, and RFC 8292 (VAPID):
//
//	POST   /push/ID                   201 and Location; 202 with Prefer: respond-async
//	GET    /receipt-subscription/ID   receipts, as they come
//	DELETE /receipt-subscription/ID
//
//	400  TTL missing, or a field against the grammar; an unknown receipt subscription; one key for signing and encryption
//	401  VAPID is missing where it is needed
//	403  VAPID is invalid, or of another key than the subscription's; a page of another site subscribes
//	404  no such subscription, or one that the service gave up
//	410  the user agent removed the subscription
//	413  the body is longer than MaxPayload
//	429  too fast, too much waits, or too many of a kind; with Retry-After
//	503  no room, the store fails, or a shutdown; with Retry-After
//
// The body of an error is JSON, {"error":TOKEN,"message":SENTENCE}; tokens are
// stable.
//
// # Towards user agents by WebSocket
//
// At the service's URL itself, with the subprotocol push-notification: Mozilla's
// protocol, of which hello, register, unregister, ack (codes 100, 101, 102),
// nack (301, 302, 303), broadcast_subscribe and {} as ping are spoken. A user
// agent is known by its uaid, which is a secret. Messages that were not
// acknowledged come again on the next connection, in order. Pages can't connect:
// an http or https Origin is refused.
//
// A nack says that something failed over a message, as a service worker that
// throws does. Firefox sends it after the acknowledgement, and so it is none:
// [Trace] gets it; a message that was not acknowledged still waits, but this
// connection need not say more about it.
//
// # Towards user agents by HTTP
//
// RFC 8030, sections 4 and 6:
//
//	POST   /subscribe                 201, Location, and Link to push resource and set; JSON {"vapid":KEY} restricts it
//	GET    /subscription/ID           messages, as they come
//	GET    /subscription-set/ID       messages of all subscriptions
//	GET    /message/ID                one message
//	DELETE /message/ID                acknowledges it
//	DELETE /subscription/ID, /subscription-set/ID
//
// RFC 8030 delivers by HTTP/2 server push, which nobody supports any more. In
// its place stand the transports of package httpstream, all of them at the same
// URL: event stream, WebSocket, JSON lines, long poll, short poll. Items are of
// [TypePush] with a [Push] as JSON; [TypeSkip] fills the place of what is not for
// the reader. Without ?after= a reader begins with the oldest message that
// waits. A request without more is a long poll of 30 s, and one with "Prefer:
// wait=0" does not wait.
//
// # Stores
//
// All state is in memory, bounded by [Options]; a [Store] keeps it besides, and
// is read at the start only. A request is answered once the store has what it
// asked for; requests that come while the store is busy share the next write.
// Messages with TTL 0 are not stored. [File] survives a crash of process or
// machine, and [Memory] is for tests. When the store fails, requests that need
// it are answered with 503, and what it did not take goes out first once it is
// well again. An acknowledgement that is lost in a crash only means that the
// message comes once more.
//
// # Defaults
//
//	message kept                        its TTL, 28 days at most
//	body of a message                   4,096 bytes
//	user agents                         100,000
//	subscriptions of one                200
//	messages waiting in a subscription  1,000
//	waiting for a user agent            4 MiB, of bodies and 512 bytes for each
//	waiting in all                      256 MiB
//	receipt subscriptions               10,000, of 1,024 receipts
//	new subscriptions for one client    1 a second, after 500 at once; receipt subscriptions likewise
//	clients remembered                  16,384, those that came last
//	rate to one subscription            10 a second, after 200 at once
//	hello                               within 10 s
//	unacknowledged on a connection      64 messages, each for 5 minutes at most
//	broadcasts of one connection        32
//	requests that wait for the same     64
//	body of a request                   within 10 s
//	deliveries of one message           10 connections that had it for 10 s
//	user agent that does not come back  forgotten after 90 days
//
// A connected user agent on which nothing happens costs its connection (package
// pushwire says how much) and one goroutine that waits in Read.
//
// # Security
//
// URLs of subscriptions, messages and receipts are capabilities: 130 random
// bits, from which nothing can be told, and they never appear in logs (RFC 8030,
// 8.2, 8.3 and 8.5). Serve it by TLS (8): keys of application servers and
// messages are protected end to end, but who sends to whom is not. The service
// reads what is not encrypted; it forwards neither VAPID, urgency nor topic. Set
// Options.URL, so that nobody chooses the audience of tokens by a Host field.
//
// Anybody may subscribe. What can be kept is bounded, and how fast one client
// can have new things kept: by its address, or by what Options.Client makes of a
// request, which has to be set behind a proxy. When there is no room, user
// agents make it that were never used (nobody sent to them, they never came
// back, they are not connected), by chance, so that whoever has made most of
// them loses most. Who has many addresses and uses what they make can still
// fill a service. So can who subscribes some sixty times and sends to none but
// himself: with the defaults that is MaxBytes, and an accepted message is not
// given up for another one. And connections are the server's to bound. Put what
// authorizes user agents before the handler where that matters.
//
// # Concurrency
//
// Every method may be called from any goroutine. Shutdown ends everything that
// the service started.
package pushservice
