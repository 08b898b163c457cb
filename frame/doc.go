// Package frame reads and writes the frames of the WebSocket protocol,
// without any input or output of its own: bytes in, events out.
//
// The smallest use, a server that looks at what a client sends:
//
//	d := frame.Decoder{Role: frame.Server}
//	for len(p) > 0 {
//		ev, n, err := d.Next(p)
//		if err != nil {
//			return err // a *frame.Error: close with its Code and Reason
//		}
//		p = p[n:]
//		if ev.Kind == frame.Data {
//			use(ev.Type, ev.Payload, ev.End)
//		}
//	}
//
// # Terms
//
// A message is text or binary and consists of one or more data frames, its
// fragments: the first carries the type, the others are continuations, the
// last has FIN set. Control frames (close, ping, pong) may stand between
// fragments. A payload is what a frame carries; a client masks it by XOR with
// the frame's masking key. A close code is the number in a close frame.
//
// # Two layers
//
// [Parse] and [Header.Append] are the header alone, with no memory of what
// came before. [Decoder] holds the sequence of frames against the rules:
// masking by role, reserved bits, order of fragments, limits, UTF-8.
// [AppendMessage] and [AppendClose] write whole frames, [UTF8] validates text
// as it streams.
//
// # Specifications
//
// RFC 6455, sections 5 (framing), 7.4 (close codes) and 8.1 (UTF-8); RFC
// 3629, section 4 (UTF-8); RFC 7692, section 6, as far as it touches RSV1.
//
// # Limits and defaults
//
//	header                          at most 14 B
//	payload of a control frame      at most 125 B
//	reason of a close frame         at most 123 B
//	message, all fragments          1 MiB (Limits.Message)
//	fragments of a message          4,096, empty ones counted (Limits.Fragments)
//	memory of a Decoder             about 260 B, never more
//
// # Concurrency
//
// Functions may be called from any goroutine. A Decoder or UTF8 belongs to
// one goroutine at a time.
//
// # Security
//
// No input makes the package panic, allocate or return a negative length.
// Lengths are held against the limits when they are declared, before a byte
// of the payload came; nothing is reserved because of them. Each error has a
// stable token for metrics ([Error].Token).
package frame
