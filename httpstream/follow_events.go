package httpstream

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pushwire/pushwire/eventstream"
	"github.com/pushwire/pushwire/topic"
)

// Names of the event stream that are not types of items.
const (
	eventReset   = "pushwire:reset"
	suffixBase64 = ";base64"
)

// errOpened makes the decoder come back once it is known where the stream
// begins. It reads on afterwards.
var errOpened = errors.New("httpstream: follow: the event stream has begun")

// eventSource reads an event stream.
type eventSource struct {
	l       *link
	body    io.ReadCloser
	dec     *eventstream.Decoder
	opening bool
	first   *news // came while it was opened
}

func (f *follower) openEvents(l *link, after topic.Cursor) (source, error) {
	res, err := f.get(l, f.target.at(after), typeEvents)
	if err != nil {
		return nil, err
	}
	if err := l.accept(res, typeEvents); err != nil {
		return nil, err
	}
	s := &eventSource{l: l, body: res.Body, opening: true}
	s.dec = eventstream.NewDecoder(s)
	s.dec.MaxEvent = f.o.MaxMessage
	n, err := s.next()
	if errors.Is(err, errOpened) {
		n, err = news{kind: newsPlace, item: topic.Item{Cursor: topic.Cursor(s.dec.LastEventID())}}, nil
	}
	if err != nil {
		s.close()
		return nil, err
	}
	s.opening, s.first = false, &n
	return s, nil
}

// Read is what the decoder reads from. What was read before is decoded by
// then, so that the ID of a block without data, which fires no event, is known.
func (s *eventSource) Read(p []byte) (int, error) {
	if s.opening && s.dec.LastEventID() != "" {
		return 0, errOpened
	}
	return (&body{s.body, s.l}).Read(p)
}

func (s *eventSource) next() (n news, err error) {
	if s.first != nil {
		n, s.first = *s.first, nil
		return n, nil
	}
	var ev eventstream.Event
	if err := s.dec.Decode(&ev); err != nil {
		return n, s.ended(err)
	}
	n.kind = newsItem
	n.item = topic.Item{Cursor: topic.Cursor(ev.ID), Type: ev.Type}
	if ev.Type == eventReset {
		var g goneJSON
		if err := json.Unmarshal(ev.Data, &g); err != nil {
			return n, s.l.notUnderstood(err)
		}
		n.kind, n.gone, n.item.Type = newsGone, g.gone(), ""
		return n, nil
	}
	if typ, ok := strings.CutSuffix(ev.Type, suffixBase64); ok {
		n.item.Type, n.item.Binary = typ, true
		if n.item.Data, err = base64.StdEncoding.AppendDecode(nil, ev.Data); err != nil {
			return n, s.l.notUnderstood(err)
		}
		return n, nil
	}
	n.item.Data = bytes.Clone(ev.Data)
	return n, nil
}

// ended looks at the end of the stream.
func (s *eventSource) ended(err error) error {
	var large *eventstream.TooLargeError
	switch {
	case errors.Is(err, errOpened):
		return err
	case errors.As(err, &large):
		return &finalError{err}
	case err == io.EOF:
		err = errEnded
	default:
		err = fmt.Errorf("httpstream: follow: the event stream broke off: %w", err)
	}
	if retry, ok := s.dec.Retry(); ok {
		err = &hintError{err, min(retry, mostRetryHint)}
	}
	return err
}

func (s *eventSource) close() { s.body.Close() }
