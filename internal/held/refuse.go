package held

import (
	"bytes"
	"errors"
	"net/http"
	"time"
)

// ErrRefused is what a [Refuser] fails with.
var ErrRefused = errors.New("the stream has ended")

// Refuser is a ResponseWriter whose Write fails at last, and which goes on reading
// what it has refused, as net/http's HTTP/2 once did when a stream ended while a
// frame of it was on its way. One goroutine may use it at a time.
type Refuser struct {
	Takes int // writes before it refuses

	Held []byte // what it refused first: the caller's memory
	Was  []byte // what that was when Write returned

	fields http.Header
}

// Header implements [http.ResponseWriter].
func (r *Refuser) Header() http.Header {
	if r.fields == nil {
		r.fields = make(http.Header)
	}
	return r.fields
}

// What follows is for http.ResponseController too.

func (*Refuser) WriteHeader(int)                  {}
func (*Refuser) FlushError() error                { return nil }
func (*Refuser) SetWriteDeadline(time.Time) error { return nil }
func (*Refuser) SetReadDeadline(time.Time) error  { return nil }

func (r *Refuser) Write(p []byte) (int, error) {
	if r.Takes--; r.Takes >= 0 {
		return len(p), nil
	}
	if r.Held == nil {
		r.Held, r.Was = p, bytes.Clone(p)
	}
	return 0, ErrRefused
}
