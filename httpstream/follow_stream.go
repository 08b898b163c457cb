package httpstream

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/pushwire/pushwire/topic"
)

// errEnded is the end of an answer that has none by itself.
var errEnded = fmt.Errorf("httpstream: follow: the server ended its answer: %w", io.EOF)

// streamSource reads lines of JSON.
type streamSource struct {
	l     *link
	body  io.Closer
	lines lineReader
	first *news // came while it was opened
}

func (f *follower) openStream(l *link, after topic.Cursor) (source, error) {
	res, err := f.get(l, f.target.at(after), typeNDJSON)
	if err != nil {
		return nil, err
	}
	if err := l.accept(res, typeNDJSON); err != nil {
		return nil, err
	}
	s := &streamSource{l: l, body: res.Body}
	s.lines = lineReader{r: bufio.NewReader(&body{res.Body, l}), limit: f.o.MaxMessage}
	n, err := s.next()
	if err != nil {
		s.close()
		return nil, err
	}
	s.first = &n
	return s, nil
}

func (s *streamSource) next() (n news, err error) {
	if s.first != nil {
		n, s.first = *s.first, nil
		return n, nil
	}
	p, err := s.lines.next()
	if err != nil {
		return n, err
	}
	return s.l.line(p)
}

func (s *streamSource) close() { s.body.Close() }

// lineReader reads lines up to a limit. One that its end does not follow is
// none.
type lineReader struct {
	r     *bufio.Reader
	limit int    // bytes of a line
	long  []byte // a line that the buffer of r does not hold
}

// next returns a line that is not empty, without its end. It is valid until
// the next call.
func (lr *lineReader) next() ([]byte, error) {
	lr.long = lr.long[:0]
	for {
		p, err := lr.r.ReadSlice('\n')
		if len(lr.long)+len(p) > lr.limit+len("\n") {
			return nil, &finalError{fmt.Errorf("httpstream: follow: a line is longer than %d bytes", lr.limit)}
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			lr.long = append(lr.long, p...)
			continue
		case err == io.EOF:
			return nil, errEnded
		case err != nil:
			return nil, fmt.Errorf("httpstream: follow: the stream broke off: %w", err)
		}
		if len(lr.long) > 0 {
			lr.long = append(lr.long, p...)
			p = lr.long
		}
		if p = p[:len(p)-1]; len(p) > 0 {
			return p, nil
		}
		lr.long = lr.long[:0]
	}
}
