package httpstream

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/eventstream"
	"github.com/pushwire/pushwire/frame"
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
