package httpstream

// One file, because it is one thing: a server of the protocol that shares
// nothing with the handlers, over each transport.

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/eventstream"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
	"github.com/pushwire/pushwire/topic"
)

// plainServer speaks the protocol in the plainest way, apart from the handlers
// of the package, and lets a test step in wherever it likes.
type plainServer struct {
	t   *testing.T
	src topic.Source

	// instead, if it is set, may answer a request in place of the server.
	instead func(t Transport, w http.ResponseWriter, r *http.Request) bool
	// alter, if it is set, changes or drops (nil) an item on its way.
	alter func(t Transport, it topic.Item) *topic.Item
	// heartbeat is the longest silence of a stream; 0 is 15 s.
	heartbeat time.Duration

	mu       sync.Mutex
	requests []request
}

// request is one that the server got.
type request struct {
	transport Transport
	at        time.Duration // since the test began
	after     string
	wait      string
	header    http.Header
}

func transportOf(r *http.Request) Transport {
	accept := r.Header.Get("Accept")
	switch {
	case r.Header.Get("Upgrade") != "":
		return TransportSocket
	case strings.Contains(accept, typeEvents):
		return TransportEventStream
	case strings.Contains(accept, typeNDJSON):
		return TransportStream
	case r.URL.Query().Has("wait"):
		return TransportLongPoll
	}
	return TransportShortPoll
}

var began time.Time // of the bubble; all begin at the same moment of its fake time

func init() { began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

func (s *plainServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := transportOf(r)
	q := r.URL.Query()
	s.mu.Lock()
	s.requests = append(s.requests, request{t, time.Since(began), q.Get("after"), q.Get("wait"), r.Header})
	s.mu.Unlock()
	if s.instead != nil && s.instead(t, w, r) {
		return
	}
	after := topic.Cursor(q.Get("after"))
	switch t {
	case TransportLongPoll, TransportShortPoll:
		s.poll(t, w, r, after)
		return
	}
	send, ctx, end := s.begin(t, w, r)
	if send == nil {
		return
	}
	defer end()
	s.stream(ctx, t, after, send)
}

// count is how many requests of a transport there were.
func (s *plainServer) count(t Transport) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if r.transport == t {
			n++
		}
	}
	return n
}

// of returns the requests of a transport.
func (s *plainServer) of(t Transport) (rs []request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if r.transport == t {
			rs = append(rs, r)
		}
	}
	return rs
}

// source is src, which a test may replace.
func (s *plainServer) source() topic.Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.src
}

func (s *plainServer) poll(t Transport, w http.ResponseWriter, r *http.Request, after topic.Cursor) {
	wait, _ := time.ParseDuration(r.URL.Query().Get("wait") + "s")
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	items, err := s.source().Read(ctx, s.resolve(after), make([]topic.Item, 0, 100))
	var gone *topic.GoneError
	switch {
	case errors.As(err, &gone):
		w.Header().Set("Content-Type", typeJSON)
		w.WriteHeader(http.StatusGone)
		w.Write(appendRefusal(nil, tokenGone, "gone", gone))
	case errors.Is(err, topic.ErrClosed):
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
	case err != nil:
		w.Header().Set(headerCursor, string(s.resolve(after)))
		w.WriteHeader(http.StatusNoContent)
	default:
		a := answer{Cursor: items[len(items)-1].Cursor}
		for _, it := range items {
			if it := s.altered(t, it); it != nil {
				a.Items = append(a.Items, *it)
			}
		}
		w.Header().Set("Content-Type", typeJSON)
		w.Write(appendAnswer(nil, &a))
	}
}

// resolve turns "" and now into a place.
func (s *plainServer) resolve(after topic.Cursor) topic.Cursor {
	if after != "" && after != topic.Now {
		return after
	}
	b, err := s.source().(topic.Bounder).Bounds(context.Background())
	if err != nil {
		return after
	}
	if after == "" {
		return b.Oldest
	}
	return b.Head
}

func (s *plainServer) altered(t Transport, it topic.Item) *topic.Item {
	if s.alter == nil {
		return &it
	}
	return s.alter(t, it)
}

// begin answers with the head of a stream and returns what sends news.
func (s *plainServer) begin(t Transport, w http.ResponseWriter, r *http.Request) (send func(news) error, ctx context.Context, end func()) {
	switch t {
	case TransportSocket:
		c, err := pushwire.Accept(w, r, nil)
		if err != nil {
			return nil, nil, nil
		}
		ctx := c.Discard(context.Background())
		return func(n news) error {
			if n.kind == newsItem && n.item.Binary {
				return c.Write(ctx, frame.Binary, []byte(string(n.item.Cursor)+"\n"+n.item.Type+"\n"), n.item.Data)
			}
			return c.Write(ctx, frame.Text, lineOf(n))
		}, ctx, func() { c.Close(frame.CodeGoingAway, "") }
	case TransportStream:
		w.Header().Set("Content-Type", typeNDJSON)
		return func(n news) error {
			w.Write(append(lineOf(n), '\n'))
			return http.NewResponseController(w).Flush()
		}, r.Context(), func() {}
	}
	w.Header().Set("Content-Type", typeEvents)
	return func(n news) error {
		w.Write(eventOf(n))
		return http.NewResponseController(w).Flush()
	}, r.Context(), func() {}
}

func lineOf(n news) []byte {
	switch n.kind {
	case newsItem:
		return appendItem(nil, &n.item)
	case newsGone:
		return appendReset(nil, n.gone, n.item.Cursor)
	}
	return appendPosition(nil, n.item.Cursor)
}

func eventOf(n news) []byte {
	ev := eventstream.Event{ID: string(n.item.Cursor), Type: n.item.Type, Data: n.item.Data}
	switch {
	case n.kind == newsPlace:
		return []byte("id: " + ev.ID + "\n\n")
	case n.kind == newsGone:
		ev.Type, ev.Data = typeReset, appendGone(nil, n.gone)
	case n.item.Binary:
		ev.Type += base64Suffix
		ev.Data = []byte(base64.StdEncoding.EncodeToString(ev.Data))
	case bytes.IndexByte(ev.Data, '\r') >= 0:
		ev.Type += jsonSuffix
		ev.Data = appendString(nil, ev.Data)
	}
	b, err := eventstream.Append(nil, ev)
	if err != nil {
		panic(err)
	}
	return b
}

func (s *plainServer) stream(ctx context.Context, t Transport, after topic.Cursor, send func(news) error) {
	after = s.resolve(after)
	if err := send(news{kind: newsPlace, item: topic.Item{Cursor: after}}); err != nil {
		return
	}
	heartbeat := s.heartbeat
	if heartbeat == 0 {
		heartbeat = 15 * time.Second
	}
	for {
		waiting, cancel := context.WithTimeout(ctx, heartbeat)
		items, err := s.source().Read(waiting, after, make([]topic.Item, 0, 16))
		cancel()
		var gone *topic.GoneError
		switch {
		case errors.As(err, &gone):
			after = gone.Oldest
			err = send(news{kind: newsGone, item: topic.Item{Cursor: after}, gone: gone})
		case ctx.Err() != nil || errors.Is(err, topic.ErrClosed):
			return
		case err != nil:
			err = send(news{kind: newsPlace, item: topic.Item{Cursor: after}})
		}
		for _, it := range items {
			after = it.Cursor
			if it := s.altered(t, it); it != nil && err == nil {
				err = send(news{kind: newsItem, item: *it})
			}
		}
		if err != nil {
			return
		}
	}
}

// netsim is a network in memory with one server. It can fail in the ways that
// networks do.
type netsim struct {
	mu      sync.Mutex
	accept  chan net.Conn
	conns   map[*simConn]bool
	down    error         // dialing fails with it
	silent  bool          // dialing and everything else never ends
	changed chan struct{} // closed when silent changes
	dials   int
	done    chan struct{}
	once    sync.Once
}

func newNetsim() *netsim {
	return &netsim{
		accept: make(chan net.Conn), conns: make(map[*simConn]bool),
		done: make(chan struct{}), changed: make(chan struct{}),
	}
}

func (n *netsim) Accept() (net.Conn, error) {
	select {
	case nc := <-n.accept:
		return nc, nil
	case <-n.done:
		return nil, net.ErrClosed
	}
}

func (n *netsim) Close() error   { n.once.Do(func() { close(n.done) }); return nil }
func (n *netsim) Addr() net.Addr { return memconn.Addr("mem") }

// set changes how the network fails: not at all, by an error, by silence.
func (n *netsim) set(down error, silent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down, n.silent = down, silent
	close(n.changed)
	n.changed = make(chan struct{})
}

// cut resets all connections.
func (n *netsim) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.conns {
		c.Conn.Close()
		c.peer.Close()
	}
	clear(n.conns)
}

// dead waits while the network is silent, and returns the error that it fails
// with.
func (n *netsim) dead(done <-chan struct{}) error {
	for {
		n.mu.Lock()
		silent, down, changed := n.silent, n.down, n.changed
		n.mu.Unlock()
		if !silent {
			return down
		}
		select {
		case <-changed:
		case <-done:
			return errGivenUp
		}
	}
}

var errGivenUp = errors.New("netsim: given up")

func (n *netsim) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	n.mu.Lock()
	n.dials++
	n.mu.Unlock()
	if err := n.dead(ctx.Done()); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	a, b := memconn.Pipe()
	c := &simConn{Conn: a, peer: b, n: n, gone: make(chan struct{})}
	select {
	case n.accept <- b:
	case <-n.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	n.mu.Lock()
	n.conns[c] = true
	n.mu.Unlock()
	return c, nil
}

// simConn is the client's end of a connection.
type simConn struct {
	*memconn.Conn
	peer *memconn.Conn
	n    *netsim
	gone chan struct{}
	once sync.Once
}

// Read gives nothing while the network is silent.
func (c *simConn) Read(p []byte) (int, error) {
	m, err := c.Conn.Read(p)
	if err == nil {
		c.n.dead(c.gone)
	}
	return m, err
}

func (c *simConn) Close() error {
	c.once.Do(func() { close(c.gone) })
	c.n.mu.Lock()
	delete(c.n.conns, c)
	c.n.mu.Unlock()
	return c.Conn.Close()
}

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
