//go:build linux

package fanout

import (
	"net"
	"net/http"

	"github.com/tmaxmax/go-sse"
)

// Its provider Joe does the same with each session from one goroutine, but
// doesn't tell when a subscription has begun.
var tmaxmax = Candidate{
	Name:    "tmaxmax/go-sse",
	Module:  "github.com/tmaxmax/go-sse",
	Note:    "net/http; one Message, Send and Flush of each Session",
	chunked: true,
	serve: func(l net.Listener, opened func()) func([]byte) error {
		var sessions set[*sse.Session]
		go serveHTTP(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := sse.Upgrade(w, r)
			if err == nil {
				err = s.Flush() // the head
			}
			if err != nil {
				fail(err)
			}
			sessions.add(s)
			opened()
			<-r.Context().Done()
		}))
		return func(data []byte) error {
			var m sse.Message
			m.AppendData(string(data))
			return sessions.each(func(s *sse.Session) error {
				if err := s.Send(&m); err != nil {
					return err
				}
				return s.Flush()
			})
		}
	},
}
