//go:build linux

package load

import (
	"bytes"
	"testing"

	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/mask"
)

// What a connection sends inflates to the texts of the cycle, in order, from
// wherever it begins, with the window that was agreed on and nothing more.
func TestPackedFrames(t *testing.T) {
	texts := Text(32, 4<<10)
	for _, answer := range []string{
		"permessage-deflate",
		"permessage-deflate; client_max_window_bits=12",
		"permessage-deflate; client_max_window_bits=9; server_max_window_bits=12",
		"permessage-deflate; client_no_context_takeover; server_no_context_takeover",
	} {
		p, err := params(answer)
		if err != nil {
			t.Fatal(err)
		}
		f := packedFrames(texts, p)
		for start := range 3 {
			var z deflate.Inflater
			var window []byte
			for n := range 2*len(texts) + 1 {
				h, body := open(t, f.frame(start, n))
				if h.RSV != frame.RSV1 {
					t.Fatalf("%s: %+v", answer, h)
				}
				z.Reset(p.ClientBits, window)
				want := texts[(start+n)%len(texts)]
				if got, _, err := z.Next(body, true); !bytes.Equal(got, want) {
					t.Fatalf("%s: message %d after %d is another text: %v", answer, n, start, err)
				}
				if !p.ClientNoContext {
					window = bytes.Clone(z.History())
				}
			}
		}
	}
}

// The checker takes what is right and nothing else.
func TestChecker(t *testing.T) {
	texts := Text(3, 600)
	var p deflate.Compressor
	var history []byte
	var c checker
	var dict []byte
	agreed := deflate.Params{ServerBits: 12, ClientBits: 12}
	for i, m := range texts {
		body := p.Append(nil, history, 1, 12, true, m)
		history = deflate.AppendHistory(history, 12, m)
		other := bytes.Clone(dict)
		if err := c.message(true, agreed, &other, frame.RSV1, body, texts[(i+1)%3]); err == nil {
			t.Error("another text passed")
		}
		if err := c.message(false, agreed, &other, frame.RSV1, body, m); err == nil {
			t.Error("a compressed message passed where nothing was agreed on")
		}
		if err := c.message(true, agreed, &dict, frame.RSV1, body, m); err != nil {
			t.Error(err)
		}
		if err := c.message(true, agreed, &dict, 0, m, m); err != nil { // plain messages do not join the window
			t.Error(err)
		}
		if err := c.message(true, agreed, &dict, 0, m[1:], m); err == nil {
			t.Error("half a text passed")
		}
	}
}

func open(t *testing.T, b []byte) (frame.Header, []byte) {
	t.Helper()
	h, n, err := frame.Parse(b)
	if err != nil || n+int(h.Length) != len(b) {
		t.Fatalf("a frame of %d bytes: %+v, %v", len(b), h, err)
	}
	body := bytes.Clone(b[n:])
	mask.XOR(body, h.Key, 0)
	return h, body
}
