package httpstream

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/pushwire/pushwire/topic"
)

const (
	pollMargin = 10 * time.Second // for an answer, on top of the time that the server was asked to wait
	pollLeast  = time.Second      // shortest wait that a long poll comes down to
)

// pollSource polls, long or short.
type pollSource struct {
	f      *follower
	l      *link
	long   bool
	cursor topic.Cursor // to ask after

	items []topic.Item // of the last answer
	more  []news       // what came with it, beside them
	rest  bool         // the server has more at once
	pause time.Duration
	gone  time.Time // of the last 410
	early int       // long polls in a row that ended early without anything
}

// openPoll asks once, without a wait. That long polls get through as well is
// not proved by it; see pollWait.
func (f *follower) openPoll(l *link, after topic.Cursor) (source, error) {
	s := &pollSource{f: f, l: l, long: l.transport == TransportLongPoll, cursor: after}
	if err := s.poll(0); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *pollSource) next() (news, error) {
	for {
		switch {
		case len(s.items) > 0:
			it := s.items[0]
			s.items = s.items[1:]
			return news{kind: newsItem, item: it}, nil
		case len(s.more) > 0:
			n := s.more[0]
			s.more = s.more[1:]
			return n, nil
		}
		if !s.rest && !sleep(s.l.ctx, s.pause) {
			return news{}, s.l.ctx.Err()
		}
		if err := s.ask(); err != nil {
			return news{}, err
		}
	}
}

// ask polls as long as the transport does.
func (s *pollSource) ask() error {
	if !s.long {
		return s.poll(0)
	}
	began := time.Now()
	wait := s.f.wait.get(began)
	err := s.poll(wait)
	took := time.Since(began)
	switch {
	case err != nil:
		s.f.wait.failed(wait, took, time.Now(), s.f.o.ClimbAfter)
	case len(s.items) > 0 || s.rest || s.pause > 0 || took > wait/2:
		s.early = 0 // that it is somewhere else now is not what it was asked for
	default:
		// A server that goes down does this once. One that does not wait at
		// all is not to be asked without end.
		if s.early++; s.early == 1 {
			s.pause = rand.N(time.Second)
		} else {
			s.pause = s.interval()
		}
	}
	return err
}

// interval is the time between two polls, with a tenth at random, so that
// clients that began together do not stay together.
func (s *pollSource) interval() time.Duration {
	d := s.f.o.Interval
	return d - d/20 + rand.N(d/10+1)
}

// poll makes one request and takes its answer.
func (s *pollSource) poll(wait time.Duration) error {
	s.rest, s.pause = false, 0
	if !s.long {
		s.pause = s.interval()
	}
	var pairs []string
	if s.long {
		pairs = append(pairs, "wait", strconv.FormatFloat(float64(wait.Milliseconds())/1e3, 'f', -1, 64))
	}
	limit := wait + pollMargin
	head := time.AfterFunc(limit, func() { s.l.cancel(&SilentError{After: limit}) })
	res, err := s.f.get(s.l, s.f.target.at(s.cursor, pairs...), typeJSON)
	head.Stop()
	if err != nil {
		return err
	}
	defer res.Body.Close()
	s.l.sign()
	switch res.StatusCode {
	case http.StatusOK:
		return s.answer(res)
	case http.StatusNoContent, http.StatusNotModified:
		if c := topic.Cursor(res.Header.Get(headerCursor)); c != "" {
			s.at(c)
		}
		return nil
	}
	se := s.l.refusal(res)
	if se.StatusCode != http.StatusGone || se.Token != tokenGone {
		return se
	}
	gone := parseRefusal(se.Body).Gone
	s.cursor = gone.Oldest
	// One after the other is no server that keeps a log. It may be two of them
	// behind one address, each of which sends us back to the other.
	now := time.Now()
	if s.rest = now.Sub(s.gone) >= s.f.o.Interval; !s.rest {
		s.pause = s.interval()
	}
	s.gone = now
	s.more = append(s.more, news{kind: newsGone, item: topic.Item{Cursor: gone.Oldest}, gone: gone})
	return nil
}

// answer takes a 200.
func (s *pollSource) answer(res *http.Response) error {
	if ct := res.Header.Get("Content-Type"); !hasMediaType(ct, typeJSON) {
		return &TransportError{Transport: s.l.transport, Reason: fmt.Sprintf("the answer has the content type %.100q and not %q", ct, typeJSON)}
	}
	limit := s.f.o.MaxMessage
	b, err := io.ReadAll(io.LimitReader(&body{res.Body, s.l}, int64(limit)+1))
	if err != nil {
		return fmt.Errorf("httpstream: follow: the answer broke off: %w", err)
	}
	if len(b) > limit {
		return &finalError{fmt.Errorf("httpstream: follow: an answer is longer than %d bytes", limit)}
	}
	a, err := parseAnswer(b)
	if err != nil {
		return s.l.notUnderstood(err)
	}
	s.items, s.rest = a.Items, a.More && len(a.Items) > 0 && a.Cursor != s.cursor
	s.at(a.Cursor)
	return nil
}

// at takes the place after an answer.
func (s *pollSource) at(c topic.Cursor) {
	if c != s.cursor {
		s.more = append(s.more, news{kind: newsPlace, item: topic.Item{Cursor: c}})
	}
	s.cursor = c
}

func (s *pollSource) close() {}

// pollWait is how long long polls may take: what the application allows, until
// something on the way cuts them. Then it is half of what got through, and
// the whole is tried again later.
type pollWait struct {
	longest time.Duration
	short   time.Duration
	again   time.Duration // from the last cut to the next trial
	until   time.Time     // short counts until then
}

func (w *pollWait) get(now time.Time) time.Duration {
	if now.Before(w.until) {
		return w.short
	}
	return w.longest
}

// failed is told of a poll that failed after some time. One that failed at
// once was not cut for its length. It may have been cut twice: net/http repeats
// by itself a GET whose connection ended without an answer.
func (w *pollWait) failed(asked, took time.Duration, now time.Time, climbAfter time.Duration) {
	if took < pollLeast {
		return
	}
	w.short = max(min(took, asked)/2, pollLeast).Truncate(time.Millisecond)
	w.again = min(max(2*w.again, climbAfter, DefaultClimbAfter), climbMost)
	w.until = now.Add(w.again)
}
