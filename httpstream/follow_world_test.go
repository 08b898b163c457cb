package httpstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/topic"
)

var began time.Time // of the bubble; all begin at the same moment of its fake time

func init() { began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

// world is a server, a network and a client in a bubble.
type world struct {
	t      *testing.T
	log    *topic.Log
	server *plainServer
	net    *netsim
	http   *http.Client
	states []State
	at     []time.Duration // of the states
}

// inWorld runs f in a bubble with a world.
func inWorld(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, log: &topic.Log{MaxItems: 1 << 20, MaxBytes: 1 << 30}, net: newNetsim()}
		w.server = &plainServer{t: t, src: w.log}
		tr := &http.Transport{DialContext: w.net.dial}
		w.http = &http.Client{Transport: tr}
		srv := &http.Server{Handler: w.server}
		served := make(chan struct{})
		go func() {
			srv.Serve(w.net)
			close(served)
		}()
		defer func() {
			w.net.set(nil, false)
			w.log.Close()
			tr.CloseIdleConnections()
			srv.Close()
			w.net.cut()
			w.net.Close()
			<-served
		}()
		f(t, w)
	})
}

// options are those of a follower in this world.
func (w *world) options(ts ...Transport) *FollowOptions {
	o := &FollowOptions{HTTP: w.http, OnState: func(s State) {
		w.states = append(w.states, s)
		w.at = append(w.at, time.Since(began))
	}}
	if len(ts) > 0 {
		o.Transports = ts
	}
	return o
}

// follow collects items, and calls step for each, until there are n, or an
// error that ends the loop.
func (w *world) follow(o *FollowOptions, n int, step func(i int)) (items []topic.Item, last error) {
	for it, err := range Follow(w.t.Context(), "http://mem/topic", o) {
		var gone *topic.GoneError
		if err != nil && !errors.As(err, &gone) {
			return items, err
		}
		if err != nil {
			last = err
			continue
		}
		items = append(items, it)
		if step != nil {
			step(len(items))
		}
		if len(items) == n {
			break
		}
	}
	return items, last
}

// wantInOrder wants the items 1 to n, exactly once.
func wantInOrder(t *testing.T, items []topic.Item, n int) {
	t.Helper()
	if len(items) != n {
		t.Errorf("%d items, want %d", len(items), n)
	}
	for i, it := range items {
		if string(it.Data) != fmt.Sprint(i+1) {
			t.Fatalf("item %d is %q (%s)", i+1, it.Data, it.Cursor)
		}
	}
}

// publish appends the numbers from to to.
func publish(l *topic.Log, from, to int) {
	for i := from; i <= to; i++ {
		l.Append("", fmt.Append(nil, i))
	}
}

// last is the state that was told last.
func (w *world) last() State {
	if len(w.states) == 0 {
		return State{}
	}
	return w.states[len(w.states)-1]
}

// connected is the transports that came into use, in order.
func (w *world) connected() (ts []Transport) {
	for _, s := range w.states {
		if s.Connected {
			ts = append(ts, s.Transport)
		}
	}
	return ts
}

// share is the part of the time that a transport was in use.
func (w *world) share(t Transport, of time.Duration) float64 {
	var in time.Duration
	for i, s := range w.states {
		end := time.Since(began)
		if i+1 < len(w.states) {
			end = w.at[i+1]
		}
		if s.Connected && s.Transport == t {
			in += end - w.at[i]
		}
	}
	return in.Seconds() / of.Seconds()
}

// readArgs are the arguments of a Read.
type readArgs struct {
	ctx   context.Context
	after topic.Cursor
	buf   []topic.Item
}

// funcSource is a source whose Read is a function.
type funcSource struct {
	read func(readArgs) ([]topic.Item, error)
	topic.Bounder
}

func sourceFunc(read func(readArgs) ([]topic.Item, error), b topic.Bounder) topic.Source {
	return funcSource{read, b}
}

func (s funcSource) Read(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
	return s.read(readArgs{ctx, after, buf})
}
