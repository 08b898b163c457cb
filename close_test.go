package pushwire_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
)

func TestCloseExchangesBothFrames(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		done := make(chan error, 1)
		go func() {
			_, _, err := p.server.Read(t.Context())
			done <- err
		}()
		if err := p.client.Close(4001, "enough"); err != nil {
			t.Errorf("Close: %v", err)
		}
		var ce *pushwire.CloseError
		if err := <-done; !errors.As(err, &ce) {
			t.Fatalf("the peer's Read: %v", err)
		}
		if ce.Code != 4001 || ce.Reason != "enough" || !ce.Remote || ce.Err != nil || ce.Sent == nil || ce.Sent.Code != 4001 {
			t.Errorf("the peer's error: %+v", ce)
		}
		if !errors.As(p.client.Err(), &ce) || ce.Remote || ce.Code != 4001 || ce.Received == nil || ce.Received.Code != 4001 {
			t.Errorf("our error: %+v", ce)
		}
		if !errors.Is(p.client.Err(), net.ErrClosed) || !errors.Is(p.server.Err(), net.ErrClosed) {
			t.Error("an end that does not match net.ErrClosed")
		}
		if err := p.client.Close(1000, ""); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
		if err := p.client.Write(t.Context(), frame.Text, nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write after Close: %v", err)
		}
		if _, _, err := p.client.Read(t.Context()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read after Close: %v", err)
		}
	})
}

func TestCloseFromBothSidesAtOnce(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		errs := make(chan error, 2)
		go func() { errs <- p.client.Close(1000, "client") }()
		go func() { errs <- p.server.Close(1001, "server") }()
		for range 2 {
			// Whoever got the other's frame before its own call sees that.
			if err := <-errs; err != nil && pushwire.CodeOf(err) != 1000 && pushwire.CodeOf(err) != 1001 {
				t.Error(err)
			}
		}
		for _, c := range []*pushwire.Conn{p.client, p.server} {
			var ce *pushwire.CloseError
			if !errors.As(c.Err(), &ce) || ce.Err != nil || ce.Sent == nil || ce.Received == nil {
				t.Errorf("%v ended with %v", c.Role(), c.Err())
			}
		}
	})
}

func TestCloseRefusesCodesThatMustNotBeSent(t *testing.T) {
	c, s := pushwire.Pipe(nil)
	defer s.CloseNow()
	defer c.CloseNow()
	for code := range frame.Code(5100) {
		valid := code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code < 5000
		if valid {
			continue
		}
		if err := c.Close(code, ""); !errors.Is(err, frame.ErrCloseCode) {
			t.Fatalf("Close(%d): %v", code, err)
		}
	}
	if c.Err() != nil {
		t.Errorf("the connection ended: %v", c.Err())
	}
}

func TestCloseCutsALongReason(t *testing.T) {
	run(t, []mode{tcp}, nil, nil, func(t *testing.T, p pair) {
		go p.client.Close(1000, strings.Repeat("é", 100)+"\xff")
		_, _, err := p.server.Read(t.Context())
		var ce *pushwire.CloseError
		if !errors.As(err, &ce) || ce.Reason != strings.Repeat("é", 61) {
			t.Errorf("%v", err)
		}
	})
}

func TestEveryValidCodeIsSentAndReceived(t *testing.T) {
	for code := range frame.Code(5000) {
		if !code.Valid() || code > 3010 && code < 4990 {
			continue
		}
		c, s := pushwire.Pipe(nil)
		go c.Close(code, "why")
		_, _, err := s.Read(t.Context())
		var ce *pushwire.CloseError
		if !errors.As(err, &ce) || ce.Code != code || ce.Reason != "why" {
			t.Errorf("%d: %v", code, err)
		}
		c.CloseNow()
		s.CloseNow()
	}
}

func TestCloseOfASilentPeerEndsAtCloseTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := memconn.Pipe()
		c := pushwire.NewConn(a, frame.Client, nil)
		start := time.Now()
		err := c.Close(1000, "")
		var ne net.Error
		if !errors.As(err, &ne) || !ne.Timeout() || !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "CloseTimeout") {
			t.Errorf("Close: %v", err)
		}
		if got := time.Since(start); got != pushwire.DefaultCloseTimeout {
			t.Errorf("it took %v", got)
		}
		b.Close()
		synctest.Wait()
	})
}

func TestCloseOfAPeerThatReadsNothingEndsAtCloseTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := memconn.PipeSize(100)
		c := pushwire.NewConn(a, frame.Client, &pushwire.Config{WriteTimeout: time.Hour})
		go c.Write(t.Context(), frame.Binary, make([]byte, 1000))
		synctest.Wait()
		start := time.Now()
		err := c.Close(1000, "")
		if !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "could not be sent") {
			t.Errorf("Close: %v", err)
		}
		if got := time.Since(start); got != pushwire.DefaultCloseTimeout {
			t.Errorf("it took %v", got)
		}
		b.Close()
		synctest.Wait()
	})
}

// What the peer sent before it answered our close frame is delivered: to a
// Read that waits, and to those that come after Close.
func TestMessagesInFlightAreDeliveredBeforeTheClose(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		for i := range 10 {
			if err := p.client.Write(t.Context(), frame.Text, fmt.Appendf(nil, "%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		go p.client.Read(t.Context()) // answers the close frame
		if err := p.server.Close(1000, ""); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			_, m, err := p.server.Read(t.Context())
			if err != nil || string(m) != fmt.Sprint(i) {
				t.Fatalf("message %d: %q, %v", i, m, err)
			}
		}
		if _, _, err := p.server.Read(t.Context()); pushwire.CodeOf(err) != 1000 {
			t.Errorf("then: %v", err)
		}
	})
}

func TestWhatWasSentBeforeCloseArrives(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		const n = 200
		go func() {
			m := pushwire.Prepare(frame.Binary, noise(1000))
			for i := range n {
				if i%2 == 0 {
					p.server.Write(t.Context(), frame.Binary, noise(1000))
				} else {
					p.server.Send(t.Context(), m)
				}
			}
			p.server.Close(1000, "done")
		}()
		for i := range n {
			if _, m, err := p.client.Read(t.Context()); err != nil || len(m) != 1000 {
				t.Fatalf("message %d: %d bytes, %v", i, len(m), err)
			}
		}
		if _, _, err := p.client.Read(t.Context()); pushwire.CodeOf(err) != 1000 {
			t.Errorf("then: %v", err)
		}
	})
}

// The idiom defer c.CloseNow() must not cut off the answer to the peer's close
// frame.
func TestCloseNowAfterTheEndLetsTheCloseFrameArrive(t *testing.T) {
	for range 10 {
		run(t, allModes, nil, nil, func(t *testing.T, p pair) {
			go func() {
				defer p.server.CloseNow()
				p.server.Read(t.Context())
			}()
			if err := p.client.Close(1000, ""); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDroppedConnectionIs1006(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		p.client.CloseNow()
		_, _, err := p.server.Read(t.Context())
		if pushwire.CodeOf(err) != frame.CodeAbnormal || !errors.Is(err, net.ErrClosed) {
			t.Errorf("peer: %v", err)
		}
		if err := p.client.Write(t.Context(), frame.Text, nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("own Write: %v", err)
		}
		if err := p.client.CloseNow(); err != nil {
			t.Errorf("second CloseNow: %v", err)
		}
		select {
		case <-p.client.Done():
		default:
			t.Error("Done is open")
		}
		if cause := context.Cause(p.client.Context()); cause != p.client.Err() {
			t.Errorf("cause of the context: %v", cause)
		}
	})
}

func TestCloseNowWakesAllWhoWait(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		errs := make(chan error, 5)
		go func() { _, _, err := p.client.Read(t.Context()); errs <- err }()
		for range 2 {
			go func() { errs <- writeOn(t.Context(), p.client) }()
		}
		go func() { _, err := p.client.Ping(t.Context()); errs <- err }()
		go func() { errs <- p.client.Close(1000, "") }()
		time.AfterFunc(20*time.Millisecond, func() { p.client.CloseNow() })
		for range 5 {
			if err := <-errs; !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}
	})
}

// writeOn writes until that fails: the peer reads nothing, so one Write sticks
// in the transport before long, compressed or not.
func writeOn(ctx context.Context, c *pushwire.Conn) error {
	for message := noise(256 << 10); ; {
		if err := c.Write(ctx, frame.Binary, message); err != nil {
			return err
		}
	}
}

func TestCodeOf(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want frame.Code
	}{
		{nil, 0},
		{context.Canceled, 0},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), 0},
		{&pushwire.CloseError{Code: 1001}, 1001},
		{fmt.Errorf("x: %w", &pushwire.CloseError{Code: 4000}), 4000},
		{&frame.Error{Code: 1002}, 1002},
		{io.EOF, 1006},
		{net.ErrClosed, 1006},
		{&net.OpError{Err: errors.New("reset")}, 1006},
		{errors.New("something else"), 0},
	} {
		if got := pushwire.CodeOf(tt.err); got != tt.want {
			t.Errorf("CodeOf(%v) = %d, want %d", tt.err, got, tt.want)
		}
	}
}

// A ServeFunc's ctx ends with the connection: calls with it must tell how.
func TestCallsUnderTheConnectionsContextTellItsEnd(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		ctx := p.server.Context()
		derived, cancel := context.WithCancel(ctx)
		defer cancel()
		go p.client.Close(4321, "over")
		p.server.Read(ctx)
		<-derived.Done()
		for _, ctx := range []context.Context{ctx, derived} {
			_, pingErr := p.server.Ping(ctx)
			_, writerErr := p.server.Writer(ctx, frame.Text)
			_, _, readErr := p.server.Read(ctx)
			_, _, readerErr := p.server.Reader(ctx)
			for what, err := range map[string]error{
				"Write":  p.server.Write(ctx, frame.Text, []byte("x")),
				"Send":   p.server.Send(ctx, pushwire.Prepare(frame.Text, []byte("x"))),
				"Writer": writerErr, "Ping": pingErr, "Read": readErr, "Reader": readerErr,
			} {
				if err != p.server.Err() {
					t.Errorf("%s: %v, want %v", what, err, p.server.Err())
				}
			}
		}
	})
}

// A peer that sends its close frame and takes nothing any more: the Write that
// is stuck in it ends with the time of the closing handshake.
func TestPeerThatClosesAndReadsNothingIsLetGoInTime(t *testing.T) {
	for _, m := range []mode{mem, tcp, tls_} {
		t.Run(string(m), func(t *testing.T) {
			a, b := netPair(t, m)
			defer a.Close()
			c := pushwire.NewConn(b, frame.Server, &pushwire.Config{WriteTimeout: -1, CloseTimeout: 200 * time.Millisecond})
			defer c.CloseNow()
			wrote := make(chan error, 1)
			go func() { wrote <- c.Write(context.Background(), frame.Binary, make([]byte, 32<<20)) }()
			if _, err := a.Read(make([]byte, 1)); err != nil { // the Write has begun
				t.Fatal(err)
			}
			f, err := frame.AppendClose(nil, frame.Client, frame.CodeNormal, "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := a.Write(f); err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.Read(t.Context()); pushwire.CodeOf(err) != frame.CodeNormal {
				t.Errorf("Read: %v", err)
			}
			select {
			case err := <-wrote:
				if !errors.Is(err, net.ErrClosed) {
					t.Errorf("Write: %v", err)
				}
			case <-time.After(5 * time.Second):
				t.Error("Write still waits after 5 s; CloseTimeout is 200 ms")
			}
		})
	}
}

// CloseNow does not wait for a peer that takes not even TLS's goodbye.
func TestCloseNowOverTLSIsAtOnce(t *testing.T) {
	pool, cert := testCert(t)
	real := time.Now()
	now := func() time.Time { return real } // the certificate knows nothing of the time in the bubble
	synctest.Test(t, func(t *testing.T) {
		const size = 4096
		a, b := memconn.PipeSize(size)
		ct := tls.Client(a, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", Time: now})
		st := tls.Server(b, &tls.Config{Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: true, DynamicRecordSizingDisabled: true})
		go st.Handshake()
		if err := ct.Handshake(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		c := pushwire.NewConn(st, frame.Server, nil)
		const overhead = 4 + 5 + 1 + 16 // a frame's header, and what a record of TLS 1.3 adds
		if err := c.Write(t.Context(), frame.Binary, make([]byte, size-overhead-10)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		c.CloseNow()
		if d := time.Since(began); d > 100*time.Millisecond {
			t.Errorf("CloseNow took %v", d)
		}
		a.Close()
	})
}

// A context that outlives the connection keeps nothing of it.
func TestEndTakesBackWhatContextsHold(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		ctx := &heldContext{Context: context.Background(), done: make(chan struct{})}
		read := make(chan error, 1)
		go func() {
			_, _, err := p.server.Read(ctx)
			read <- err
		}()
		// It stays registered from one wait to the next, so the Read has begun.
		eventually(t, "the Read waits", func() bool { return ctx.held.Load() > 0 })
		wrote := make(chan error, 1)
		go func() { wrote <- writeOn(ctx, p.server) }()
		eventually(t, "the Write waits", func() bool { return ctx.held.Load() > 1 })
		p.server.CloseNow()
		<-read
		<-wrote
		if n := ctx.held.Load(); n != 0 {
			t.Errorf("%d registrations are left", n)
		}
	})
}

// heldContext counts who waits for its end, which never comes.
type heldContext struct {
	context.Context
	done chan struct{}
	held atomic.Int32
}

func (c *heldContext) Done() <-chan struct{} { return c.done }

// AfterFunc is what context.AfterFunc looks for.
func (c *heldContext) AfterFunc(func()) (stop func() bool) {
	c.held.Add(1)
	return func() bool {
		c.held.Add(-1)
		return true
	}
}
