package eventstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/eventstream"
	"github.com/pushwire/pushwire/internal/memconn"
)

// open makes a stream of g over a connection with small buffers.
func open(t *testing.T, g *eventstream.Group) (*eventstream.Stream, *memconn.Conn) {
	t.Helper()
	client, server := memconn.PipeSize(2 << 10)
	s, err := eventstream.AcceptConn(server, httptest.NewRequest("GET", "/", nil), &eventstream.Options{Group: g, Heartbeat: -1})
	if err != nil {
		t.Fatal(err)
	}
	return s, client
}

// Of many streams some have clients that do not read. The others get each event
// in a few milliseconds, and so does the one who sends; the stuck ones end by
// their own deadlines.
func TestGroupSendIsNotHeldUpByStuckReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const good, stuck, events = 40, 20, 20
		var g eventstream.Group
		var readers sync.WaitGroup
		sent := make([]time.Time, events)
		for range good {
			s, nc := open(t, &g)
			readers.Go(func() {
				n := 0
				body := io.Reader(nc)
				for ev, err := range eventstream.NewDecoder(skipHead(body)).All() {
					if err != nil {
						t.Error(err)
						break
					}
					if want := fmt.Sprint(n); ev.ID != want {
						t.Errorf("event %s, want %s", ev.ID, want)
					}
					between(t, "an event came after", time.Since(sent[n]), 0, 50*time.Millisecond)
					n++
				}
				if n != events {
					t.Errorf("%d events, want %d", n, events)
				}
				s.Close()
			})
		}
		var slow []*eventstream.Stream
		var conns []*memconn.Conn
		for range stuck {
			s, nc := open(t, &g)
			slow, conns = append(slow, s), append(conns, nc)
		}
		began := time.Now()
		for i := range events {
			sent[i] = time.Now()
			if err := g.Send(eventstream.Event{ID: fmt.Sprint(i), Data: []byte(strings.Repeat("x", 1000))}); err != nil {
				t.Error(err)
			}
			between(t, "Send took", time.Since(sent[i]), 0, 50*time.Millisecond)
			time.Sleep(100 * time.Millisecond)
		}
		for _, s := range slow {
			<-s.Context().Done()
			var e *eventstream.EndError
			if err := context.Cause(s.Context()); !errors.As(err, &e) || e.End != eventstream.EndTimeout {
				t.Errorf("a stuck stream ended with %v", err)
			}
		}
		between(t, "the stuck ones ended after", time.Since(began), 10*time.Second, 13*time.Second)
		if n := g.Len(); n != good {
			t.Errorf("%d streams are left, want %d", n, good)
		}
		g.Shutdown()
		readers.Wait()
		for _, nc := range conns {
			nc.Close()
		}
	})
}

// skipHead returns what follows the head of an answer.
func skipHead(r io.Reader) io.Reader {
	var end string
	for b := make([]byte, 1); !strings.HasSuffix(end, "\r\n\r\n"); end += string(b) {
		if _, err := r.Read(b); err != nil {
			break
		}
	}
	return r
}

// What waits for a stuck client is bounded, and a client that comes back in
// time gets all of it in order.
func TestGroupSendBehindAStuckReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g eventstream.Group
		s, nc := open(t, &g)
		var want strings.Builder
		for i := range 30 {
			p, _ := eventstream.Append(nil, eventstream.Event{ID: fmt.Sprint(i), Data: []byte(strings.Repeat("x", 2000))})
			want.Write(p)
			g.SendRaw(p)
		}
		body := skipHead(nc)
		got := make([]byte, want.Len())
		if _, err := io.ReadFull(body, got); err != nil || string(got) != want.String() {
			t.Errorf("after a pause it got something else, %v", err)
		}
		synctest.Wait()
		for range 100 {
			g.SendRaw([]byte("data: " + strings.Repeat("x", 2000) + "\n\n"))
		}
		var e *eventstream.EndError
		if err := context.Cause(s.Context()); !errors.As(err, &e) || e.End != eventstream.EndBehind {
			t.Errorf("ended with %v", err)
		}
		time.Sleep(time.Second) // less than the write under way would have had
		if _, err := nc.Write([]byte("x")); err == nil {
			t.Error("the connection of a client that fell behind is still open")
		}
		if b, err := io.ReadAll(body); len(b) > 4<<10 {
			t.Errorf("%d bytes more, %v", len(b), err)
		}
		nc.Close()
	})
}

// Group.Send beside Send, Comment, heartbeats and Close, on every way.
func TestGroupSendBesideOthers(t *testing.T) {
	overAllWays(t, func(t *testing.T, w way) {
		const streams, events = 4, 50
		var g eventstream.Group
		var opened sync.WaitGroup
		opened.Add(streams)
		srv := w.serve(t, &eventstream.Options{Group: &g, Heartbeat: time.Millisecond}, func(s *eventstream.Stream, r *http.Request) {
			opened.Done()
			for s.Send(eventstream.Event{Type: "own", Data: []byte("x")}) == nil {
				time.Sleep(time.Millisecond)
			}
		}, nil)
		var clients, all sync.WaitGroup
		all.Add(streams)
		for range streams {
			res := get(t, srv.Client(), srv.URL)
			clients.Go(func() {
				n := 0
				for ev, err := range eventstream.Events(res, nil) {
					if err != nil {
						t.Error(err)
					} else if ev.Type == "all" {
						if string(ev.Data) != fmt.Sprint(n) {
							t.Errorf("got %s, want %d", ev.Data, n)
						}
						if n++; n == events {
							all.Done()
						}
					}
				}
				if n != events {
					t.Errorf("%d events, want %d", n, events)
				}
			})
		}
		opened.Wait()
		for i := range events {
			if err := g.Send(eventstream.Event{Type: "all", Data: fmt.Append(nil, i)}); err != nil {
				t.Error(err)
			}
		}
		all.Wait()
		for s := range g.All() {
			s.Close()
		}
		clients.Wait()
		var fe *eventstream.FieldError
		if err := g.Send(eventstream.Event{ID: "\n"}); !errors.As(err, &fe) {
			t.Errorf("Send: %v", err)
		}
	})
}

// What SendRaw has left to the one who writes goes out when the stream is
// closed meanwhile: it was accepted before.
func TestGroupSendBeforeCloseArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g eventstream.Group
		s, nc := open(t, &g)
		first, second := strings.Repeat("x", 3000), "and out"
		for _, data := range []string{first, second} { // the first fills the pipe, the second waits behind it
			if err := g.Send(eventstream.Event{Data: []byte(data)}); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
		var got []string
		for ev, err := range eventstream.NewDecoder(skipHead(nc)).All() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(ev.Data))
		}
		if len(got) != 2 || got[0] != first || got[1] != second {
			t.Errorf("%d events came, want 2", len(got))
		}
	})
}
