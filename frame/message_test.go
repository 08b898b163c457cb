package frame

import (
	"bytes"
	"strings"
	"testing"
)

func TestAppendMessageIsReadBackByTheOtherRole(t *testing.T) {
	for _, n := range []int{0, 1, 3, 4, 125, 126, 127, 65535, 65536, 70000} {
		payload := bytes.Repeat([]byte("pushwire"), n/8+1)[:n]
		orig := bytes.Clone(payload)
		for _, role := range []Role{Server, Client} {
			for _, op := range []Opcode{Text, Binary, Ping} {
				if op.IsControl() && n > MaxControl {
					continue
				}
				got := AppendMessage([]byte("before"), role, op, 0, payload)
				if string(got[:6]) != "before" || !bytes.Equal(payload, orig) {
					t.Fatal("dst or payload were changed")
				}
				want := outcome{At: -1}
				h, _, err := Parse(got[6:])
				if err != nil || h.Masked != (role == Client) {
					t.Fatalf("%+v, %v", h, err)
				}
				want.Events = []event{{Type: op, Control: op.IsControl(), Header: Header{Fin: true, Opcode: op, Masked: h.Masked, Key: h.Key, Length: int64(n)}, Payload: string(orig), End: true}}
				out, fault := decode(t, &Decoder{Role: 1 - role}, got[6:])
				if diff := want.diff(out); diff != "" || fault != nil {
					t.Fatalf("%v\n%s", fault, diff)
				}
			}
		}
	}
}

func TestAppendMessageSetsReservedBits(t *testing.T) {
	if got := AppendMessage(nil, Server, Text, RSV1, []byte("x")); string(got) != "\xc1\x01x" {
		t.Errorf("% x", got)
	}
}

// RFC 6455, 5.3: "MUST pick a fresh masking key from the set of allowed
// 32-bit values".
func TestAppendMessagePicksAFreshKeyForEachFrame(t *testing.T) {
	seen := make(map[[4]byte]bool)
	for range 100 {
		h, _, _ := Parse(AppendMessage(nil, Client, Text, 0, nil))
		seen[h.Key] = true
	}
	if len(seen) < 98 {
		t.Errorf("%d keys for 100 frames", len(seen))
	}
}

func TestAppendMessagePanicsOnLongControlFrame(t *testing.T) {
	defer func() {
		if r, ok := recover().(string); !ok || !strings.HasPrefix(r, "frame: AppendMessage: ") {
			t.Errorf("recovered %v", r)
		}
	}()
	AppendMessage(nil, Server, Ping, 0, make([]byte, MaxControl+1))
}
