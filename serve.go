package pushwire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/pushwire/pushwire/frame"
)

// Waits after an Accept that failed for a passing reason, such as too many
// open files.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// goingAway is the reason that connections get at the end of a server.
const goingAway = "the server is shutting down"

// Serve accepts connections on l and serves each with f, with no net/http at
// all. l may be a TLS listener. Requests that are no opening handshake get a
// clear HTTP answer. Serve closes l.
//
// It returns when ctx ends, after all its connections and o.Group were closed
// with 1001, which takes up to CloseTimeout, and all calls of f have returned;
// the error is then nil. Else it returns why l failed.
func Serve(ctx context.Context, l net.Listener, f ServeFunc, o *AcceptOptions) error {
	var opts AcceptOptions
	if o != nil {
		opts = *o
	}
	own := &Group{} // all of them, whatever f does with o.Group
	if opts.Group == nil {
		opts.Group = own
	}
	k := &keepalive{}
	var running sync.WaitGroup // handshakes and calls of f
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	err := acceptLoop(ctx, l, func(nc net.Conn) {
		// Here and not in the goroutine: a flood that is accepted faster than
		// goroutines run must not take descriptors meanwhile.
		entered, err := opts.gate().enter("", nc)
		if err != nil {
			opts.refused(nc.RemoteAddr().String(), err)
			if tell := opts.gate().turnAway(nc, err); tell != nil {
				running.Go(tell)
			}
			return
		}
		running.Add(1)
		go func() {
			c, req, err := acceptConn(ctx, nc, &opts, k, entered)
			if err != nil {
				running.Done()
				return
			}
			if own.Add(c) == ErrGroupShut { // it came too late
				go c.Close(frame.CodeGoingAway, goingAway)
			}
			// A fresh goroutine: the stack that the handshake has grown goes.
			go func() {
				defer running.Done()
				run(f, c, req)
			}()
		}()
	})
	stop()
	l.Close()
	cancel() // ends handshakes under way
	if ctx.Err() != nil && errors.Is(err, net.ErrClosed) {
		err = nil
	}
	running.Go(func() { own.Shutdown(context.Background(), frame.CodeGoingAway, goingAway) })
	opts.Group.Shutdown(context.Background(), frame.CodeGoingAway, goingAway)
	running.Wait()
	if err != nil {
		return fmt.Errorf("pushwire: serve: %w", err)
	}
	return nil
}

// acceptLoop hands each connection of l to start until l is closed.
func acceptLoop(ctx context.Context, l net.Listener, start func(net.Conn)) error {
	pause := time.Duration(0)
	for {
		nc, err := l.Accept()
		if err == nil {
			pause = 0
			start(nc)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		var ne net.Error
		//lint:ignore SA1019 of an Accept, Temporary still tells EMFILE and ECONNABORTED from a listener that is done for
		if !errors.As(err, &ne) || !ne.Temporary() {
			return err
		}
		pause = min(max(2*pause, acceptPauseMin), acceptPauseMax)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return net.ErrClosed
		}
	}
}
