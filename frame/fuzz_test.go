package frame

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

// FuzzDecoder: whole, byte by byte and cut in two, a decoder agrees with the
// reference in events, close code and the byte that decides.
func FuzzDecoder(f *testing.F) {
	for _, role := range []Role{Server, Client} {
		for _, in := range conversations(role) {
			if len(in) < 1000 {
				f.Add(in, role == Server, byte(0), false, int64(0), 0, len(in)/2)
			}
		}
	}
	for _, c := range refusals {
		f.Add([]byte(c.bytes), c.cfg.Role == Server, c.cfg.RSV, c.cfg.SkipUTF8, c.cfg.Limits.Message, c.cfg.Limits.Fragments, 1)
	}
	f.Fuzz(func(t *testing.T, in []byte, server bool, rsv byte, skip bool, message int64, fragments, cut int) {
		cfg := Decoder{Role: Client, RSV: rsv & 7, SkipUTF8: skip, Limits: Limits{Message: message, Fragments: fragments}}
		if server {
			cfg.Role = Server
		}
		agree(t, cfg, in)
		if cut < 0 || cut > len(in) {
			return
		}
		want := reference(cfg, in)
		got, _ := decode(t, fresh(cfg), in[:cut], in[cut:])
		if want.At >= 0 {
			if (want.At >= cut) != (got.At == 1) {
				t.Fatalf("cut at %d: error in chunk %d, want byte %d", cut, got.At, want.At)
			}
			got.At = want.At
		}
		if diff := want.diff(got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzParse: what Parse takes, Append writes with the same bytes, and no
// shorter input is taken or refused otherwise.
func FuzzParse(f *testing.F) {
	for _, c := range headers {
		f.Add([]byte(c.bytes))
	}
	for _, c := range refusals {
		f.Add([]byte(c.bytes))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		h, n, err := Parse(in)
		if err != nil {
			if n != 0 || h != (Header{}) {
				t.Fatalf("%+v, %d beside an error", h, n)
			}
			return
		}
		if n == 0 {
			if len(in) >= MaxHeader {
				t.Fatal("a whole header was not enough")
			}
			return
		}
		if h.Length < 0 || n > MaxHeader || h.Size() != n {
			t.Fatalf("%+v, %d, size %d", h, n, h.Size())
		}
		if got := h.Append(nil); !bytes.Equal(got, in[:n]) {
			t.Fatalf("Append = % x, parsed from % x", got, in[:n])
		}
		for i := range n {
			if _, m, err := Parse(in[:i]); m != 0 || err != nil {
				t.Fatalf("%d of %d bytes: %d, %v", i, n, m, err)
			}
		}
	})
}

// FuzzClose: what ParseClose takes, AppendClose writes, and the reverse.
func FuzzClose(f *testing.F) {
	for _, s := range []string{"", "\x03", "\x03\xe8", "\x03\xe8bye", "\x03\xed", "\x0f\xa0\xff", "\x0b\xb8\xed\xa0\x80"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		code, reason, err := ParseClose(payload)
		frame, serr := AppendClose(nil, Server, code, reason)
		switch {
		case err != nil:
			if code != 0 || reason != "" || serr == nil {
				t.Fatalf("%d, %q beside an error", code, reason)
			}
		case len(payload) == 0:
			if code != CodeNoStatus || serr == nil {
				t.Fatalf("no payload is %d", code)
			}
		case !code.Valid() || !utf8.ValidString(reason):
			t.Fatalf("%d, %q were taken", code, reason)
		case len(payload) > MaxControl: // no decoder delivers one
			if serr == nil {
				t.Fatal("an overlong reason was written")
			}
		case serr != nil || !bytes.Equal(frame[2:], payload):
			t.Fatalf("% x, %v from % x", frame, serr, payload)
		}
	})
}

// FuzzUTF8: any split of any bytes agrees with the reference.
func FuzzUTF8(f *testing.F) {
	for _, c := range utf8Table {
		f.Add([]byte(c.s))
	}
	f.Add([]byte(mixed(200)))
	f.Fuzz(func(t *testing.T, text []byte) { check(t, string(text)) })
}

// FuzzShort: in whatever state some bytes leave a decoder, Short takes what is a
// whole short message to Next and says the same of it, or changes nothing.
func FuzzShort(f *testing.F) {
	for _, role := range []Role{Server, Client} {
		for _, in := range conversations(role) {
			if len(in) < 1000 {
				f.Add(in, 0, role == Server, byte(RSV1), true, int64(40))
			}
		}
		// A first frame, and a whole message that must not be there.
		first := AppendMessage(nil, 1-role, Text, 0, []byte("abc"))
		first[0] &^= 0x80
		in := AppendMessage(bytes.Clone(first), 1-role, Text, 0, []byte("def"))
		for cut := range in {
			f.Add(in, cut, role == Server, byte(0), false, int64(0))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, cut int, server bool, rsv byte, skip bool, message int64) {
		d := Decoder{Role: Client, RSV: rsv & 7, SkipUTF8: skip, Limits: Limits{Message: message}}
		if server {
			d.Role = Server
		}
		cut = min(max(cut, 0), len(in))
		for before := bytes.Clone(in[:cut]); len(before) > 0; {
			_, n, err := d.Next(before)
			if err != nil {
				return // for FuzzDecoder
			}
			before = before[n:]
		}
		sameAsNext(t, d, in[cut:], "behind what came before")
	})
}
