// Package eventstream reads and writes event streams, the format
// text/event-stream of "server-sent events".
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
// # Specifications
//
//	HTML standard (WHATWG), 9.2.4, 9.2.5, 9.2.6   parsing a stream, its format, its meaning
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
//	reconnection time                    9,223,372,036,854 ms
//	buffer of a Decoder                  4 KiB; 16 KiB when the reader gives so much; doubled
//	                                     as a larger event arrives, up to the limit and 4 KiB
//	  after a large event                up to 2 MiB stay for 16 small events, more goes with
//	                                     the next read
//	  for data with bad UTF-8            as much again, up to the limit
//	allocations                          none for an event, after the first few; one for each
//	                                     512 B of IDs that differ, and for each ID or type
//	                                     above 64 B
//
// # Concurrency
//
// Functions may be called from any goroutine. A Decoder belongs to one
// goroutine at a time.
//
// # Security
//
// No input makes the package panic. Memory is taken as bytes arrive, and time
// is linear in them, even if they come one at a time. What would let a value
// end its line is refused by [Append] before a byte is written. Data of a
// [Decoder] is valid UTF-8, but may hold any character, NUL too.
package eventstream
