//go:build linux

package fanout

import (
	"net"
	"net/http"

	"github.com/pushwire/pushwire/eventstream"
)

const pushwireModule = "github.com/pushwire/pushwire"

// Ours has its defaults: write timeout, heartbeat, notice of a client that
// goes.
var (
	pushwireRaw = Candidate{
		Name:   "pushwire SendRaw",
		Module: pushwireModule,
		Note:   "AcceptConn; the event is encoded once",
		serve: func(l net.Listener, opened func()) func([]byte) error {
			return sendRaw(servePushwire(l, opened))
		},
	}
	pushwireSend = Candidate{
		Name:   "pushwire Send",
		Module: pushwireModule,
		Note:   "AcceptConn; the event is encoded for each stream",
		serve: func(l net.Listener, opened func()) func([]byte) error {
			streams := servePushwire(l, opened)
			return func(data []byte) error {
				return streams.each(func(s *eventstream.Stream) error { return s.Send(eventstream.Event{Data: data}) })
			}
		},
	}
	pushwireHandler = Candidate{
		Name:    "pushwire Handler, SendRaw",
		Module:  pushwireModule,
		Note:    "net/http; the event is encoded once",
		chunked: true,
		serve: func(l net.Listener, opened func()) func([]byte) error {
			var streams set[*eventstream.Stream]
			go serveHTTP(l, eventstream.Handler(func(s *eventstream.Stream, _ *http.Request) {
				streams.add(s)
				opened()
				<-s.Context().Done()
			}, nil))
			return sendRaw(&streams)
		},
	}
)

func servePushwire(l net.Listener, opened func()) *set[*eventstream.Stream] {
	var streams set[*eventstream.Stream]
	go accept(l, func(nc net.Conn, r *http.Request) error {
		s, err := eventstream.AcceptConn(nc, r, nil)
		if err != nil {
			return err
		}
		streams.add(s)
		opened()
		return nil
	})
	return &streams
}

func sendRaw(streams *set[*eventstream.Stream]) func([]byte) error {
	return func(data []byte) error {
		p, err := encode(data)
		if err != nil {
			return err
		}
		return streams.each(func(s *eventstream.Stream) error { return s.SendRaw(p) })
	}
}
