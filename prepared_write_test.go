package pushwire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
)

// numbered prepares n messages that tell their number, of about size bytes.
func numbered(n, size int) []*pushwire.Prepared {
	ms := make([]*pushwire.Prepared, n)
	for i := range ms {
		ms[i] = pushwire.Prepare(frame.Text, numberedText(i, size))
	}
	return ms
}

func numberedText(i, size int) []byte {
	return append(fmt.Appendf(nil, "%d ", i), bytes.Repeat([]byte{'a' + byte(i%26)}, size)...)
}

// wantNumbered reads messages from .. to-1 and compares them.
func wantNumbered(t *testing.T, c *pushwire.Conn, from, to, size int) {
	t.Helper()
	for i := from; i < to; i++ {
		_, p, err := c.Read(t.Context())
		if err != nil || !bytes.Equal(p, numberedText(i, size)) {
			t.Fatalf("message %d: %.20q of %d bytes, %v", i, p, len(p), err)
		}
	}
}

// Batches of one, of few, of more than one write takes, and of messages that
// are a write each, come as they were sent on every transport; from both ends.
func TestWritePrepared(t *testing.T) {
	for _, v := range []struct{ n, size int }{{0, 1}, {1, 10}, {7, 100}, {300, 1000}, {5, 60_000}, {3, 300_000}} {
		ms := numbered(v.n, v.size)
		t.Run(fmt.Sprintf("%d of %d", v.n, v.size), func(t *testing.T) {
			run(t, allModes, nil, nil, func(t *testing.T, p pair) {
				for _, ends := range [][2]*pushwire.Conn{{p.server, p.client}, {p.client, p.server}} {
					sent := make(chan error, 1)
					go func() {
						n, err := ends[0].WritePrepared(t.Context(), ms...)
						if err == nil && n != len(ms) {
							err = fmt.Errorf("%d of %d without an error", n, len(ms))
						}
						sent <- err
					}()
					wantNumbered(t, ends[1], 0, v.n, v.size)
					if err := <-sent; err != nil {
						t.Fatal(err)
					}
					if got := ends[0].Stats().MessagesWritten; got != uint64(v.n) {
						t.Errorf("%d messages counted, want %d", got, v.n)
					}
				}
			})
		})
	}
}

// A plain socket takes what it has room for and no more; what it took in part
// goes out by itself, and until then nothing else is taken.
func TestTrySendTakesWhatTheSocketTakes(t *testing.T) {
	run(t, []mode{tcp, web}, nil, nil, func(t *testing.T, p pair) {
		const size, batch = 10_000, 8
		var ms []*pushwire.Prepared
		sent := 0
		for full := false; !full; {
			ms = ms[:0]
			for i := range batch {
				ms = append(ms, pushwire.Prepare(frame.Text, numberedText(sent+i, size)))
			}
			n, err := p.server.TrySend(ms...)
			if err != nil {
				t.Fatal(err)
			}
			sent += n
			full = n < batch
			if sent > 1_000_000 {
				t.Fatal("the socket is never full")
			}
		}
		if n, err := p.server.TrySend(ms...); n != 0 || err != nil {
			t.Errorf("a full socket took %d, %v", n, err)
		}
		next := make(chan error, 1)
		go func() { // waits until the rest is out
			_, err := p.server.WritePrepared(t.Context(), pushwire.Prepare(frame.Text, numberedText(sent, size)))
			next <- err
		}()
		wantNumbered(t, p.client, 0, sent+1, size)
		if err := <-next; err != nil {
			t.Fatal(err)
		}
		last := pushwire.Prepare(frame.Text, numberedText(sent+1, size))
		if n, err := p.server.TrySend(last); n != 1 || err != nil {
			t.Errorf("a socket with room took %d, %v", n, err)
		}
		wantNumbered(t, p.client, sent+1, sent+2, size)
	})
}

// Compressed ones fit between the messages of Write, whose context they share.
func TestTrySendCompressed(t *testing.T) {
	run(t, []mode{webDeflate}, nil, nil, func(t *testing.T, p pair) {
		const size = 1000
		for i := 0; i < 40; i += 4 {
			ms := numbered(i+4, size)
			if n, err := p.server.TrySend(ms[i : i+3]...); n != 3 || err != nil {
				t.Fatal(n, err)
			}
			if err := p.server.Write(t.Context(), frame.Text, numberedText(i+3, size)); err != nil {
				t.Fatal(err)
			}
			wantNumbered(t, p.client, i, i+4, size)
		}
		if s := p.server.Stats(); s.BytesWritten > 40*size/4 {
			t.Errorf("%d bytes for %d of text: not compressed", s.BytesWritten, 40*size)
		}
	})
}

// Where nothing tells whether a write would wait, nothing is taken.
func TestTrySendElsewhere(t *testing.T) {
	run(t, []mode{mem, tls_, memDeflate}, nil, nil, func(t *testing.T, p pair) {
		if n, err := p.server.TrySend(numbered(1, 10)...); n != 0 || err != nil {
			t.Errorf("took %d, %v", n, err)
		}
		p.server.CloseNow()
		if n, err := p.server.TrySend(numbered(1, 10)...); n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("after the end: %d, %v", n, err)
		}
	})
}

// TrySend keeps out of the way of an open Writer.
func TestTrySendAndAnOpenWriter(t *testing.T) {
	run(t, []mode{tcp}, nil, nil, func(t *testing.T, p pair) {
		w, err := p.server.Writer(t.Context(), frame.Text)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(make([]byte, 100_000))
		if n, err := p.server.TrySend(numbered(1, 10)...); n != 0 || err != nil {
			t.Errorf("within a message it took %d, %v", n, err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if n, err := p.server.TrySend(numbered(1, 10)...); n != 1 || err != nil {
			t.Errorf("after it: %d, %v", n, err)
		}
	})
}

// What the context interrupts in its middle comes whole, and what comes after
// it is where the count says.
func TestWritePreparedInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := memconn.PipeSize(10_000)
		client, server := pushwire.NewConn(a, frame.Client, nil), pushwire.NewConn(b, frame.Server, nil)
		defer client.CloseNow()
		defer server.CloseNow()
		const size = 1000
		ms := numbered(200, size)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n, err := server.WritePrepared(ctx, ms...)
		if !errors.Is(err, context.DeadlineExceeded) || n == 0 || n == len(ms) {
			t.Fatalf("%d, %v", n, err)
		}
		if n, err := server.WritePrepared(ctx, ms...); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a context that has ended: %d, %v", n, err)
		}
		rest := make(chan error, 1)
		go func() {
			_, err := server.WritePrepared(t.Context(), ms[n:]...)
			rest <- err
		}()
		wantNumbered(t, client, 0, len(ms), size)
		if err := <-rest; err != nil {
			t.Fatal(err)
		}
	})
}

// A peer that reads nothing is given up after WriteTimeout, and a closing
// handshake ends the writing between two writes.
func TestWritePreparedToAStuckPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := stuck(t, &pushwire.Config{Ping: -1})
		began := time.Now()
		n, err := c.WritePrepared(t.Context(), numbered(3, 1000)...)
		if n != 0 || !errors.Is(err, net.ErrClosed) || time.Since(began) > 15*time.Second {
			t.Errorf("%d, %v, after %v", n, err, time.Since(began))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		a, b := memconn.PipeSize(1000)
		client, server := pushwire.NewConn(a, frame.Client, nil), pushwire.NewConn(b, frame.Server, nil)
		done := make(chan int, 1)
		go func() {
			n, err := server.WritePrepared(t.Context(), numbered(200, 1000)...)
			if pushwire.CodeOf(err) != frame.CodeGoingAway {
				t.Errorf("ended with %v", err)
			}
			done <- n
		}()
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- server.Close(frame.CodeGoingAway, "") }()
		synctest.Wait() // it waits behind the write that is under way
		got := 0
		for _, err := range client.Messages(t.Context()) {
			if err != nil {
				break
			}
			got++
		}
		if n := <-done; n != got || n == 200 {
			t.Errorf("%d were on their way and %d came", n, got)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}
