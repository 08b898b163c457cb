package httpstream

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// holder is a ResponseWriter whose Write fails at last, and which goes on reading
// what it has refused, as net/http's HTTP/2 once did when a stream ended while a
// frame of it was on its way.
type holder struct {
	header http.Header
	writes int    // that are taken
	held   []byte // the caller's memory
	was    []byte // what it was when Write returned
}

var errRefused = errors.New("the stream has ended")

func (h *holder) Header() http.Header              { return h.header }
func (h *holder) WriteHeader(int)                  {}
func (h *holder) FlushError() error                { return nil }
func (h *holder) SetWriteDeadline(time.Time) error { return nil }
func (h *holder) SetReadDeadline(time.Time) error  { return nil }

func (h *holder) Write(p []byte) (int, error) {
	if h.held != nil {
		return 0, errRefused
	}
	if h.writes--; h.writes < 0 {
		h.held, h.was = p, bytes.Clone(p)
		return 0, errRefused
	}
	return len(p), nil
}

// scribble has all memory that is lent next written to from end to end.
func scribble() {
	for p := lineBuffers.Get().(*[]byte); cap(*p) > 0; p = lineBuffers.Get().(*[]byte) { // else it is new
		b := (*p)[:cap(*p)]
		for i := range b {
			b[i] = '!'
		}
	}
}

// Memory that a write has failed with is lent to nobody else: a ResponseWriter
// that still reads it would send what is another client's.
func TestRefusedMemoryIsNotLentAgain(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // a pool for each; all is to be found in one
	var log topic.Log
	for range 100 {
		log.Append("", []byte(strings.Repeat("x", 1000)))
	}
	for name, h := range map[string]http.Handler{
		"JSON lines":   Stream(&log, nil),
		"event stream": Events(&log, nil),
		"long poll":    LongPoll(&log, nil),
	} {
		for _, proto := range []int{1, 2} {
			for writes := range 4 { // some come at the end of what there is, and of a piece
				t.Run(fmt.Sprintf("%s/HTTP%d/%d", name, proto, writes), func(t *testing.T) {
					for range 4 { // under the race detector a pool drops some
						r := httptest.NewRequest("GET", "/?wait=0", nil)
						r.ProtoMajor = proto
						w := &holder{header: make(http.Header), writes: writes}
						h.ServeHTTP(w, r)
						if w.held == nil {
							t.Fatal("no write has failed")
						}
						scribble()
						if !bytes.Equal(w.held, w.was) {
							t.Fatalf("what was refused, %.40q, was lent and overwritten: %.40q", w.was, w.held)
						}
					}
				})
			}
		}
	}
}
