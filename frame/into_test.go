package frame

import (
	"bytes"
	"errors"
	"testing"
)

// NextInto is Next with the event elsewhere, whatever was in it before.
func TestNextIntoIsNext(t *testing.T) {
	roles(t, func(t *testing.T, role Role) {
		for name, in := range conversations(role) {
			for _, step := range []int{1, 7, len(in)} {
				a, b := Decoder{Role: role}, Decoder{Role: role}
				x, y := bytes.Clone(in), bytes.Clone(in)
				for at, end := 0, 0; at < len(in); {
					end = min(max(end, at+step), len(in))
					want, n, err := a.Next(x[at:end])
					got := Event{Kind: 77, Payload: []byte("of before"), Start: true, End: true}
					m, err2 := b.NextInto(y[at:end], &got)
					if m != n || !errors.Is(err2, err) || got.Kind != want.Kind || got.Type != want.Type || got.Start != want.Start || got.End != want.End ||
						got.Header != want.Header || !bytes.Equal(got.Payload, want.Payload) {
						t.Fatalf("%s at %d: %+v, %d, %v; want %+v, %d, %v", name, at, got, m, err2, want, n, err)
					}
					if at += n; err != nil {
						break
					}
					if n == 0 && want.Kind == More {
						end++
					}
				}
			}
		}
	})
}

// Compressed is the limit of messages with RSV1, and of no others.
func TestLimitOfCompressedMessages(t *testing.T) {
	for _, k := range []struct {
		rsv    byte
		limits Limits
		n      int
		ok     bool
	}{
		{RSV1, Limits{Message: 10, Compressed: 20}, 20, true},
		{RSV1, Limits{Message: 10, Compressed: 20}, 21, false},
		{0, Limits{Message: 10, Compressed: 20}, 11, false},
		{RSV1, Limits{Message: 10}, 11, false},
		{RSV1, Limits{Message: 10, Compressed: -1}, 2 << 20, true},
	} {
		d := Decoder{RSV: RSV1, Limits: k.limits}
		_, _, err := d.Next(AppendMessage(nil, Client, Binary, k.rsv, make([]byte, k.n)))
		var fe *Error
		if (err == nil) != k.ok || err != nil && (!errors.As(err, &fe) || fe.Code != CodeTooBig) {
			t.Errorf("%d bytes with RSV %d and %+v: %v", k.n, k.rsv, k.limits, err)
		}
	}
}

func TestTextOfABadCloseCode(t *testing.T) {
	_, err := AppendClose(nil, Server, 1005, "")
	if err == nil || err.Error() != ErrCloseCode.Error()+": 1005" {
		t.Errorf("%v", err)
	}
}
