package fuzz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// logItems is what the topic keeps, so that slow followers lose some.
const logItems = 64

// register notes the server's connections and how they end.
type register struct {
	mu    sync.Mutex
	conns []*pushwire.Conn
	ended map[*pushwire.Conn][]error // by Trace
	wrong []string
}

func (r *register) complain(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong = append(r.wrong, what)
}

// server is one incarnation of the application.
type server struct {
	plain, raw *listener // of net/http and of Serve
	stopPlain  func()
	stopServe  context.CancelFunc
	served     chan error
	streams    httpstream.Group
	echoes     pushwire.Group
}

func startServer(news *topic.Log, reg *register, bad io.Writer) *server {
	s := &server{plain: newListener(2 << 10), raw: newListener(2 << 10), served: make(chan error, 1)}
	o := &pushwire.AcceptOptions{Group: &s.echoes}
	o.Deflate = &pushwire.Deflate{Threshold: 64}
	o.MaxMessage = 4 << 10
	o.Queue.Bytes = 1 << 10
	o.Trace = &pushwire.Trace{Ended: func(c *pushwire.Conn, err error) {
		reg.mu.Lock()
		defer reg.mu.Unlock()
		reg.ended[c] = append(reg.ended[c], err)
	}}
	echo := func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
		reg.mu.Lock()
		reg.conns = append(reg.conns, c)
		reg.mu.Unlock()
		for m, err := range c.Messages(ctx) {
			if err == nil {
				err = c.Write(ctx, m.Type, m.Data)
			}
			if err != nil {
				if !errors.Is(err, net.ErrClosed) {
					reg.complain("the echo ends with " + err.Error())
				}
				return
			}
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/echo", pushwire.Handler(echo, o))
	mux.Handle("/news", httpstream.Handler(news, &httpstream.Options{Group: &s.streams, MaxItems: 10}))
	s.stopPlain = serve(&http.Server{Handler: mux, ErrorLog: log.New(bad, "", 0)}, s.plain)
	ctx, cancel := context.WithCancel(context.Background())
	s.stopServe = cancel
	go func() { s.served <- pushwire.Serve(ctx, s.raw, echo, o) }()
	return s
}

// stop is what a program does at its end.
func (s *server) stop(reg *register) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	// A client that takes its time for each write outlasts this, and is cut off:
	// Shutdown says so, and none is left.
	if left, err := s.streams.Shutdown(ctx); (left != 0) != (err != nil) || err != nil && ctx.Err() == nil {
		reg.complain(fmt.Sprintf("streams, Shutdown: %d left, %v", left, err))
	}
	ctx, cancel = context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if left, err := s.echoes.Shutdown(ctx, frame.CodeGoingAway, "restart"); err != nil || left != 0 {
		reg.complain(fmt.Sprintf("connections, Shutdown: %d left, %v", left, err))
	}
	s.stopServe()
	if err := <-s.served; err != nil {
		reg.complain("Serve: " + err.Error())
	}
	s.stopPlain()
	s.plain.cut()
	s.raw.cut()
	time.Sleep(time.Second)
	if s.streams.Len() != 0 || s.echoes.Len() != 0 {
		reg.complain("a group is not empty")
	}
}

// upgrade is the request of a raw client.
func upgrade(compressed bool) string {
	line := ""
	if compressed {
		line = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
	}
	return "GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + line + "\r\n"
}

// afterHead returns what comes behind the answer of the handshake.
func afterHead(b []byte) []byte {
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		return b[i+4:]
	}
	return nil
}
