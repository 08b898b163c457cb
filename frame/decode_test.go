package frame

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// decode feeds d the chunks and holds every step to what Next promises. The
// pieces of a data frame are joined. At is the index of the chunk that an
// error came with, and the error itself is returned beside.
func decode(t testing.TB, d *Decoder, chunks ...[]byte) (out outcome, fault *Error) {
	t.Helper()
	out.At = -1
	open := false      // the last event is a data frame that goes on
	var payload []byte // of the last event
	for at, chunk := range chunks {
		p := bytes.Clone(chunk)
		for {
			ev, n, err := d.Next(p)
			if err != nil {
				if !errors.As(err, &fault) {
					t.Fatalf("the error is a %T", err)
				}
				if ev.Kind != More || ev.Payload != nil || n != 0 {
					t.Fatalf("event %v and %d bytes beside an error", ev, n)
				}
				if _, _, again := d.Next([]byte{0x81}); again != err {
					t.Fatalf("the error is not final: then came %v", again)
				}
				out.Code, out.At = fault.Code, at
				// How much of the faulty frame was delivered before depends
				// on the chunks.
				if open {
					out.Events = out.Events[:len(out.Events)-1]
				}
				return out, fault
			}
			if n < 0 || n > len(p) {
				t.Fatalf("consumed %d of %d bytes", n, len(p))
			}
			if ev.Kind == More {
				if n != len(p) || len(ev.Payload) > 0 {
					t.Fatalf("no event after %d of %d bytes", n, len(p))
				}
				break
			}
			if n == 0 {
				t.Fatal("an event out of nothing")
			}
			if cap(ev.Payload) != len(ev.Payload) && ev.Kind == Data {
				t.Fatal("an append to the payload would overwrite input")
			}
			if !ev.Start && !open {
				t.Fatalf("event %v does not start a frame", ev)
			}
			if ev.Start {
				if open {
					t.Fatalf("event %v starts inside a frame", ev)
				}
				out.Events = append(out.Events, event{Type: ev.Type, Control: ev.Kind == Control, Header: ev.Header})
				payload = payload[:0]
			}
			last := &out.Events[len(out.Events)-1]
			if last.Type != ev.Type || last.Header != ev.Header {
				t.Fatalf("a piece says %v, the first one %v", ev, last)
			}
			payload = append(payload, ev.Payload...)
			last.End = ev.End
			if open = int64(len(payload)) < ev.Header.Length; !open {
				last.Payload = string(payload)
			}
			p = p[n:]
		}
	}
	if open {
		out.Events[len(out.Events)-1].Payload = string(payload)
	}
	out.Remaining, out.InMessage = d.Remaining(), d.InMessage()
	return out, nil
}

// fresh returns a decoder with the exported fields of cfg.
func fresh(cfg Decoder) *Decoder {
	return &Decoder{Role: cfg.Role, RSV: cfg.RSV, Limits: cfg.Limits, SkipUTF8: cfg.SkipUTF8}
}

// single returns p as one chunk a byte.
func single(p []byte) (chunks [][]byte) {
	for i := range p {
		chunks = append(chunks, p[i:i+1])
	}
	return chunks
}

// nearly is single, but for the middle of a long p, where nothing but more
// payload is to be expected: that goes in chunks of a prime number of bytes.
func nearly(p []byte) (chunks [][]byte) {
	const edge, middle = 64, 251
	for i := 0; i < len(p); {
		n := 1
		if i >= edge && i < len(p)-edge-middle {
			n = middle
		}
		chunks = append(chunks, p[i:i+n])
		i += n
	}
	return chunks
}

// agree decodes stream in one piece and nearly byte by byte and compares both
// with the reference; the second must find an error with the very byte.
func agree(t testing.TB, cfg Decoder, stream []byte) {
	t.Helper()
	want := reference(cfg, stream)
	for _, chunks := range [][][]byte{nearly(stream), {stream}} {
		got, _ := decode(t, fresh(cfg), chunks...)
		if got.At >= 0 {
			// The byte is known as well as the chunk is small.
			start, size := 0, len(chunks[got.At])
			for _, c := range chunks[:got.At] {
				start += len(c)
			}
			got.At = max(start, min(want.At, start+size-1))
		}
		if diff := want.diff(got); diff != "" {
			t.Fatalf("in %d chunks, % x:\n%s", len(chunks), clip(stream), diff)
		}
	}
}

// diff is cmp.Diff, with a quick way for what is equal.
func (want outcome) diff(got outcome) string {
	if slices.Equal(want.Events, got.Events) {
		a, b := want, got
		a.Events, b.Events = nil, nil
		if cmp.Equal(a, b) {
			return ""
		}
	}
	return cmp.Diff(want, got)
}

func clip(p []byte) []byte { return p[:min(len(p), 200)] }
