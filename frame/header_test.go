package frame

import (
	"bytes"
	"math"
	"testing"

	"github.com/pushwire/pushwire/internal/testpeer"
)

// headers are the examples of RFC 6455, 5.7, and the edges of each form.
var headers = []struct {
	bytes string
	h     Header
}{
	{"\x81\x05", Header{Fin: true, Opcode: Text, Length: 5}},
	{"\x81\x85\x37\xfa\x21\x3d", Header{Fin: true, Opcode: Text, Masked: true, Key: [4]byte{0x37, 0xfa, 0x21, 0x3d}, Length: 5}},
	{"\x01\x03", Header{Opcode: Text, Length: 3}},
	{"\x80\x02", Header{Fin: true, Length: 2}},
	{"\x89\x05", Header{Fin: true, Opcode: Ping, Length: 5}},
	{"\x8a\x85\x37\xfa\x21\x3d", Header{Fin: true, Opcode: Pong, Masked: true, Key: [4]byte{0x37, 0xfa, 0x21, 0x3d}, Length: 5}},
	{"\x82\x7e\x01\x00", Header{Fin: true, Opcode: Binary, Length: 256}},
	{"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", Header{Fin: true, Opcode: Binary, Length: 65536}},

	{"\x82\x00", Header{Fin: true, Opcode: Binary}},
	{"\x82\x7d", Header{Fin: true, Opcode: Binary, Length: 125}},
	{"\x82\x7e\x00\x7e", Header{Fin: true, Opcode: Binary, Length: 126}},
	{"\x82\x7e\x00\x7f", Header{Fin: true, Opcode: Binary, Length: 127}},
	{"\x82\x7e\xff\xff", Header{Fin: true, Opcode: Binary, Length: 65535}},
	{"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", Header{Fin: true, Opcode: Binary, Length: math.MaxInt64}},
	{"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04", Header{Fin: true, Opcode: Binary, Masked: true, Key: [4]byte{1, 2, 3, 4}, Length: math.MaxInt64}},
	{"\x88\xfd\x00\x00\x00\x00", Header{Fin: true, Opcode: Close, Masked: true, Length: 125}},
	{"\x41\x00", Header{RSV: RSV1, Opcode: Text}},
	{"\x21\x00", Header{RSV: RSV2, Opcode: Text}},
	{"\x11\x00", Header{RSV: RSV3, Opcode: Text}},
}

func TestParseAndAppendMatchRFC6455(t *testing.T) {
	for _, c := range headers {
		h, n, err := Parse([]byte(c.bytes + "payload"))
		if h != c.h || n != len(c.bytes) || err != nil {
			t.Errorf("Parse(% x) = %+v, %d, %v", c.bytes, h, n, err)
		}
		if got := c.h.Append([]byte("before")); string(got) != "before"+c.bytes {
			t.Errorf("%+v.Append = % x, want % x", c.h, got[6:], c.bytes)
		}
		if got := c.h.Size(); got != len(c.bytes) || got > MaxHeader {
			t.Errorf("%+v.Size = %d, want %d", c.h, got, len(c.bytes))
		}
	}
}

func TestParseAsksForMoreOnEveryTruncation(t *testing.T) {
	for _, c := range headers {
		for i := range len(c.bytes) {
			if h, n, err := Parse([]byte(c.bytes[:i])); h != (Header{}) || n != 0 || err != nil {
				t.Errorf("Parse(% x) = %+v, %d, %v", c.bytes[:i], h, n, err)
			}
		}
	}
}

// Parse knows nothing of the connection, so it refuses a part of what a
// Decoder refuses.
func TestParseRefusesWhatNoHeaderMayHold(t *testing.T) {
	alone := map[string]bool{"frame_opcode_reserved": true, "frame_control_fragmented": true,
		"frame_control_too_long": true, "frame_length_not_minimal": true, "frame_length_top_bit": true}
	tried := 0
	for _, c := range refusals {
		if !alone[c.token] {
			continue
		}
		tried++
		h, n, err := Parse([]byte(c.bytes))
		if e, ok := err.(*Error); !ok || e.Token != c.token || h != (Header{}) || n != 0 {
			t.Errorf("%s: Parse(% x) = %+v, %d, %v", c.name, c.bytes, h, n, err)
		}
		if _, _, err := Parse([]byte(c.bytes[:c.at])); err != nil {
			t.Errorf("%s: refused before byte %d", c.name, c.at)
		}
		if _, _, err := Parse([]byte(c.bytes[:c.at+1])); err == nil {
			t.Errorf("%s: not refused on byte %d", c.name, c.at)
		}
	}
	if tried < 20 {
		t.Errorf("only %d cases", tried)
	}
}

// Exhaustive over the first two bytes; what a writer of its own makes of the
// rest must be understood.
func TestParseAgreesWithTestpeerOnEveryFirstTwoBytes(t *testing.T) {
	for first := range 256 {
		for _, masked := range []bool{false, true} {
			for _, length := range []uint64{0, 1, 125, 126, 127, 255, 256, 65535, 65536, 1 << 31, 1 << 32, 1<<63 - 1} {
				f := testpeer.Frame{Fin: first&0x80 != 0, RSV: byte(first >> 4 & 7), Opcode: byte(first & 15), Mask: masked, Key: &[4]byte{9, 8, 7, 6}, DeclaredLength: &length}
				want := Header{Fin: f.Fin, RSV: f.RSV, Opcode: Opcode(f.Opcode), Masked: masked, Length: int64(length)}
				if masked {
					want.Key = *f.Key
				}
				h, n, err := Parse(f.Append(nil))
				op := first & 15
				bad := op > 2 && op < 8 || op > 10 || op >= 8 && (!f.Fin || length > 125)
				if bad != (err != nil) || !bad && (h != want || n != len(f.Append(nil))) {
					t.Fatalf("%v: %+v, %d, %v", f, h, n, err)
				}
				if !bad && !bytes.Equal(h.Append(nil), f.Append(nil)) {
					t.Fatalf("%v: Append differs", f)
				}
			}
		}
	}
}

func TestAppendKeepsBitsApart(t *testing.T) {
	h := Header{Fin: true, RSV: 0xFF, Opcode: 0xF1, Length: 1}
	if got := h.Append(nil); !bytes.Equal(got, []byte{0xF1, 1}) {
		t.Errorf("% x", got)
	}
}

func TestAppendPanicsOnNegativeLength(t *testing.T) {
	defer func() {
		if r := recover(); r != "frame: Header.Append: negative length" {
			t.Errorf("recovered %v", r)
		}
	}()
	Header{Length: -1}.Append(nil)
}

func TestOpcodeNamesAndClasses(t *testing.T) {
	names := map[Opcode]string{0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong", 3: "opcode 0x3", 15: "opcode 0xf"}
	for op, want := range names {
		if op.String() != want {
			t.Errorf("Opcode(%d) is %q, want %q", byte(op), op, want)
		}
	}
	for op := range Opcode(16) {
		if got, want := op.IsReserved(), op >= 3 && op <= 7 || op >= 11; got != want {
			t.Errorf("%v reserved: %v", op, got)
		}
		if got, want := op.IsControl(), op >= 8; got != want {
			t.Errorf("%v control: %v", op, got)
		}
	}
	if Server.String() != "server" || Client.String() != "client" {
		t.Error("names of roles")
	}
}
