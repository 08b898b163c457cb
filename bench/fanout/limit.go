//go:build linux

package fanout

import (
	"io"
	"net"
	"net/http"
)

// The limits: what the bytes cost without anything that knows events.
var (
	bare = Candidate{
		Name:  Bare,
		Note:  "the encoded event is written to each net.Conn",
		serve: serveBare,
	}
	plainHTTP = Candidate{
		Name:    "net/http Write, Flush",
		Note:    "the encoded event is written to each ResponseWriter",
		chunked: true,
		serve:   servePlainHTTP,
	}
)

func serveBare(l net.Listener, opened func()) func([]byte) error {
	var conns set[net.Conn]
	go accept(l, func(nc net.Conn, _ *http.Request) error {
		if _, err := io.WriteString(nc, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\n\r\n"); err != nil {
			return err
		}
		conns.add(nc)
		opened()
		return nil
	})
	return func(data []byte) error {
		p, err := encode(data)
		if err != nil {
			return err
		}
		return conns.each(func(nc net.Conn) error {
			_, err := nc.Write(p)
			return err
		})
	}
}

// flusher is the part of net/http's ResponseWriter that is needed here.
type flusher interface {
	http.ResponseWriter
	FlushError() error
}

func servePlainHTTP(l net.Listener, opened func()) func([]byte) error {
	var writers set[flusher]
	go serveHTTP(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := w.(flusher)
		w.Header().Set("Content-Type", "text/event-stream")
		if err := f.FlushError(); err != nil {
			fail(err)
		}
		writers.add(f)
		opened()
		<-r.Context().Done()
	}))
	return func(data []byte) error {
		p, err := encode(data)
		if err != nil {
			return err
		}
		return writers.each(func(w flusher) error {
			if _, err := w.Write(p); err != nil {
				return err
			}
			return w.FlushError()
		})
	}
}
