package httpstream

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/internal/held"
	"github.com/pushwire/pushwire/topic"
)

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
	for _, k := range []struct {
		name   string
		h      http.Handler
		writes int // until all is sent: the last has what is left behind the last whole piece
	}{
		{"JSON lines", Stream(&log, nil), 5},
		{"event stream", Events(&log, nil), 4},
		{"long poll", LongPoll(&log, nil), 4},
	} {
		for _, proto := range []int{1, 2} {
			for writes := range k.writes {
				t.Run(fmt.Sprintf("%s/HTTP%d/%d", k.name, proto, writes), func(t *testing.T) {
					for range 4 { // under the race detector a pool drops some
						r := httptest.NewRequest("GET", "/?wait=0", nil)
						r.ProtoMajor = proto
						w := &held.Refuser{Takes: writes}
						k.h.ServeHTTP(w, r)
						if w.Held == nil {
							t.Fatal("no write has failed")
						}
						scribble()
						if !bytes.Equal(w.Held, w.Was) {
							t.Fatalf("what was refused, %.40q, was lent and overwritten: %.40q", w.Was, w.Held)
						}
					}
				})
			}
		}
	}
}
