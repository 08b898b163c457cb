package pushwire_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/pushwire/pushwire/frame"
)

// Discard forgets whole messages: one that it was ended in, and one that a Read
// was ended in before, come to nobody in part.
func TestReadAfterACancelledDiscardBeginsWithAWholeMessage(t *testing.T) {
	for _, readFirst := range []bool{false, true} {
		run(t, allModes, nil, nil, func(t *testing.T, p pair) {
			w, err := p.client.Writer(t.Context(), frame.Text)
			if err != nil {
				t.Fatal(err)
			}
			flush := flushing(w)
			flush("first half, ")
			arrived := func() bool { return p.server.Stats().BytesRead >= uint64(len("first half, ")) }
			if readFirst {
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					for !arrived() {
						time.Sleep(time.Millisecond)
					}
					cancel()
				}()
				if _, _, err := p.server.Read(ctx); !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			gone := p.server.Discard(ctx)
			eventually(t, "the first half has arrived", arrived)
			pong, stop := context.WithTimeout(t.Context(), 10*time.Second)
			defer stop()
			go p.client.Read(pong)
			if _, err := p.client.Ping(pong); err != nil { // Discard has come past the first half
				t.Fatal(err)
			}
			cancel()
			<-gone.Done()
			flush("second half")
			w.Close()
			go p.client.Write(t.Context(), frame.Text, []byte("next"))
			_, got, err := p.server.Read(t.Context())
			if err != nil || string(got) != "next" {
				t.Errorf("readFirst=%v: Read after Discard: %q, %v", readFirst, got, err)
			}
		})
	}
}

func TestReaderWhoseMessageDiscardTookDoesNotEndWell(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		go p.client.Write(t.Context(), frame.Binary, noise(100_000))
		_, r, err := p.server.Reader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone := p.server.Discard(ctx)
		eventually(t, "Discard has taken the message", func() bool { return p.server.Stats().MessagesRead > 0 })
		cancel()
		<-gone.Done()
		if rest, err := io.ReadAll(r); err == nil {
			t.Errorf("%d of 100000 bytes and io.EOF", len(rest))
		}
	})
}
