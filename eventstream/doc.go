// Package eventstream reads, writes, serves and follows event streams, the
// format text/event-stream of "server-sent events".
//
// The smallest use, both ways:
//
//	b, err := eventstream.Append(nil, eventstream.Event{ID: "7", Data: []byte("hello")})
//	// b is "id: 7\ndata: hello\n\n"
//
//	for ev, err := range eventstream.NewDecoder(body).All() {
//		if err != nil {
//			return err
//		}
//		use(ev.Type, ev.Data)
//	}
//
// The smallest server and the smallest client:
//
//	http.Handle("/events", eventstream.Handler(func(s *eventstream.Stream, r *http.Request) {
//		for ev := range eventsAfter(s.Context(), s.LastEventID()) {
//			if s.Send(ev) != nil {
//				return
//			}
//		}
//	}, nil))
//
//	c := eventstream.Client{URL: "https://example.com/events"}
//	for ev, err := range c.Events(ctx) {
//		...
//	}
//
// # Terms
//
// A stream consists of lines, which end in LF, CR or CR LF. A field is a line
// with a name, a colon and a value; a comment is a line that begins with a
// colon. A block is the lines up to an empty line, which dispatches it: if it
// has data, an event fires. The type says which listeners an event is for. The
// last event ID is what a client sends when it connects again, in the field
// Last-Event-ID, and the reconnection time is how long it waits before.
//
// # Two ways
//
// [Append] and [AppendComment] write into memory of the caller. [Decoder]
// pulls events out of any [io.Reader], without a goroutine, and gives each on
// the very byte that ends it.
//
// Above these stand the two ends of a connection. A [Stream] is the server's:
// [Accept] and [Handler] make it on net/http, [AcceptConn] on a connection of
// one's own. Each event is one write and one flush, and has a deadline of its
// own in place of those of http.Server; comments keep a silent stream alive;
// a [Group] sends to all of its streams, without waiting for those that are
// stuck, and ends them when the server shuts down. Who keeps the events himself
// needs no queue: [Stream.TrySendRaw] hands over what a socket takes without
// waiting. A [Client] follows a stream over any number of connections, and
// comes back with the last event ID. [Events] reads one answer, as APIs give
// that stream what they compute.
//
// The end of a Stream is an [*EndError], which matches [net.ErrClosed]; a
// request that opens none is a [*RequestError]. The end of a Client's events
// is described at [Client.Events].
//
// # Specifications
//
//	HTML standard (WHATWG), 9.2.4, 9.2.5, 9.2.6   parsing a stream, its format, its meaning
//	  and 9.2.2, 9.2.3, 9.2.7                     a client's connection; heartbeats
//	Fetch standard (WHATWG), 3.2                  CORS
//	RFC 9110, 12.5.1, 12.5.3                      Accept, Accept-Encoding; RFC 1951, RFC 1952: gzip
//	Encoding standard (WHATWG), 6, 8.1.1          "UTF-8 decode": one byte order mark, U+FFFD
//	Unicode, 3.9                                  what one U+FFFD stands for
//
// Where the HTML standard is silent: a retry field without a digit is none, a
// longer time than a [time.Duration] holds is the longest, and an event larger
// than the limit is an error.
//
// # Limits and defaults
//
//	event: data, type and ID together    64 MiB (Decoder.MaxEvent)
//	line                                 as the event; comments and unknown fields endless
//	reads without a byte or an error     100
//	reconnection time of a Decoder       9,223,372,036,854 ms
//	buffer of a Decoder                  4 KiB; 16 KiB when the reader gives so much; doubled
//	                                     as a larger event arrives, up to the limit and 4 KiB
//	  after a large event                up to 2 MiB stay for 16 small events, more goes with
//	                                     the next read
//	  for data with bad UTF-8            as much again, up to the limit
//	allocations                          none for an event, after the first few; one for each
//	                                     512 B of IDs that differ, and for each ID or type
//	                                     above 64 B
//	one write of a Stream                10 s (Options.WriteTimeout)
//	waiting for a stuck client           64 KiB of Group.SendRaw, then EndBehind
//	fields of a request                  100; their bytes are for http.Server.MaxHeaderBytes
//	the body of a request, HTTP/1.x      half of the time for a write, unless the handler reads it
//	silence before a heartbeat           15 s (Options.Heartbeat)
//	lifetime of a Stream                 none (Options.Lifetime)
//	at the shutdown of a Group           25 ms for a write under way, 1 s for the end of the body
//	sent by a client on a raw Stream     64 KiB after its request
//	silence of a server                  1 min (Client.Idle), 5 min (ReadOptions.Idle)
//	wait before a new connection         3 s or the server's, which counts up to 5 min (Client.MaxRetry),
//	                                     and at random as much again, doubling up to 30 s (Client.Backoff)
//	redirects                            10, net/http's
//	body of a refusal that is kept       4 KiB
//
// A negative time in Options, Client and ReadOptions means none.
//
// # Cost of an idle Stream
//
// On a connection of one's own: a goroutine that waits for the client to go,
// without a buffer on plain TCP, and the Stream with its timer and context;
// measured 2.0 KiB of stack and 1.1 KiB of heap beside the connection. The
// program needs no goroutine for it. On net/http: the same heap, and the
// handler's goroutine with the buffers that net/http keeps for it. [Gzip] holds
// no compressor while nothing is sent.
//
// # Concurrency
//
// Functions, and the methods of Stream and Group, may be called from any
// goroutine. A Decoder, and a loop over the events of a Client, belong to one
// goroutine at a time.
//
// # Security
//
// No input makes the package panic. Memory is taken as bytes arrive, and time
// is linear in them, even if they come one at a time. What would let a value
// end its line is refused by [Append] before a byte is written. Data of a
// [Decoder] is valid UTF-8, but may hold any character, NUL too, and its
// reconnection time is what the server wrote: who waits for it by himself has to
// bound it, as [Client] does. Pages of other origins can't read a stream unless
// [Options.CORS] lets them. The last event ID of a request is the client's word
// and may be anything.
package eventstream
