package eventstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/pushwire/pushwire/handshake"
)

// Defaults of [Options].
const (
	DefaultWriteTimeout = 10 * time.Second
	DefaultHeartbeat    = 15 * time.Second
	DefaultIDParam      = "lastEventId"
)

// Options says how a stream is opened and kept. nil and the zero value are the
// defaults. It is not changed and not retained after the call.
type Options struct {
	// Header is sent with the answer, beside the fields that make a stream.
	Header http.Header
	// WriteTimeout is how long the client may take for one write before the
	// stream ends (a write may get up to a quarter more); 0 is 10 s, negative is no
	// limit.
	WriteTimeout time.Duration
	// Heartbeat is the silence after which a comment is sent, so that proxies
	// keep the connection and a client that went without a word is noticed;
	// 0 is 15 s, negative is none.
	Heartbeat time.Duration
	// Retry, if positive, tells the client how long to wait before it comes
	// back.
	Retry time.Duration
	// Lifetime, if positive, ends the stream after that time less up to a
	// quarter of it, chosen at random. Clients come back, and so spread
	// anew over servers.
	Lifetime time.Duration
	// IDParam is the query parameter for the last event ID of clients that
	// can't set a field; "" is lastEventId.
	IDParam string
	// CORS lets pages of other origins read the stream; nil lets none.
	CORS *CORS
	// Encodings are the content codings to offer, best first; none by
	// default. [Gzip] is one.
	Encodings []Encoding
	// Group ends the stream when it is shut down.
	Group *Group
}

var defaults Options

func (o *Options) within() time.Duration { return orDefault(o.WriteTimeout, DefaultWriteTimeout) }
func (o *Options) beat() time.Duration   { return orDefault(o.Heartbeat, DefaultHeartbeat) }

// setHeader sets the fields of Header in h, under the names that net/http uses.
func (o *Options) setHeader(h http.Header) {
	for name, values := range o.Header {
		h[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
}

// orDefault is d, or the default for 0, or 0 for "none".
func orDefault(d, standard time.Duration) time.Duration {
	switch {
	case d == 0:
		return standard
	case d < 0:
		return 0
	}
	return d
}

// Handler serves event streams with f, and closes each when f returns. A
// request that opens none is answered and f is not called.
func Handler(f func(s *Stream, r *http.Request), o *Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := Accept(w, r, o)
		if err != nil {
			return // it was answered
		}
		defer s.Close()
		f(s, r)
	})
}

// Accept answers r with an event stream. w is net/http's ResponseWriter for
// HTTP/1.x or HTTP/2, or wraps it with an Unwrap method. Fields that were set
// in w.Header() go out with the answer. The deadlines of http.Server
// (WriteTimeout, ReadTimeout) no longer count for this request; each write has
// Options.WriteTimeout. The stream ends with r.Context(), which net/http ends
// when the client goes; on HTTP/1.x it can only see that once the request's
// body has been read. What the caller leaves of the body is thrown away, and
// on HTTP/1.x a client that does not send it within half of Options.WriteTimeout
// gets no stream.
//
// The caller has to call Close before its handler returns; see [Handler].
//
// On an error there is no stream and the request has been answered. The error
// is a [*RequestError] for a request that opens no stream: 200 for HEAD, 204
// for a preflight request of CORS, 403 (origin), 405 (other than GET and
// POST), 406 (text/event-stream not accepted; a missing Accept and */* accept
// it), 431 (more than 100 fields), 503 (the Group is shut down). It is another
// one, and the answer 500, where w can't flush, or can't set a write deadline
// though there is to be one, or o can't be obeyed. It is an [*EndError] where the
// head did not get through in its time.
func Accept(w http.ResponseWriter, r *http.Request, o *Options) (*Stream, error) {
	if o == nil {
		o = &defaults
	}
	h := w.Header()
	o.setHeader(h)
	a, err := o.answer(r, h)
	if err != nil {
		refuse(w, err)
		return nil, err
	}
	out, err := newHTTPSink(w, r, o.within())
	if err != nil {
		refuse(w, err)
		return nil, err
	}
	s := &Stream{}
	o.init(s, r, out, a)
	s.request = r.Context()
	if err := s.start(o); err != nil {
		return nil, err
	}
	ctl := http.NewResponseController(w)
	var due time.Time
	if r.ProtoMajor == 1 && r.Body != http.NoBody && s.within > 0 {
		// Before it sends the head, net/http reads what is left of the body,
		// and no write deadline ends that. Half of the time is for this, the
		// rest for the head. Without WriteTimeout the body has the time that
		// http.Server gives.
		due = time.Now().Add(s.within / 2)
		ctl.SetReadDeadline(due)
	}
	err = s.open(o.Retry)
	if err == nil && !due.IsZero() && r.Context().Err() != nil && !time.Now().Before(due) {
		// A read deadline that fires looks to net/http as if the client had gone.
		err = s.end(EndTimeout, fmt.Errorf("the body of the request did not come within %v", s.within/2))
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	ctl.SetReadDeadline(time.Time{})
	s.bind()
	s.startTimer()
	return s, nil
}

// AcceptConn is Accept on a connection of our own: one that was hijacked from
// net/http, or accepted and its request read by other means, the body
// included. The connection serves nothing else: the answer ends when it is
// closed, by Close or whatever else ends the stream. nc may be a [*tls.Conn].
// The context of the stream has the values of r.Context(), not its end.
//
// A client that goes is noticed at once, also while nothing is sent, by a
// goroutine that is blocked in a read for as long as the stream lives: about
// 2 KiB for each. Bytes that the client sends are thrown away, and more than
// 64 KiB of them end the stream.
//
// On an error the request has been answered as by Accept and nc is closed.
func AcceptConn(nc net.Conn, r *http.Request, o *Options) (*Stream, error) {
	if o == nil {
		o = &defaults
	}
	h := make(http.Header)
	o.setHeader(h)
	a, err := o.answer(r, h)
	if bad := handshake.CheckHeader(h); bad != nil { // h is in the answers without a stream, too
		err = fmt.Errorf("eventstream: accept: %w", bad)
	}
	if err != nil {
		refuseConn(nc, err)
		return nil, err
	}
	_, isTLS := nc.(*tls.Conn)
	both := &connStream{sink: connSink{nc: nc, raw: plainSocket(nc), head: appendHead(make([]byte, 0, 512), h), isTLS: isTLS}}
	s := &both.Stream
	o.init(s, r, &both.sink, a)
	s.raw = true
	if err := s.start(o); err != nil {
		return nil, err
	}
	if err := s.open(o.Retry); err != nil {
		return nil, err // which has closed nc
	}
	s.background(nc)
	s.startTimer()
	return s, nil
}

// appendHead appends the head of an answer whose body ends with the
// connection, which any version of HTTP/1 understands.
func appendHead(dst []byte, h http.Header) []byte {
	dst = append(dst, "HTTP/1.1 200 OK\r\nConnection: close\r\nDate: "...)
	dst = time.Now().UTC().AppendFormat(dst, http.TimeFormat)
	dst = append(dst, "\r\n"...)
	for name, values := range h {
		if name == "Date" {
			continue
		}
		for _, v := range values {
			dst = append(dst, name...)
			dst = append(dst, ": "...)
			dst = append(dst, v...)
			dst = append(dst, "\r\n"...)
		}
	}
	return append(dst, "\r\n"...)
}

// init sets the fields of s.
func (o *Options) init(s *Stream, r *http.Request, out sink, a answer) {
	s.out, s.id, s.within, s.beat, s.group, s.last = out, a.id, o.within(), o.beat(), o.Group, time.Now()
	s.turn.Lock() // until the head is out: as a member of the Group it may be sent to before
	ctx := r.Context()
	if ctx.Done() != nil {
		ctx = context.WithoutCancel(ctx)
	}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	if a.encoding != nil {
		s.zip = newZip(a.encoding)
	}
	if o.Lifetime > 0 {
		s.until = s.last.Add(lifetime(o.Lifetime))
	}
}

// start makes s a member of its Group. One that was shut down since the
// request was looked at ends it before anything is sent.
func (s *Stream) start(o *Options) error {
	if !o.Group.add(s) {
		err := s.end(EndShutdown, nil)
		if s.raw {
			s.out.(*connSink).nc.Close()
		}
		return err
	}
	return nil
}

func newHTTPSink(w http.ResponseWriter, r *http.Request, within time.Duration) (sink, error) {
	k := httpSink{w: w, flush: flusher(w)}
	if k.flush == nil {
		return nil, fmt.Errorf("eventstream: accept: the ResponseWriter can't flush (%T hides it; it needs a Flush or an Unwrap method)", w)
	}
	if ctl := writeDeadliner(w); ctl != nil {
		// The zero time takes back that of http.Server.
		err := ctl.SetWriteDeadline(time.Time{})
		if err == nil {
			k.ctl = ctl
		} else if within > 0 {
			return nil, fmt.Errorf("eventstream: accept: the ResponseWriter can't set a write deadline: %w", err)
		}
	} else if within > 0 {
		return nil, fmt.Errorf("eventstream: accept: the ResponseWriter can't set a write deadline (%T hides it; it needs an Unwrap method, or a negative Options.WriteTimeout does without)", w)
	}
	switch {
	case r.ProtoMajor >= 2:
		return &timedSink{httpSink: k, request: r.Context()}, nil
	case r.TLS != nil:
		return &timedSink{httpSink: k}, nil
	}
	return &k, nil
}

// refuse answers on net/http.
func refuse(w http.ResponseWriter, err error) {
	e := refusal(err)
	h := w.Header()
	h.Del("Content-Length")
	h.Del("Content-Encoding")
	h.Set("Cache-Control", "no-store")
	for name, values := range e.header {
		h[name] = values
	}
	if e.Status < http.StatusBadRequest {
		w.WriteHeader(e.Status)
		return
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(e.Status)
	io.WriteString(w, e.Reason+"\n")
}

// Bounds of a refusal on a raw connection.
const (
	refusalTimeout = 2 * time.Second // for the client to take it
	refusalDrain   = 64 << 10        // bytes of it that are read and thrown away
)

// refuseConn answers on a raw connection and closes it.
func refuseConn(nc net.Conn, err error) {
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(refusalTimeout))
	e := refusal(err)
	var b []byte
	if e.Status < http.StatusBadRequest {
		b = append(b, "HTTP/1.1 "...)
		b = strconv.AppendInt(b, int64(e.Status), 10)
		b = append(b, ' ')
		b = append(b, http.StatusText(e.Status)...)
		b = append(b, "\r\nConnection: close\r\n"...)
		for name, values := range e.header {
			for _, v := range values {
				b = append(b, name+": "+v+"\r\n"...)
			}
		}
		b = append(b, "\r\n"...)
	} else {
		b = handshake.AppendError(nil, &handshake.Error{Status: e.Status, Reason: e.Reason, Header: e.header})
	}
	if _, err := nc.Write(b); err != nil {
		return
	}
	// A socket that is closed with unread bytes in it sends a reset, which can
	// overtake the answer.
	cw, ok := nc.(interface{ CloseWrite() error })
	if !ok || cw.CloseWrite() != nil {
		return
	}
	io.CopyN(io.Discard, nc, refusalDrain)
}
