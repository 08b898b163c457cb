package pushwire_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

// methods calls each exported method of a Conn, so that it may be at anything
// when the connection ends. The error is that of the method.
var methods = map[string]func(ctx context.Context, c *pushwire.Conn) error{
	"Close":    func(_ context.Context, c *pushwire.Conn) error { return c.Close(frame.CodeGoingAway, "") },
	"CloseNow": func(_ context.Context, c *pushwire.Conn) error { return c.CloseNow() },
	"Detach": func(_ context.Context, c *pushwire.Conn) error {
		nc, _, err := c.Detach()
		if err != nil {
			return nil // it is busy, or has ended
		}
		return nc.Close()
	},
	"Discard": func(ctx context.Context, c *pushwire.Conn) error {
		<-c.Discard(ctx).Done()
		return nil
	},
	"Messages": func(ctx context.Context, c *pushwire.Conn) error {
		for _, err := range c.Messages(ctx) {
			if err != nil {
				return err
			}
		}
		return nil
	},
	"Read": func(ctx context.Context, c *pushwire.Conn) error { _, _, err := c.Read(ctx); return err },
	"ReadAppend": func(ctx context.Context, c *pushwire.Conn) error {
		_, _, err := c.ReadAppend(ctx, make([]byte, 0, 10))
		return err
	},
	"Reader": func(ctx context.Context, c *pushwire.Conn) error {
		_, r, err := c.Reader(ctx)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err != nil && strings.Contains(err.Error(), "only the latest one may be read") { // another one took over
			return nil
		}
		return err
	},
	"Ping":  func(ctx context.Context, c *pushwire.Conn) error { _, err := c.Ping(ctx); return err },
	"Send":  func(ctx context.Context, c *pushwire.Conn) error { return c.Send(ctx, stressMessage) },
	"Write": func(ctx context.Context, c *pushwire.Conn) error { return c.Write(ctx, frame.Text, make([]byte, 3000)) },
	"WritePrepared": func(ctx context.Context, c *pushwire.Conn) error {
		_, err := c.WritePrepared(ctx, stressMessage, stressMessage)
		return err
	},
	"Touch":   func(_ context.Context, c *pushwire.Conn) error { c.Touch(); return nil },
	"TrySend": func(_ context.Context, c *pushwire.Conn) error { _, err := c.TrySend(stressMessage); return err },
	"Writer": func(ctx context.Context, c *pushwire.Conn) error {
		w, err := c.Writer(ctx, frame.Binary)
		if err != nil {
			return err
		}
		_, err = w.Write(make([]byte, 20_000))
		return errors.Join(err, w.Close())
	},

	"Context":    func(_ context.Context, c *pushwire.Conn) error { return c.Context().Err() },
	"Deflate":    func(_ context.Context, c *pushwire.Conn) error { c.Deflate(); return nil },
	"Done":       func(_ context.Context, c *pushwire.Conn) error { c.Done(); return nil },
	"Err":        func(_ context.Context, c *pushwire.Conn) error { return c.Err() },
	"LocalAddr":  func(_ context.Context, c *pushwire.Conn) error { c.LocalAddr(); return nil },
	"Protocol":   func(_ context.Context, c *pushwire.Conn) error { c.Protocol(); return nil },
	"RemoteAddr": func(_ context.Context, c *pushwire.Conn) error { c.RemoteAddr(); return nil },
	"Role":       func(_ context.Context, c *pushwire.Conn) error { c.Role(); return nil },
	"Stats":      func(_ context.Context, c *pushwire.Conn) error { c.Stats(); return nil },
}

var stressMessage = pushwire.Prepare(frame.Text, make([]byte, 1000))

// Whatever is called while a connection ends returns soon, with the end of the
// connection, that of its context, or what it is for; afterwards everything
// fails as it should. Each method that can end a connection meets each other
// one, on both ends at once.
func TestEveryMethodWhileTheConnectionEnds(t *testing.T) {
	names := slices.Sorted(maps.Keys(methods))
	var exported []string
	for i, c := 0, reflect.TypeFor[*pushwire.Conn](); i < c.NumMethod(); i++ {
		exported = append(exported, c.Method(i).Name)
	}
	if !slices.Equal(names, exported) {
		t.Fatalf("the methods of Conn are\n%q, this test calls\n%q", exported, names)
	}
	config := &pushwire.Config{CloseTimeout: 200 * time.Millisecond, Queue: pushwire.Queue{Bytes: 2000}}
	for _, end := range []string{"Close", "CloseNow", "Detach"} {
		for _, m := range allModes {
			t.Run(end+"/"+string(m), func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(1, uint64(len(end))))
				for round := range 3 {
					if m == web && round > 0 {
						return // a server each time
					}
					stressEnd(t, m, config, end, names, rnd.Uint64())
				}
			})
		}
	}
}

func stressEnd(t *testing.T, m mode, config *pushwire.Config, end string, names []string, seed uint64) {
	t.Helper()
	p := connect(t, m, config, config)
	conns := []*pushwire.Conn{p.client, p.server}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var all sync.WaitGroup
	rnd := rand.New(rand.NewPCG(seed, 0))
	for _, c := range conns {
		for _, name := range names {
			if slices.Contains([]string{"Close", "CloseNow", "Detach"}, name) {
				continue
			}
			spins := rnd.IntN(3)
			all.Go(func() {
				for range 1000 { // until the end, mostly
					err := methods[name](ctx, c)
					if err != nil {
						if ctx.Err() != nil {
							t.Errorf("%s hung", name)
						} else if !errors.Is(err, net.ErrClosed) && !errors.Is(err, context.Canceled) {
							t.Errorf("%s: %v", name, err)
						}
						return
					}
					for range spins {
						runtime.Gosched()
					}
				}
			})
		}
	}
	time.Sleep(time.Duration(rnd.IntN(2000)) * time.Microsecond) // anywhere in what they do
	for i, c := range conns {
		if i == 0 || rnd.IntN(2) == 0 {
			all.Go(func() { methods[end](ctx, c) })
			all.Go(func() { methods[end](ctx, c) })
		}
	}
	if end == "Detach" { // it may have found the connection busy
		all.Go(func() {
			time.Sleep(time.Millisecond)
			for _, c := range conns {
				c.CloseNow()
			}
		})
	}
	all.Wait()
	for _, c := range conns {
		c.CloseNow()
		for _, name := range []string{"Read", "Ping", "Send", "Write", "WritePrepared", "TrySend", "Writer", "Close", "Err"} {
			var err error
			for range 1000 { // messages that Close has kept come first
				if err = methods[name](ctx, c); err != nil || name != "Read" {
					break
				}
			}
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s afterwards: %v", name, err)
			}
		}
	}
}
