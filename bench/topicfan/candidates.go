//go:build linux

package topicfan

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// Candidate is a transport.
type Candidate struct {
	Name string
	Note string // how it is served

	// handler serves a topic; nil for the bare write.
	handler func(src topic.Source, o *httpstream.Options) http.Handler
	// request is the head of the client's request.
	request string
	// opened is how that ends which the server sends behind the head of its
	// answer before there is an item; empty for nothing.
	opened string
	// polls says that the answer comes with the item and ends with it, and the
	// client asks again.
	polls bool
	// wire returns the bytes of an item; of the body, where it polls.
	wire func(c topic.Cursor, data string) string
}

// Bare is the candidate that the others are compared with.
const Bare = "bare write"

// All are the candidates in the order of the tables.
var All = []Candidate{
	{
		Name:    "WebSocket",
		Note:    "httpstream.Socket on net/http, which is left behind",
		handler: httpstream.Socket,
		request: "GET /?after=now HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
		opened:  `"}`,
		wire: func(c topic.Cursor, data string) string {
			return string(frame.AppendMessage(nil, frame.Server, frame.Text, 0, []byte(jsonItem(c, data))))
		},
	},
	{
		Name:    "event stream, raw",
		Note:    "httpstream.Events on net/http, which is left behind",
		handler: httpstream.Events,
		request: eventRequest,
		opened:  "\n\n",
		wire:    event,
	},
	{
		Name: "event stream, net/http",
		Note: "httpstream.Events where the connection can't be taken over",
		handler: func(src topic.Source, o *httpstream.Options) http.Handler {
			h := httpstream.Events(src, o)
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h.ServeHTTP(&kept{w, http.NewResponseController(w)}, r)
			})
		},
		request: eventRequest,
		opened:  "\n\n\r\n",
		wire:    func(c topic.Cursor, data string) string { return chunk(event(c, data)) },
	},
	{
		Name:    "JSON lines, net/http",
		Note:    "httpstream.Stream",
		handler: httpstream.Stream,
		request: "GET /?after=now HTTP/1.1\r\nHost: a\r\nAccept: application/x-ndjson\r\n\r\n",
		opened:  "}\n\r\n",
		wire:    func(c topic.Cursor, data string) string { return chunk(jsonItem(c, data) + "\n") },
	},
	{
		Name:    "long poll, net/http",
		Note:    "httpstream.LongPoll; the next request of the client is counted in",
		handler: httpstream.LongPoll,
		request: "GET /?wait=1000&after=now HTTP/1.1\r\nHost: a\r\n\r\n",
		polls:   true,
		wire: func(c topic.Cursor, data string) string {
			return `{"items":[` + jsonItem(c, data) + `],"cursor":"` + string(c) + `"}` + "\n"
		},
	},
	{
		Name:    Bare,
		Note:    "the bytes of the WebSocket message are written to each net.Conn, in a loop",
		request: eventRequest,
		wire: func(c topic.Cursor, data string) string {
			return string(frame.AppendMessage(nil, frame.Server, frame.Text, 0, []byte(jsonItem(c, data))))
		},
	},
}

const eventRequest = "GET /?after=now HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n"

func jsonItem(c topic.Cursor, data string) string {
	return `{"cursor":"` + string(c) + `","data":"` + data + `"}`
}

func event(c topic.Cursor, data string) string {
	return "id: " + string(c) + "\ndata: " + data + "\n\n"
}

func chunk(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }

func find(name string) (Candidate, error) {
	for _, c := range All {
		if c.Name == name {
			return c, nil
		}
	}
	return Candidate{}, fmt.Errorf("there is no candidate %q", name)
}

// itemData returns the data of an item of size bytes. Each number makes another
// one.
func itemData(number, size int) string {
	b := fmt.Appendf(nil, "%08d ", number)
	for len(b) < size {
		b = append(b, 'a'+byte((len(b)+number)%26))
	}
	return string(b[:size])
}

// kept is a ResponseWriter that can't be hijacked.
type kept struct {
	http.ResponseWriter
	ctl *http.ResponseController
}

func (w *kept) FlushError() error                  { return w.ctl.Flush() }
func (w *kept) SetWriteDeadline(t time.Time) error { return w.ctl.SetWriteDeadline(t) }
func (w *kept) SetReadDeadline(t time.Time) error  { return w.ctl.SetReadDeadline(t) }

// server is what the process does for a candidate.
type server interface {
	// waiting is how many readers wait for the next item.
	waiting() int
	// publish puts an item on its way.
	publish(data string) error
	// head is the cursor of the last item.
	head() (topic.Cursor, error)
}

// silence is the time between heartbeats and pings: they have their timers, but
// none comes between the items.
const silence = time.Hour

// start serves the candidate on l.
func (c *Candidate) start(l net.Listener) server {
	if c.handler == nil {
		s := &bareServer{c: c, epoch: topic.NewEpoch()}
		go s.accept(l)
		return s
	}
	s := &topicServer{}
	o := &httpstream.Options{
		Group: &s.group, MaxWait: silence, Heartbeat: silence,
		Socket: &pushwire.AcceptOptions{Config: pushwire.Config{Ping: silence}},
	}
	var src topic.Source = &s.log
	if c.polls {
		s.polls = &pollSource{Log: &s.log}
		src = s.polls
	}
	go func() { fail(http.Serve(l, c.handler(src, o))) }()
	return s
}

type topicServer struct {
	log   topic.Log
	group httpstream.Group
	polls *pollSource // nil: a member of the group waits
}

func (s *topicServer) waiting() int {
	if s.polls != nil {
		return int(s.polls.n.Load())
	}
	return s.group.Len()
}

func (s *topicServer) publish(data string) error {
	_, _, err := s.log.Publish(context.Background(), topic.Publication{Data: []byte(data)})
	return err
}

func (s *topicServer) head() (topic.Cursor, error) {
	b, err := s.log.Bounds(context.Background())
	return b.Head, err
}

// pollSource counts the polls that wait.
type pollSource struct {
	*topic.Log
	n atomic.Int64
}

func (s *pollSource) Read(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
	if ctx.Err() != nil {
		return s.Log.Read(ctx, after, buf)
	}
	s.n.Add(1)
	defer s.n.Add(-1)
	return s.Log.Read(ctx, after, buf)
}

// bareServer writes to connections, in turn, without anything that knows
// items.
type bareServer struct {
	c     *Candidate
	epoch string
	seq   uint64

	mu    sync.Mutex
	conns []net.Conn
}

func (s *bareServer) accept(l net.Listener) {
	for {
		nc, err := l.Accept()
		if err != nil {
			fail(err)
		}
		if _, err := http.ReadRequest(bufio.NewReaderSize(nc, 512)); err != nil {
			fail(err)
		}
		if _, err := io.WriteString(nc, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"); err != nil {
			fail(err)
		}
		s.mu.Lock()
		s.conns = append(s.conns, nc)
		s.mu.Unlock()
	}
}

func (s *bareServer) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *bareServer) head() (topic.Cursor, error) { return topic.At(s.epoch, s.seq), nil }

func (s *bareServer) publish(data string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	p := []byte(s.c.wire(topic.At(s.epoch, s.seq), data))
	for _, nc := range s.conns {
		if _, err := nc.Write(p); err != nil {
			return err
		}
	}
	return nil
}
