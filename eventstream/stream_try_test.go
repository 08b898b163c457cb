package eventstream_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire/eventstream"
)

// numbered is an event that tells its number.
func numbered(t *testing.T, i, size int) []byte {
	t.Helper()
	p, err := eventstream.Append(nil, eventstream.Event{ID: fmt.Sprint(i), Data: bytes.Repeat([]byte{'a' + byte(i%26)}, size)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A plain socket takes what it has room for; what it took in part goes out by
// itself, and until then nothing else is taken. Everywhere else nothing is.
func TestTrySendRaw(t *testing.T) {
	overAllWays(t, func(t *testing.T, w way) {
		tries := w.raw && !w.tls
		const size = 10_000
		full, read, done := make(chan int, 1), make(chan struct{}), make(chan struct{})
		srv := w.serve(t, nil, func(s *eventstream.Stream, r *http.Request) {
			defer close(done)
			n := 0
			for {
				taken, err := s.TrySendRaw(numbered(t, n, size))
				if err != nil {
					t.Error(err)
				}
				if !taken {
					break
				}
				n++
			}
			full <- n
			// SendRaw waits for the rest of what was taken in part.
			if err := s.SendRaw(numbered(t, n, size)); err != nil {
				t.Error(err)
			}
			<-read
			if taken, err := s.TrySendRaw(numbered(t, n+1, size)); taken != tries || err != nil {
				t.Errorf("with room: %v, %v", taken, err)
			}
			s.Close()
			if taken, err := s.TrySendRaw(numbered(t, n+2, size)); taken || !errors.Is(err, net.ErrClosed) {
				t.Errorf("after the end: %v, %v", taken, err)
			}
		}, nil)
		d := eventstream.NewDecoder(get(t, srv.Client(), srv.URL).Body)
		n := <-full
		if (n > 0) != tries {
			t.Errorf("%d events were taken", n)
		}
		var ev eventstream.Event
		last := n
		if tries {
			last++
		}
		for i := 0; i <= last; i++ {
			if err := d.Decode(&ev); err != nil || ev.ID != fmt.Sprint(i) || len(ev.Data) != size {
				t.Fatalf("event %d: ID %q, %d bytes, %v", i, ev.ID, len(ev.Data), err)
			}
			if i == n {
				close(read)
			}
		}
		<-done
	})
}

// The deadline of an earlier write, long past, does not count for a try, and
// the stream of a client that reads nothing ends by that of the rest.
func TestTrySendRawAndDeadlines(t *testing.T) {
	const within = 200 * time.Millisecond
	w := way{name: "raw", raw: true}
	ended := make(chan error, 1)
	srv := w.serve(t, &eventstream.Options{WriteTimeout: within, Heartbeat: -1}, func(s *eventstream.Stream, r *http.Request) {
		s.OnEnd(func(err error) { ended <- err })
		s.SendRaw(numbered(t, 0, 10))
		time.Sleep(2 * within)
		if taken, err := s.TrySendRaw(numbered(t, 1, 10)); !taken || err != nil {
			t.Errorf("after the deadline of the write before: %v, %v", taken, err)
		}
		p := numbered(t, 2, 100_000)
		for {
			taken, err := s.TrySendRaw(p)
			if err != nil {
				t.Error(err)
			}
			if !taken {
				break
			}
		}
		<-s.Context().Done()
	}, nil)
	get(t, srv.Client(), srv.URL)
	var e *eventstream.EndError
	if err := <-ended; !errors.As(err, &e) || e.End != eventstream.EndTimeout {
		t.Errorf("it ended with %v", err)
	}
}

// OnEnd tells of the end, once, and also who comes late.
func TestOnEnd(t *testing.T) {
	overAllWays(t, func(t *testing.T, w way) {
		done := make(chan struct{})
		srv := w.serve(t, nil, func(s *eventstream.Stream, r *http.Request) {
			defer close(done)
			var ends []string
			s.OnEnd(func(error) { ends = append(ends, "replaced") })
			s.OnEnd(func(err error) { ends = append(ends, "first: "+err.Error()) })
			s.Close()
			s.Close()
			s.OnEnd(func(err error) { ends = append(ends, "late: "+err.Error()) })
			want := "first: eventstream: stream ended: closed, late: eventstream: stream ended: closed"
			if got := strings.Join(ends, ", "); got != want {
				t.Errorf("got %s", got)
			}
		}, nil)
		get(t, srv.Client(), srv.URL)
		<-done
	})
}
