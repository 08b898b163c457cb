package pushwire

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"runtime/debug"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

// ServeFunc serves one connection and returns when it is done with it; c is
// then closed with 1000 if it is still open, unless a [Poller] has it. ctx ends
// with the connection (it is [Conn.Context]). r is the request that opened it.
// A panic is logged and closes the connection with 1011.
type ServeFunc func(ctx context.Context, c *Conn, r *handshake.Request)

// Handler serves WebSocket connections on net/http with f. f runs on a
// goroutine of its own while the handler returns, so that net/http lets its
// memory go; the context carries the values of the request's, not its end.
// http.Server.Shutdown does not know of hijacked connections: give o a Group
// and shut that down (http.Server.RegisterOnShutdown helps).
func Handler(f ServeFunc, o *AcceptOptions) http.Handler {
	k := &keepalive{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req := new(handshake.Request) // that f gets
		var err error
		*req, err = handshake.FromHTTP(r)
		c, err := acceptHTTP(w, r, req, err, o, k)
		if err != nil {
			return // it was answered
		}
		go run(f, c, req)
	})
}

// run calls f and ends the connection.
func run(f ServeFunc, c *Conn, r *handshake.Request) {
	returned := false
	defer func() {
		v := recover()
		if v == nil && returned { // else it is runtime.Goexit, as by a test's FailNow
			return
		}
		if err, ok := v.(error); v != nil && !(ok && errors.Is(err, http.ErrAbortHandler)) {
			c.logPanic("ServeFunc", v, debug.Stack())
		}
		c.Close(frame.CodeInternal, "")
	}()
	f(c.Context(), c, r)
	returned = true
	if c.Err() == nil && c.polled.Load() == nil {
		c.Close(frame.CodeNormal, "")
	}
}

// logPanic tells of a panic in a function of the type what, with its stack.
func (c *Conn) logPanic(what string, v any, stack []byte) {
	if l := c.cfg.Logger; l != nil {
		l.Error("pushwire: panic in a "+what, "remote", c.RemoteAddr(), "panic", fmt.Sprint(v), "stack", string(stack))
		return
	}
	log.Printf("pushwire: panic in a %s for %v: %v\n%s", what, c.RemoteAddr(), v, stack)
}
