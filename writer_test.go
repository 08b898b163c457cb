package pushwire_test

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
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
