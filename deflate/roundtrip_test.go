package deflate

import (
	"bytes"
	"io"
	"testing"
)

// FuzzRoundTrip: messages that a Compressor makes come out of an Inflater as
// they were, and both ends keep the same history: in both context modes, at
// every size of window, in pieces cut anywhere on both sides.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("a message, another message, and one more message"), byte(12), byte(1), byte(3), byte(7), true)
	f.Add([]byte(""), byte(8), byte(9), byte(1), byte(1), false)
	f.Add(bytes.Repeat([]byte("0123456789abcdef"), 5000), byte(8), byte(6), byte(2), byte(200), true)
	f.Add(bytes.Repeat([]byte("window "), 9000), byte(15), byte(3), byte(5), byte(0), true)
	f.Fuzz(func(t *testing.T, data []byte, bits, level, messages, cut byte, takeover bool) {
		if len(data) > 1<<17 {
			return
		}
		roundTrip(t, data, 8+int(bits)%8, 1+int(level)%9, 1+int(messages)%6, 1+int(cut), takeover)
	})
}

func TestRoundTripInBothContextModesAtEveryWindow(t *testing.T) {
	data := bytes.Repeat([]byte(`{"a":1,"message":"that comes again, and again"},`), 800)
	for bits := 8; bits <= 15; bits++ {
		for _, level := range []int{1, 2, 3, 6, 9} {
			for _, takeover := range []bool{false, true} {
				roundTrip(t, data, bits, level, 7, 100, takeover)
			}
		}
	}
}

func roundTrip(t *testing.T, data []byte, bits, level, messages, cut int, takeover bool) {
	t.Helper()
	var z Compressor
	var in Inflater
	var sent, got []byte // both ends' histories
	for m := range messages {
		message := data[len(data)*m/messages : len(data)*(m+1)/messages]
		half := len(message) * (cut % 11) / 11
		payload := z.Append(nil, sent, level, bits, false, message[:half])
		window := AppendHistory(bytes.Clone(sent), bits, message[:half])
		payload = z.Append(payload, window, level, bits, true, message[half:])
		if takeover {
			sent = AppendHistory(window, bits, message[half:])
		}

		in.Reset(bits, got)
		var out []byte
		for rest := payload; ; {
			n := min(cut*7, len(rest))
			piece, used, err := in.Next(rest[:n], n == len(rest))
			out = append(out, piece...)
			rest = rest[used:]
			if err == io.EOF {
				break
			}
			if err != nil || len(out) > len(message) {
				t.Fatalf("message %d of %d, %d bits, level %d: %v after %d of %d bytes", m, messages, bits, level, err, len(out), len(message))
			}
		}
		if !bytes.Equal(out, message) {
			t.Fatalf("message %d of %d, %d bits, level %d: another one came out", m, messages, bits, level)
		}
		if takeover {
			got = append(got[:0], in.History()...)
			if !bytes.Equal(got, sent) {
				t.Fatalf("message %d of %d, %d bits, level %d: histories of %d and %d bytes differ", m, messages, bits, level, len(sent), len(got))
			}
		}
	}
}
