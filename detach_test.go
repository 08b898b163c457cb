package pushwire_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

func TestDetachGivesTheTransportAndAllUnreadBytesBack(t *testing.T) {
	for _, m := range []mode{mem, tcp, tls_} {
		t.Run(string(m), func(t *testing.T) {
			a, b := netPair(t, m)
			defer a.Close()
			defer b.Close()
			c := pushwire.NewConn(b, frame.Server, nil)
			whole := frame.AppendMessage(nil, frame.Client, frame.Text, 0, []byte("hello"))
			rest := "\x81" // which is the beginning of a header, too
			if _, err := a.Write(append(whole, rest...)); err != nil {
				t.Fatal(err)
			}
			if _, m, err := c.Read(t.Context()); err != nil || string(m) != "hello" {
				t.Fatal(string(m), err)
			}
			nc, unread, err := c.Detach()
			if err != nil || nc != b {
				t.Fatal(err)
			}
			if string(unread) != rest {
				t.Errorf("unread %q", unread)
			}
			if _, _, err := c.Read(t.Context()); !errors.Is(err, pushwire.ErrDetached) || !errors.Is(err, net.ErrClosed) {
				t.Errorf("Read: %v", err)
			}
			if err := c.Write(t.Context(), frame.Text, nil); !errors.Is(err, pushwire.ErrDetached) {
				t.Errorf("Write: %v", err)
			}
			c.CloseNow()
			go a.Write([]byte("more"))
			p := make([]byte, 4)
			if _, err := io.ReadFull(nc, p); err != nil || string(p) != "more" {
				t.Errorf("the transport: %q, %v", p, err)
			}
		})
	}
}

// An answer that waits for the answer to the next message goes out before.
func TestDetachSendsWhatIsCorked(t *testing.T) {
	a, b := netPair(t, tcp)
	defer a.Close()
	defer b.Close()
	c := pushwire.NewConn(b, frame.Server, nil)
	first := frame.AppendMessage(nil, frame.Client, frame.Text, 0, []byte("hello"))
	second := frame.AppendMessage(nil, frame.Client, frame.Text, 0, []byte("world"))
	if _, err := a.Write(append(first, second...)); err != nil {
		t.Fatal(err)
	}
	if _, m, err := c.Read(t.Context()); err != nil || string(m) != "hello" {
		t.Fatal(string(m), err)
	}
	if err := c.Write(t.Context(), frame.Text, []byte("hi")); err != nil {
		t.Fatal(err)
	}
	_, unread, err := c.Detach()
	if err != nil || string(unread) != string(second) {
		t.Fatalf("% x, %v", unread, err)
	}
	want := frame.AppendMessage(nil, frame.Server, frame.Text, 0, []byte("hi"))
	got := make([]byte, len(want))
	a.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.ReadFull(a, got); err != nil || string(got) != string(want) {
		t.Errorf("% x, %v", got, err)
	}
}

func TestDetachInTheMiddleOfAMessageFails(t *testing.T) {
	a, b := netPair(t, tcp)
	defer a.Close()
	c := pushwire.NewConn(b, frame.Server, nil)
	defer c.CloseNow()
	whole := frame.AppendMessage(nil, frame.Client, frame.Text, 0, []byte("hello"))
	a.Write(whole[:8])
	if _, _, err := c.Reader(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Detach(); err == nil || c.Err() != nil {
		t.Errorf("Detach: %v, connection: %v", err, c.Err())
	}
}

// The end of the connection may come while Detach is under way: then its
// transport is closed, and not given back.
func TestDetachBesideTheEnd(t *testing.T) {
	for range 300 {
		client, server := netPair(t, tcp)
		c := pushwire.NewConn(server, frame.Server, nil)
		ended := make(chan bool)
		go func() {
			defer close(ended)
			c.CloseNow()
		}()
		nc, _, err := c.Detach()
		<-ended
		if (err == nil) != errors.Is(c.Err(), pushwire.ErrDetached) {
			t.Fatalf("Detach: %v, connection: %v", err, c.Err())
		}
		if err == nil {
			if err := nc.SetDeadline(time.Now()); err != nil {
				t.Fatal(err)
			}
			nc.Close()
		}
		client.Close()
	}
}
