package fuzz

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/handshake"
)

// wishes makes options of a number; windows outside 8 to 15 are among them.
func wishes(n uint16) deflate.Options {
	return deflate.Options{
		ServerNoContext: n&1 != 0, ClientNoContext: n&2 != 0, Fallback: n&4 != 0,
		ServerBits: int(n>>3&15) % 11 * 16 / 10, ClientBits: int(n>>7&15) % 11 * 16 / 10,
	}
}

// FuzzNegotiation: a client and a server, whatever each wishes and whatever
// else is offered before it, agree on the same parameters through both heads;
// then every message that one compresses by them the other inflates by them,
// in both directions, with the contexts that they have agreed to keep. What a
// server answers a client never refuses.
func FuzzNegotiation(f *testing.F) {
	f.Add(uint16(0), uint16(0), "", []byte("hello hello hello hello"))
	f.Add(uint16(7), uint16(3), "x-webkit-deflate-frame", []byte("\x00\x00\x00\x00\x00\x01"))
	f.Add(uint16(0x3c), uint16(0x780), "permessage-deflate; server_max_window_bits=9", bytes.Repeat([]byte("abcdefgh1"), 100))
	f.Add(uint16(0x40), uint16(0x0ff), `permessage-deflate; client_max_window_bits="8", a; b=c`, []byte("a"))
	f.Fuzz(func(t *testing.T, clientWish, serverWish uint16, before string, data []byte) {
		client, server := wishes(clientWish), wishes(serverWish)
		offer := string(client.AppendOffer(nil))
		if before != "" {
			offer = before + ", " + offer
		}
		head, err := handshake.AppendRequest(nil, &handshake.Request{Host: "a", Target: "/", Key: handshake.NewKey(), Extensions: []string{offer}})
		if err != nil {
			return // before is no extension
		}
		req, n, _, err := handshake.ParseRequest(head, 0, handshake.Limits{})
		if err != nil && n == 0 {
			return // or too long
		}
		if req.Check() != nil {
			return
		}
		p, answer, ok := server.Accept(req.Extensions)
		if !ok {
			if answer != "" {
				t.Fatalf("declined with %q", answer)
			}
			return
		}
		head, err = handshake.AppendResponse(nil, &req, "", answer, nil)
		if err != nil {
			t.Fatalf("%q can't be answered with %q: %v", req.Extensions, answer, err)
		}
		res, _, _, err := handshake.ParseResponse(head, 0, handshake.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Check(&req); err != nil {
			t.Fatalf("%q to %q: %v", answer, req.Extensions, err)
		}
		q, agreed, err := client.Check(res.Extensions)
		if !agreed || err != nil {
			if before != "" {
				return // it was the other offer that was accepted
			}
			t.Fatalf("%+v offers %q, %+v answers %q, and the client: %v", client, offer, server, answer, err)
		}
		if p != q {
			t.Fatalf("%q: the server means %+v, the client %+v", answer, p, q)
		}
		exchange(t, p.ServerBits, q.ServerBits, !p.ServerNoContext, !q.ServerNoContext, data)
		exchange(t, q.ClientBits, p.ClientBits, !q.ClientNoContext, !p.ClientNoContext, data)
	})
}

// exchange sends data in one direction as messages of growing length. out and
// in are the windows of both ends, keeps and kept whether each has a context.
func exchange(t *testing.T, out, in int, keeps, kept bool, data []byte) {
	var z deflate.Compressor
	var w deflate.Inflater
	var history, window []byte
	for n := 1; len(data) > 0; n *= 3 {
		m := data[:min(n, len(data))]
		data = data[len(m):]
		packed := z.Append(nil, history, 1+n%9, out, true, m)
		if keeps {
			history = deflate.AppendHistory(history, out, m)
		}
		w.Reset(in, window)
		var got []byte
		for src, last := packed, false; !last; {
			p, used, err := w.Next(src, true)
			got = append(got, p...)
			src = src[used:]
			if last = errors.Is(err, io.EOF); err != nil && !last {
				t.Fatalf("windows %d and %d: %v", out, in, err)
			}
		}
		if kept {
			window = bytes.Clone(w.History())
		}
		if !bytes.Equal(got, m) {
			t.Fatalf("windows %d and %d: %q became %q", out, in, m, got)
		}
	}
}
