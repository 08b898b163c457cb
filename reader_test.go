package pushwire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

func TestReaderGoesOnAfterItsContextEnded(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		w, err := p.client.Writer(t.Context(), frame.Text)
		if err != nil {
			t.Fatal(err)
		}
		flush := flushing(w)
		flush("first ")
		ctx, cancel := context.WithCancel(t.Context())
		_, r, err := p.server.Reader(ctx)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		n, err := io.ReadAtLeast(r, buf, len("first "))
		if err != nil || string(buf[:n]) != "first " {
			t.Fatalf("%q, %v", buf[:n], err)
		}
		cancel()
		if _, err := r.Read(buf); !errors.Is(err, context.Canceled) {
			t.Fatalf("read with an ended context: %v", err)
		}
		flush("second")
		w.Close()
		typ, r2, err := p.server.Reader(t.Context())
		if err != nil || typ != frame.Text {
			t.Fatal(typ, err)
		}
		if _, err := r.Read(buf); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("the older Reader still reads: %v", err)
		}
		rest, err := io.ReadAll(r2)
		if err != nil || string(rest) != "second" {
			t.Fatalf("%q, %v", rest, err)
		}
	})
}

// A Reader that has come to the end of its message stays there, also when
// somebody has waited since, and the connection has ended.
func TestReaderStaysAtItsEnd(t *testing.T) {
	ends := map[string]func(c *pushwire.Conn){
		"CloseNow": func(c *pushwire.Conn) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			defer cancel()
			c.Read(ctx)
			c.CloseNow()
		},
		"Close": func(c *pushwire.Conn) { c.Close(frame.CodeNormal, "") },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			run(t, allModes, nil, nil, func(t *testing.T, p pair) {
				sendMessage(p.client, "message")
				go p.client.Read(context.Background()) // for Close
				_, r, err := p.server.Reader(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				if b, err := io.ReadAll(r); string(b) != "message" || err != nil {
					t.Fatalf("%q, %v", b, err)
				}
				end(p.server)
				if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("%d, %v", n, err)
				}
			})
		})
	}
}

func TestReaderSkipsWhatAnEarlierOneLeft(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		ctx := t.Context()
		go func() {
			for i := range 3 {
				p.client.Write(ctx, frame.Text, []byte(strings.Repeat(fmt.Sprint(i), 50_000)))
			}
		}()
		for i := range 3 {
			_, r, err := p.server.Reader(ctx)
			if err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 10)
			if _, err := io.ReadFull(r, b); err != nil || string(b) != strings.Repeat(fmt.Sprint(i), 10) {
				t.Fatalf("message %d begins with %q, %v", i, b, err)
			}
		}
	})
}

func TestReaderThenReadGivesTheRest(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		ctx := t.Context()
		want := noise(100_000)
		go p.client.Write(ctx, frame.Binary, want)
		_, r, err := p.server.Reader(ctx)
		if err != nil {
			t.Fatal(err)
		}
		head := make([]byte, 1234)
		if _, err := io.ReadFull(r, head); err != nil {
			t.Fatal(err)
		}
		_, rest, err := p.server.Read(ctx)
		if err != nil || !bytes.Equal(append(head, rest...), want) {
			t.Fatalf("%d bytes, %v", len(rest), err)
		}
	})
}

// A Reader whose message is skipped must not read on behind the gap.
func TestReaderIsStaleOnceALaterOneBeganToSkip(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		w, err := p.client.Writer(t.Context(), frame.Text)
		if err != nil {
			t.Fatal(err)
		}
		flush := flushing(w)
		flush("aaaabbbb")
		_, r, err := p.server.Reader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4)
		io.ReadFull(r, b)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		if _, _, err := p.server.Reader(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		flush("cccc")
		w.Close()
		rest, err := io.ReadAll(r)
		if err == nil && string(rest) != "bbbbcccc" {
			t.Errorf("a Reader whose message was skipped reads %q and io.EOF", rest)
		}
	})
}

// flushing returns what sends a piece of the message that w writes as a frame of
// its own.
func flushing(w io.Writer) func(string) {
	return func(piece string) {
		io.WriteString(w, piece)
		w.(interface{ Flush() error }).Flush()
	}
}
