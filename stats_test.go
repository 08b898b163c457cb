package pushwire_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

// Who asks a quiet connection for its counts all the time costs no memory: it
// borrows nothing. With the race detector, where pools forget at random, every
// fourth borrowing would show.
func TestStatsAllocatesNothing(t *testing.T) {
	p := connect(t, tcp, nil, nil)
	var rtt time.Duration
	n := testing.AllocsPerRun(5, func() {
		for range 1000 {
			rtt += p.server.Stats().RTT
		}
	})
	if n > 10 {
		t.Errorf("%v allocations for 1,000 calls of Stats", n)
	}
	if rtt != 0 {
		t.Errorf("a round trip of %v without a ping", rtt)
	}
}

// A message that a call skips, and then waits for the next one, is counted
// before that comes.
func TestStatsCountAMessageThatWasSkipped(t *testing.T) {
	for _, cut := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			client, server := pushwire.Pipe(nil)
			defer client.CloseNow()
			defer server.CloseNow()
			w, err := client.Writer(t.Context(), frame.Text)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, strings.Repeat("skipped", 1000)) // sent without its end
			_, r, err := server.Reader(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			if cut { // the skipping is begun by one call and ended by another
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, _, err := server.Reader(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
			}
			var got string
			done := make(chan error, 1)
			go func() {
				_, r, err := server.Reader(t.Context())
				if err == nil {
					var p []byte
					p, err = io.ReadAll(r)
					got = string(p)
				}
				done <- err
			}()
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n := server.Stats().MessagesRead; n != 1 {
				t.Errorf("cut %v: %d messages are counted while the next is waited for, want 1", cut, n)
			}
			if err := client.Write(t.Context(), frame.Text, []byte("next")); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil || got != "next" {
				t.Errorf("%q, %v", got, err)
			}
			if n := server.Stats().MessagesRead; n != 2 {
				t.Errorf("cut %v: %d messages are counted, want 2", cut, n)
			}
		})
	}
}
