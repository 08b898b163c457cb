package pushwire_test

import (
	"context"
	"errors"
	"testing"

	"github.com/pushwire/pushwire"
)

// The context of a Conn is a context like any other, whether somebody asked
// for it before the end or after it.
func TestContextOfAConn(t *testing.T) {
	type key struct{}
	for _, asked := range []string{"before the end", "after the end"} {
		t.Run(asked, func(t *testing.T) {
			client, server := pushwire.Pipe(nil)
			defer client.CloseNow()
			ctx := server.Context()
			if ctx != server.Context() || ctx.Err() != nil || context.Cause(ctx) != nil || ctx.Value(key{}) != nil {
				t.Error("a Conn that lives has a context that does not")
			}
			if _, ok := ctx.Deadline(); ok {
				t.Error("it has a deadline")
			}
			var derived context.Context
			called := make(chan struct{})
			ask := func() {
				var cancel context.CancelFunc
				derived, cancel = context.WithCancel(context.WithValue(ctx, key{}, 1))
				t.Cleanup(cancel)
				context.AfterFunc(derived, func() { close(called) })
			}
			if asked == "before the end" {
				ask()
				select {
				case <-derived.Done():
					t.Fatal("it has ended")
				case <-server.Done():
					t.Fatal("it has ended")
				default:
				}
			}
			server.CloseNow()
			if asked == "after the end" {
				if err := ctx.Err(); !errors.Is(err, context.Canceled) {
					t.Errorf("Err is %v", err)
				}
				if err := context.Cause(ctx); err != server.Err() {
					t.Errorf("its cause is %v, want %v", err, server.Err())
				}
				ask()
			}
			<-derived.Done()
			<-called
			<-ctx.Done()
			<-server.Done()
			for _, c := range []context.Context{ctx, derived} {
				if !errors.Is(c.Err(), context.Canceled) || context.Cause(c) != server.Err() {
					t.Errorf("%v: %v, cause %v, want %v", c, c.Err(), context.Cause(c), server.Err())
				}
			}
			if derived.Value(key{}) != 1 {
				t.Error("a value got lost")
			}
		})
	}
}

// A wait that its own context ends, one derived from that of the Conn, leaves
// the Conn as it is.
func TestContextDerivedFromThatOfTheConn(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		ctx, cancel := context.WithCancel(p.server.Context())
		cancel()
		if _, _, err := p.server.Read(ctx); !errors.Is(err, context.Canceled) || p.server.Err() != nil {
			t.Errorf("%v, %v", err, p.server.Err())
		}
		go sendMessage(p.client, "hello")
		if _, m, err := p.server.Read(p.server.Context()); err != nil || string(m) != "hello" {
			t.Errorf("%q, %v", m, err)
		}
	})
}
