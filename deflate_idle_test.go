package pushwire

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/pushwire/pushwire/frame"
)

// Between messages a connection has no inflater, no compressor and no part of
// a message, and of windows only what takeover needs: 2^bits bytes, taken when
// first used.
func TestIdleConnKeepsWindowsAndNothingElse(t *testing.T) {
	ctx := context.Background()
	m := bytes.Repeat([]byte(`{"a message": "that is worth it", "n": 12345}`), 2000)
	for _, row := range []struct {
		d    Deflate
		want int // bytes of each window in the end
	}{
		{Deflate{ServerNoContext: true, ClientNoContext: true}, 0},
		{Deflate{}, 1 << DefaultDeflateBits},
		{Deflate{ServerBits: 8, ClientBits: 8}, 1 << 8},
		{Deflate{ServerBits: 15, ClientBits: 15}, 1 << 15},
	} {
		t.Run(fmt.Sprintf("%+v", row.d), func(t *testing.T) {
			client, server := Pipe(&Config{Deflate: &row.d})
			defer client.CloseNow()
			defer server.CloseNow()
			if server.in.inflation.window != nil || client.out.compression.window.b != nil {
				t.Fatal("windows before the first message")
			}
			var got []byte
			for i := range 5 {
				if err := client.Write(ctx, frame.Text, m[:1000<<(2*i)%len(m)]); err != nil {
					t.Fatal(err)
				}
				var err error
				if _, got, err = server.ReadAppend(ctx, got[:0]); err != nil {
					t.Fatal(err)
				}
				if z := server.in.inflation; z.z != nil || z.pile != nil || z.few != [2]*buffer{} || len(z.src) > 0 {
					t.Fatalf("after message %d: %+v", i, z)
				}
			}
			in, out := server.in.inflation, client.out.compression
			var room []byte
			same := bytes.Equal(in.window, out.window.linear(&room))
			if cap(in.window) != row.want || cap(out.window.b) != row.want || !same {
				t.Errorf("windows of %d and %d bytes, want %d; the same: %v", cap(in.window), cap(out.window.b), row.want, same)
			}
			if row.want == 0 && (in.window != nil || out.window.b != nil) {
				t.Error("a window without takeover")
			}
			if server.out.compression.window.b != nil || client.in.inflation.window != nil {
				t.Error("windows for a direction in which nothing went")
			}
		})
	}
}

// A message that waits for its next bytes may hold an inflater; one that is
// skipped or broken off must not.
func TestSkippedMessageGivesTheInflaterBack(t *testing.T) {
	ctx := context.Background()
	client, server := Pipe(&Config{Deflate: &Deflate{}})
	defer client.CloseNow()
	defer server.CloseNow()
	m := bytes.Repeat([]byte("twelve bytes"), 50_000)
	go func() {
		client.Write(ctx, frame.Text, m)
		client.Write(ctx, frame.Text, []byte("short"))
	}()
	_, r, err := server.Reader(ctx)
	if err == nil {
		_, err = r.Read(make([]byte, 10))
	}
	if err != nil || server.in.inflation.z == nil {
		t.Fatalf("%v, inflater %v", err, server.in.inflation.z)
	}
	if _, _, err := server.Reader(ctx); err != nil || server.in.inflation.z != nil {
		t.Errorf("%v, inflater %v", err, server.in.inflation.z)
	}
}

// A message is compressed once for all connections with the same parameters,
// and so it is while they ask at the same time.
func TestPreparedIsCompressedOnceAVariant(t *testing.T) {
	m := Prepare(frame.Text, bytes.Repeat([]byte("worth it "), 100))
	variants := []*compression{
		{level: 1, bits: 12, threshold: 512}, {level: 1, bits: 15, threshold: 512}, {level: 6, bits: 12, threshold: 512},
		{level: 6, bits: 12, threshold: 512, takeover: true},
	}
	got := make(chan *encoded, 400)
	for i := range cap(got) {
		go func() { got <- m.variant(variants[i%len(variants)]) }()
	}
	seen := map[*encoded]int{}
	for range cap(got) {
		seen[<-got]++
	}
	if len(seen) != 3 {
		t.Errorf("%d encodings, want 3: takeover is no parameter of them", len(seen))
	}
	if m.variant(nil) != &m.plain || m.variant(&compression{level: 1, bits: 12, threshold: 901}) != &m.plain {
		t.Error("without compression, or below the threshold, the message is not plain")
	}
}
