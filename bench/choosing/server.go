//go:build linux

package choosing

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// now is the same clock in all processes.
func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err) // it fails only for bad arguments
	}
	return ts.Nano()
}

// server serves topics under /news/0, /news/1 and so on, over all transports,
// with the defaults of httpstream.
type server struct {
	topics    []topic.Log
	handlers  []http.Handler
	group     httpstream.Group
	published atomic.Int64
}

func newServer(topics int) *server {
	s := &server{topics: make([]topic.Log, topics), handlers: make([]http.Handler, topics)}
	o := &httpstream.Options{Group: &s.group}
	for i := range s.topics {
		s.handlers[i] = httpstream.Handler(&s.topics[i], o)
	}
	return s
}

const topicPath = "/news/"

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, topicPath))
	if err != nil || i < 0 || i >= len(s.handlers) {
		http.NotFound(w, r)
		return
	}
	s.handlers[i].ServeHTTP(w, r)
}

// publish puts messages on one topic until the process ends. They begin with
// the time. A message that is late does not delay those after it.
func (s *server) publish(i int, gap time.Duration, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, uint64(i)))
	due := time.Now()
	for {
		due = due.Add(time.Duration(rng.ExpFloat64() * float64(gap)))
		time.Sleep(time.Until(due))
		data := fmt.Appendf(make([]byte, 0, messageSize), "%019d ", now())
		for len(data) < messageSize {
			data = append(data, 'a'+byte(len(data)%26))
		}
		if _, _, err := s.topics[i].Publish(context.Background(), topic.Publication{Data: data}); err != nil {
			fail(err)
		}
		s.published.Add(1)
	}
}

// serve is the server process. It is done when there are no more orders.
func serve(l link) error {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var s *server
	for o := range l.orders() {
		var a answer
		switch o.Do {
		case "open":
			s = newServer(o.Topics)
			go func() { fail(http.Serve(listener, s)) }()
			a.Addr = listener.Addr().String()
		case "publish":
			for i := range s.topics {
				go s.publish(i, o.Gap, o.Seed)
			}
		case "waiting":
			a.Waiting = s.group.Len()
		case "spent":
			a.CPU, a.Published = child.CPUTime(), s.published.Load()
		case "hold":
			if a.Held, err = child.Holdings(); err != nil {
				return err
			}
		}
		if err := l.answer(a); err != nil {
			return err
		}
	}
	return nil
}
