package deflaters

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"

	kp "github.com/klauspost/compress/flate"

	"github.com/pushwire/pushwire/deflate"
)

// A Compressor is one way to compress messages.
type Compressor struct {
	Name string
	// Pooled: a connection keeps the window only, and the compressor serves
	// any connection. Otherwise each connection has its own, while there is
	// context takeover.
	Pooled bool
	// Bits is the window that no distance exceeds.
	Bits int
	// New returns the compressor of a connection: append appends message p,
	// compressed, to dst. With takeover it looks back at the messages before.
	New func(takeover bool) (append func(dst, p []byte) []byte)
}

// Compressors are those that are measured. compress/flate has neither a way to
// prime a writer again without making it anew, nor windows.
var Compressors = []Compressor{
	kept("compress/flate 1, kept", func(out *bytes.Buffer) (resetter, error) { return flate.NewWriter(out, 1) }),
	kept("compress/flate 6, kept", func(out *bytes.Buffer) (resetter, error) { return flate.NewWriter(out, 6) }),
	kept("klauspost 1, kept", func(out *bytes.Buffer) (resetter, error) { return kp.NewWriter(out, 1) }),
	kept("klauspost 6, kept", func(out *bytes.Buffer) (resetter, error) { return kp.NewWriter(out, 6) }),
	{Name: "klauspost StatelessDeflate, 4 KiB", Pooled: true, Bits: 12, New: stateless},
	{Name: "klauspost NewWriterWindow, 4 KiB, ResetDict", Pooled: true, Bits: 12, New: windowed},
	ours(1, 12), ours(2, 12), ours(3, 12), ours(6, 12), ours(9, 12),
	ours(1, 15), ours(3, 15), ours(6, 15), ours(9, 15),
}

// tail is the length of what RFC 7692, 7.2.1 leaves off.
const tail = 4

// flushWriter is what the writers of both libraries have.
type flushWriter interface {
	io.Writer
	Flush() error
}

type resetter interface {
	flushWriter
	Reset(w io.Writer)
}

func kept(name string, make func(*bytes.Buffer) (resetter, error)) Compressor {
	return Compressor{Name: name, Bits: 15, New: func(takeover bool) func(dst, p []byte) []byte {
		var out bytes.Buffer
		w := must(make(&out))
		return func(dst, p []byte) []byte {
			out.Reset()
			if !takeover {
				w.Reset(&out)
			}
			write(w, p)
			return append(dst, out.Bytes()[:out.Len()-tail]...)
		}
	}}
}

func windowed(takeover bool) func(dst, p []byte) []byte {
	var out bytes.Buffer
	var window []byte
	w := must(kp.NewWriterWindow(&out, 4<<10))
	return func(dst, p []byte) []byte {
		out.Reset()
		w.ResetDict(&out, window)
		write(w, p)
		if takeover {
			window = deflate.AppendHistory(window, 12, p)
		}
		return append(dst, out.Bytes()[:out.Len()-tail]...)
	}
}

// stateless ends a message with a stored block of its own and not with the
// tail, as klauspost documents it for messages that are not the last.
func stateless(takeover bool) func(dst, p []byte) []byte {
	var out bytes.Buffer
	var window []byte
	return func(dst, p []byte) []byte {
		out.Reset()
		if err := kp.StatelessDeflate(&out, p, false, window); err != nil {
			panic(err)
		}
		if takeover {
			window = deflate.AppendHistory(window, 12, p)
		}
		return append(dst, bytes.TrimSuffix(out.Bytes(), []byte{0, 0, 0xff, 0xff})...)
	}
}

func ours(level, bits int) Compressor {
	return Compressor{
		Name: fmt.Sprintf("pushwire %d, %d KiB", level, 1<<bits>>10), Pooled: true, Bits: bits,
		New: func(takeover bool) func(dst, p []byte) []byte {
			var z deflate.Compressor
			var window []byte
			return func(dst, p []byte) []byte {
				dst = z.Append(dst, window, level, bits, true, p)
				if takeover {
					window = deflate.AppendHistory(window, bits, p)
				}
				return dst
			}
		},
	}
}

// write writes one message. Errors come only from the buffer behind, which has
// none.
func write(w flushWriter, p []byte) {
	if _, err := w.Write(p); err != nil {
		panic(err)
	}
	if err := w.Flush(); err != nil {
		panic(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
