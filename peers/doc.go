// Package peers proves that pushwire talks to clients and servers of WebSocket,
// of event streams and of Web Push that the project did not write. It holds
// tests only.
//
//   - exchange_test.go: npm's ws and PyPI's websockets, each as a client of
//     our servers (Handler on net/http, and Serve) and as a server for our
//     Dial, over ws and wss. One test body runs over every pair, and over the
//     two foreign packages with each other, so that a failure of a script is
//     told from one of ours.
//   - deflate_test.go: the same with permessage-deflate, in every combination
//     of the packages' options, and Jetty's client from Java beside them; what
//     a combination comes to, and what is said on each connection, stands in
//     deflate_exchange_test.go.
//   - deflate_browser_test.go: permessage-deflate with Chromium, which offers
//     it by itself.
//   - browser_test.go: WebSockets in headless Chromium, over ws and wss.
//   - sse_exchange_test.go: our event streams read by npm's eventsource and
//     eventsource-parser and by PyPI's httpx-sse, plain and by gzip; npm's
//     better-sse and PyPI's sse-starlette read by our Client.
//   - sse_browser_test.go: Chromium's EventSource against our server, over
//     HTTP/1.1 and HTTP/2, plain and by gzip.
//   - nginx_test.go: all five transports of httpstream behind nginx, as it is
//     by default, as one that buffers whatever it is told, and as one that
//     lets WebSockets through.
//   - client_module_test.go: the browser client of httpstream by its own tests
//     on node, its minified form and its types.
//   - client_browser_test.go: the browser client in Chromium, over a site
//     (client_site_test.go) that goes away, comes back, and stands behind a
//     middle box.
//   - push_test.go: messages of webpush decrypted by npm's http_ece, PyPI's
//     http_ece and the Rust crate ece, and theirs by ours, of every size; npm's
//     web-push and PyPI's pywebpush send to a push service that is checked and
//     decrypted by ours; npm's web-push-testing takes and refuses what our
//     Client sends.
//   - webpush_service_test.go: npm's web-push and PyPI's pywebpush send through
//     our push service to our user agent.
//   - webpush_firefox_test.go: real Firefox with our push service in place of
//     Mozilla's, through the service's restart.
//   - webpush_chromium_test.go: what came through our service, in a service
//     worker of Chromium. remote_test.go drives both browsers by a WebSocket
//     connection of ours.
//   - page_test.go: the page of the real "pushwire serve" binary, used in
//     Chromium as a person would.
//
// ci/setup.sh installs the parts and writes where they are to .cache/env.sh;
// a test finds them by those variables or in .cache itself. A test whose part
// is missing is skipped with a sentence that says what to do; with CI=true or
// PUSHWIRE_REQUIRE=1 it fails.
//
// # The line protocol
//
// A peer is one small script a role in node/, python/, java/ (a client only,
// without offer and drop) and rust/ (the coding of Web Push only). It reads commands from its standard input and writes
// events to its standard output, one JSON object a line, and ends with its
// input. What ought to happen is known to the Go tests only. Payloads are in
// base64.
//
//	listen   protocols, cert, key (PEM files), max (bytes)   -> listening port
//	connect  url, protocols, ca (PEM file), max, headers     -> open protocol, deflate | refused code or message
//	send     type, parts (one fragment each), pings (sent after a part)
//	offer    like send, of a message that the other end refuses
//	ping     data                                            -> pong data
//	close    code, reason (without a code: an empty frame, ws only)
//	drop     ends the TCP connection without a closing handshake
//
// listen and connect also take echo, with which messages are sent back instead
// of told, and deflate: serverNoContext, clientNoContext, serverBits and
// clientBits, each left unset in the package where it is missing; without
// deflate there is no compression. That of open says what the peer goes by.
//
// For event streams, where each event that is told has an id, a type and data:
//
//	subscribe  url, types   -> open, sse, lost         (comes back by itself)
//	parse      url          -> open, retry, sse, end   (one answer)
//	listen     retry (ms)   -> listening port, open id (the Last-Event-ID) for each stream
//	push       type, id, data
//	end        ends the answer
//
// For Web Push, with keys in base64url as subscriptions have them:
//
//	encrypt  p256dh, auth, data           -> encrypted data
//	decrypt  secret, p256dh, auth, data   -> decrypted data
//	send     subscription, key (public, private), subject, data, ttl, urgency,
//	         topic, ca (PEM file)         -> sent code, message (the answer)
//	service                               -> listening port
//
// Unasked come open (to a server), message, ping (ws only), close and error.
// A command that throws is answered by failed. What the browser's script
// takes stands at its own table.
package peers
