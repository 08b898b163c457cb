package pushwire_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
)

// A close frame may stand inside an unfinished message, but no data may come
// after it: neither the rest of that message nor what waited behind it.
func TestCloseInsideAnOpenWriterIsTheLastFrame(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		w, err := p.client.Writer(t.Context(), frame.Text)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "begun")
		w.(interface{ Flush() error }).Flush()
		if err := p.client.Send(t.Context(), pushwire.Prepare(frame.Text, []byte("waits"))); err != nil {
			t.Fatal(err)
		}
		closed := make(chan error, 1)
		go func() { closed <- p.client.Close(1000, "") }()
		_, r, err := p.server.Reader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		m, err := io.ReadAll(r)
		if string(m) != "begun" || pushwire.CodeOf(err) != 1000 {
			t.Errorf("%q, %v", m, err)
		}
		if _, err := io.WriteString(w, "more"); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if err := w.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the Writer's Close: %v", err)
		}
		if err := <-closed; err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// The last fragment that its context ended in the middle goes on by itself: the
// message is whole, and the connection lives.
func TestWriterInterruptedInItsLastFragmentBreaksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := memconn.PipeSize(1000)
		c := pushwire.NewConn(a, frame.Client, &pushwire.Config{Ping: -1, WriteTimeout: -1})
		s := pushwire.NewConn(b, frame.Server, &pushwire.Config{Ping: -1})
		defer s.CloseNow()
		defer c.CloseNow()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w, err := c.Writer(ctx, frame.Binary)
		if err != nil {
			t.Fatal(err)
		}
		want := noise(3000)
		if _, err := w.Write(want); err != nil { // collected
			t.Fatal(err)
		}
		if err := w.Close(); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Close on a full line: %v", err)
		}
		if _, got, err := s.Read(t.Context()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if err := c.Write(t.Context(), frame.Text, []byte("next")); err != nil {
			t.Errorf("the connection broke: %v", err)
		}
	})
}
