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
						w := &held.Refuser{Takes: writes}
						h.ServeHTTP(w, r)
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
