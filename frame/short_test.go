package frame

import (
	"bytes"
	"fmt"
	"testing"
)

// Whatever a frame begins with, Short takes it if it is a whole short message
// to Next, says the same of it, and leaves everything as it was if it is not.
func TestShortIsNextOrNothing(t *testing.T) {
	tails := map[string][]byte{
		"ascii":   bytes.Repeat([]byte("a"), 140),
		"zeros":   make([]byte, 140),
		"two":     bytes.Repeat([]byte("é"), 70),
		"mixed":   bytes.Repeat([]byte("aé€𝄞"), 14),
		"high":    bytes.Repeat([]byte{0xFF, 0x80, 0xC3}, 47),
		"nothing": nil,
		"key":     {1, 2, 3, 4},
	}
	roles(t, func(t *testing.T, role Role) {
		for _, d := range []Decoder{
			{Role: role},
			{Role: role, SkipUTF8: true},
			{Role: role, RSV: RSV1},
			{Role: role, Limits: Limits{Message: 40}},
			{Role: role, Limits: Limits{Message: 126, Fragments: 1}},
			{Role: role, Limits: Limits{Message: -1}},
		} {
			taken := 0
			for name, tail := range tails {
				for first := range 1 << 8 {
					for _, length := range []byte{0, 1, 2, 3, 4, 7, 8, 17, 40, 41, 64, 99, 124, 125, 126, 127} {
						for _, mask := range []byte{0, 0x80} {
							in := append([]byte{byte(first), mask | length}, tail...)
							taken += sameAsNext(t, d, in, fmt.Sprint(name, " ", in[:2]))
						}
					}
				}
			}
			if few := d.Limits.Message == 40; !few && taken < 80 || few && taken > 0 {
				t.Errorf("%+v: %d were taken", d.Limits, taken)
			}
		}
	})
}

// sameAsNext compares Short with Next on in, from state d on. It reports whether
// Short took something, as a number.
func sameAsNext(t *testing.T, d Decoder, in []byte, what string) int {
	t.Helper()
	short, next := d, d
	p, q := bytes.Clone(in), bytes.Clone(in)
	typ, got, n := short.Short(p)
	ev, m, err := next.Next(q)
	head, inside := d.Partial()
	whole := len(head) == 0 && !inside && err == nil && ev.Kind == Data && ev.Start && ev.End && ev.Header.Opcode != Continuation &&
		ev.Header.RSV == 0 && ev.Header.Length < 126 && (d.Limits.Message <= 0 || d.Limits.Message >= 126)
	if whole != (n > 0) {
		t.Fatalf("%s: Short took %d bytes; Next: %+v, %v", what, n, ev, err)
	}
	if n == 0 {
		if !bytes.Equal(p, in) || typ != 0 || got != nil {
			t.Fatalf("%s: Short took nothing, and changed its input, or said something", what)
		}
		if short != d {
			t.Fatalf("%s: Short took nothing, and changed the Decoder", what)
		}
		return 0
	}
	if typ != ev.Type || n != m || !bytes.Equal(got, ev.Payload) {
		t.Fatalf("%s: Short: %v, % x, %d; Next: %+v, %d", what, typ, got, n, ev, m)
	}
	if cap(got) != len(got) {
		t.Fatalf("%s: the payload reaches into what follows: %d of %d", what, len(got), cap(got))
	}
	// What follows means the same to both.
	follow := AppendMessage(nil, 1-d.Role, Text, 0, []byte("é"))
	a, _, errA := short.Next(bytes.Clone(follow))
	b, _, errB := next.Next(bytes.Clone(follow))
	if errA != errB || a.Type != b.Type || !bytes.Equal(a.Payload, b.Payload) {
		t.Fatalf("%s: afterwards %+v, %v; want %+v, %v", what, a, errA, b, errB)
	}
	return 1
}

// In the middle of anything Short takes nothing.
func TestShortTakesNothingInTheMiddle(t *testing.T) {
	roles(t, func(t *testing.T, role Role) {
		peer := 1 - role
		whole := AppendMessage(nil, peer, Binary, 0, []byte("abc"))
		first := AppendMessage(nil, peer, Text, 0, []byte("abc"))
		first[0] &^= 0x80
		for name, before := range map[string][]byte{
			"a message":      first,
			"a header":       whole[:1],
			"a payload":      whole[:len(whole)-1],
			"a ping":         AppendMessage(nil, peer, Ping, 0, []byte("abc"))[:3],
			"the end":        AppendMessage(nil, peer, Close, 0, nil),
			"a broken peer":  {0xFF, 0xFF},
			"a first binary": {0x02},
		} {
			d := Decoder{Role: role}
			for p := bytes.Clone(before); ; {
				ev, n, err := d.Next(p)
				if p = p[n:]; err != nil || ev.Kind == More {
					break
				}
			}
			in := bytes.Clone(whole)
			was := d
			if _, _, n := d.Short(in); n != 0 || d != was || !bytes.Equal(in, whole) {
				t.Errorf("within %s: %d bytes, %+v", name, n, d)
			}
		}
	})
}
