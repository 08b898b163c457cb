// Package httpstream serves a topic over five transports at one address, so
// that a client may use whichever gets through, and change, and loses nothing:
// short polls, long polls, a stream of JSON lines, an event stream, and
// WebSocket.
//
// The smallest use:
//
//	var log topic.Log
//	http.Handle("/news", httpstream.Handler(&log, nil))
//	...
//	log.Append("", []byte("hello"))
//
//	$ curl localhost:8080/news
//	{"items":[{"cursor":"5n3k9q2v0c1rt-1","data":"hello"}],"cursor":"5n3k9q2v0c1rt-1"}
//	$ curl 'localhost:8080/news?after=5n3k9q2v0c1rt-1&wait=30'
//	$ curl -N -H 'Accept: text/event-stream' localhost:8080/news
//	$ curl -N -H 'Accept: application/x-ndjson' localhost:8080/news
//
// # Terms
//
// A source is what items are read from (package topic); an item has data, a
// type and a cursor, the place behind it. A transport is a way to read a source
// over HTTP. A poll is a request whose answer is whole, with what is there; a
// long poll waits for it. A stream is an answer that does not end. A refusal is
// an answer that says why there is none. A reset tells a client that stays that
// items which it should have had are gone.
//
// # The transports
//
// [Handler] looks at a request and picks one; [ShortPoll], [LongPoll], [Stream],
// [Events] and [Socket] are one alone. All read the source in the same way: a
// connection has a cursor and no queue, so a client that is slow costs itself
// alone, and an item is encoded once for all readers of a transport. When the
// source no longer has what follows the cursor, polls say 410 and the others
// send a reset: nothing is left out in silence.
//
// docs/PROTOCOL.md in the repository is the protocol, with an example for each
// transport, for those who write their own client.
//
// # The source
//
// Any [topic.Source] will do. What it can beside Read decides on the rest:
//
//	topic.Waker       Socket and Events wait without a goroutine in Read
//	topic.Bounder     ?after=now and an empty answer have a cursor to go on
//	                  after; Options.MaxReplay
//	topic.Publisher   POST
//
// Without a Bounder a poll with nothing to say has no Pushwire-Cursor when it
// began at the oldest item, and "now" when it began there: what comes between
// two such polls is lost. A stream begins without its first line, and its
// heartbeats are empty lines until the first item.
//
// # Specifications
//
//	RFC 6202  2, 3, 5           long polling and streaming
//	RFC 9110  8.8, 9.3, 10.2.3, 12.4, 12.5, 13.1.2, 15
//	                            entity tags, methods, Retry-After, Accept,
//	                            If-None-Match, status codes
//	RFC 9111  5.2               Cache-Control
//	RFC 8259  7                 strings of JSON
//	Fetch standard (WHATWG) 3.2 CORS; Fetch Metadata (W3C): Sec-Fetch-Site
//
// Event streams and WebSocket are those of packages eventstream and pushwire.
//
// # Limits and defaults
//
//	wait of a long poll                  30 s (Options.MaxWait), less up to a tenth
//	silence before a heartbeat           15 s (Options.Heartbeat)
//	time for an answer or a write        10 s (Options.WriteTimeout)
//	  for a write at a shutdown          1 s more
//	items of an answer, as JSON          1 MiB (Options.MaxBytes); one alone may have more
//	items of an answer                   1,000 (Options.MaxItems)
//	items at the start of a stream       all (Options.MaxReplay)
//	body of a POST                       64 KiB (Options.MaxPublish) in WriteTimeout
//	body of another request              none: 400
//	query                                4 KiB
//	fields of a request                  100; their bytes are for http.Server.MaxHeaderBytes
//	items of an Accept field             64 are looked at
//	Retry-After                          1 to 5 s, at random
//	preflight                            remembered for 2 h
//
// # Cost of a client that waits
//
// A long poll and a Stream are requests to net/http: its goroutine, its buffers
// and the request itself stay, which http.Server.MaxHeaderBytes bounds, and hold
// no buffer of ours while they wait. Socket and Events take the connection over
// where they can, and then hold nothing of the request but its cursor; see there.
//
// # Shutdown
//
// A [Group] ends all that runs, each so that its client can go on elsewhere at
// once; http.Server.Shutdown alone would wait for streams until their clients
// go.
//
// # Concurrency
//
// Handlers and Group may be used from any number of goroutines.
//
// # Security
//
// Pages of foreign origins can neither read nor publish unless
// [Options.Origins] lets them; what they embed without being able to read it
// is refused as well. Nobody can publish unless [Options.Allow] lets them.
// [Options.Check] is asked before anything is done. No request makes the package
// panic; what it may cost is bounded in bytes and time. Errors of the source
// and of the hooks stay in [Options.Logger]; an answer has a fixed sentence.
// Bodies are JSON with nosniff, whatever was published. How many connections one
// client may have is not counted here: that is for Check, or for what stands in
// front.
package httpstream
