package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/pushwire/pushwire/eventstream"
)

const (
	tickEvery   = time.Second
	maxPost     = 64 << 10 // bytes of one event that is posted
	eventsKept  = 256      // for clients that come back
	typeTick    = "tick"
	typePosted  = "message"
	eventsRetry = time.Second // of a client that lost the stream
)

// ticker is what /events streams: the time once a second, and what is posted.
// It keeps the last events, so that a client that comes back misses none.
type ticker struct {
	streams eventstream.Group

	mu    sync.Mutex
	first int           // number of the oldest event that is kept
	kept  [][]byte      // encoded
	more  chan struct{} // closed by the next event
}

func newTicker() *ticker { return &ticker{first: 1, more: make(chan struct{})} }

// run ticks until done is closed. Nothing is made while nobody listens.
func (k *ticker) run(done <-chan struct{}) {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			if k.streams.Len() > 0 {
				k.publish(typeTick, []byte(now.Format(time.TimeOnly)))
			}
		case <-done:
			return
		}
	}
}

func (k *ticker) publish(typ string, data []byte) (id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	id = strconv.Itoa(k.first + len(k.kept))
	p, err := eventstream.Append(nil, eventstream.Event{ID: id, Type: typ, Data: data})
	if err != nil {
		panic("pushwire serve: " + err.Error()) // of an ID or a type of our own
	}
	if len(k.kept) == eventsKept {
		k.kept = append(k.kept[:0:0], k.kept[1:]...)
		k.first++
	}
	k.kept = append(k.kept, p)
	close(k.more)
	k.more = make(chan struct{})
	return id
}

// after returns the events after number n, or what is closed once there are
// some, and the number of the last one. A number from another run of the
// server, higher than any of this one, begins anew.
func (k *ticker) after(n int) (events [][]byte, last int, more <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	last = k.first + len(k.kept) - 1
	if n > last {
		n = last
	}
	return k.kept[max(n-k.first+1, 0):], last, k.more
}

func (k *ticker) stream(s *eventstream.Stream, r *http.Request) {
	_, n, _ := k.after(0)
	if id, err := strconv.Atoi(s.LastEventID()); err == nil && id >= 0 {
		n = id
	}
	for {
		events, last, more := k.after(n)
		for _, p := range events {
			if s.SendRaw(p) != nil {
				return
			}
		}
		n = last
		select {
		case <-more:
		case <-s.Context().Done():
			return
		}
	}
}

// handler streams to GET and takes an event from POST.
func (k *ticker) handler() http.Handler {
	events := eventstream.Handler(k.stream, &eventstream.Options{
		Group:     &k.streams,
		Retry:     eventsRetry,
		Encodings: []eventstream.Encoding{eventstream.Gzip()},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			events.ServeHTTP(w, r)
			return
		}
		data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPost))
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			http.Error(w, fmt.Sprintf("an event has %d bytes at most", maxPost), http.StatusRequestEntityTooLarge)
		case err != nil:
			http.Error(w, "the body did not come", http.StatusBadRequest)
		default:
			fmt.Fprintln(w, k.publish(typePosted, data))
		}
	})
}
