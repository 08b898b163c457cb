//go:build linux

package fanout

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
)

// set is what publish sends to.
type set[T any] struct {
	mu  sync.Mutex
	all []T
}

func (s *set[T]) add(v T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, v)
}

// each calls send with each member, until that fails.
func (s *set[T]) each(send func(T) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, v := range s.all {
		if err := send(v); err != nil {
			return fmt.Errorf("stream %d of %d: %w", i+1, len(s.all), err)
		}
	}
	return nil
}

// accept reads the request of each connection and hands both over, without
// net/http's server.
func accept(l net.Listener, open func(nc net.Conn, r *http.Request) error) {
	for {
		nc, err := l.Accept()
		if err != nil {
			fail(err)
		}
		r, err := http.ReadRequest(bufio.NewReaderSize(nc, 512))
		if err != nil {
			fail(err)
		}
		if err := open(nc, r); err != nil {
			fail(err)
		}
	}
}

// serveHTTP serves with net/http.
func serveHTTP(l net.Listener, h http.Handler) { fail(http.Serve(l, h)) }

// fail ends the process. The one that started it sees its output end.
func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench fanout:", err)
	os.Exit(1)
}
