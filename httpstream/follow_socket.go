package httpstream

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/topic"
)

// socketSource reads a WebSocket.
type socketSource struct {
	l     *link
	c     *pushwire.Conn
	first *news // came while it was opened
}

func (f *follower) openSocket(l *link, after topic.Cursor) (source, error) {
	o := *f.dial
	o.NetDial = l.reaching(o.NetDial)
	onPing := o.OnPing
	o.OnPing = func(c *pushwire.Conn, payload []byte) {
		l.sign()
		if onPing != nil {
			onPing(c, payload)
		}
	}
	c, res, err := pushwire.Dial(l.ctx, f.target.at(after), &o)
	if err != nil {
		return nil, l.socketRefusal(res, err)
	}
	s := &socketSource{l: l, c: c}
	n, err := s.next()
	if err != nil {
		s.close()
		return nil, err
	}
	s.first = &n
	return s, nil
}

// socketRefusal says why there is no connection.
func (l *link) socketRefusal(res *http.Response, err error) error {
	if res == nil {
		return err
	}
	if res.StatusCode >= 400 {
		b, _ := io.ReadAll(io.LimitReader(res.Body, maxRefusal))
		return statusError(l.transport, res.StatusCode, res.Header, b)
	}
	return &TransportError{Transport: l.transport, Reason: "the answer to the handshake is another one", Err: err}
}

func (s *socketSource) next() (n news, err error) {
	if s.first != nil {
		n, s.first = *s.first, nil
		return n, nil
	}
	typ, p, err := s.c.Read(s.l.ctx)
	if err != nil {
		return n, s.ended(err)
	}
	s.l.sign()
	if typ == frame.Binary {
		return s.l.binary(p)
	}
	return s.l.line(p)
}

// ended looks at the end of the connection.
func (s *socketSource) ended(err error) error {
	var ce *pushwire.CloseError
	if !errors.As(err, &ce) {
		return err
	}
	switch ce.Code {
	case frame.CodeTooBig:
		if !ce.Remote {
			return &finalError{err}
		}
	case frame.CodeGoingAway, frame.CodeServiceRestart, frame.CodeTryAgainLater:
		s.l.orderly = ce.Remote
	}
	return err
}

func (s *socketSource) close() { s.c.CloseNow() }

// line takes a line of a stream or a text message.
func (l *link) line(p []byte) (n news, err error) {
	ln, err := parseLine(p)
	if err != nil {
		return n, l.notUnderstood(err)
	}
	n.item = ln.Item
	switch ln.Kind {
	case lineItem:
		n.kind = newsItem
	case linePosition:
		n.kind = newsPlace
	case lineReset:
		n.kind, n.gone = newsGone, ln.Reset
	}
	return n, nil
}

// binary takes a binary message: cursor, LF, type, LF and then the data. p is
// retained.
func (l *link) binary(p []byte) (n news, err error) {
	cursor, rest, ok := bytes.Cut(p, []byte("\n"))
	typ, data, ok2 := bytes.Cut(rest, []byte("\n"))
	if !ok || !ok2 || len(cursor) > topic.MaxCursor {
		return n, l.notUnderstood(errors.New("a binary message without cursor and type"))
	}
	n.kind = newsItem
	n.item = topic.Item{Cursor: topic.Cursor(cursor), Type: string(typ), Data: data, Binary: true}
	if n.item.Type == "" {
		n.item.Type = topic.DefaultType
	}
	return n, nil
}

func (l *link) notUnderstood(err error) error {
	return &TransportError{Transport: l.transport, Reason: "what comes is not understood", Err: err}
}
