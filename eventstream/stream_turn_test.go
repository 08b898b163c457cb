package eventstream_test

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/eventstream"
	"github.com/pushwire/pushwire/internal/memconn"
)

// Who waits for a write of another goroutine, to a client that is stuck, does
// not stop the clock of a bubble: the deadline of that write comes, and both
// end. fuzz.FuzzApplication found it, with a shutdown as the second one.
func TestWaitForTheTurnLetsFakeTimePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := memconn.PipeSize(1 << 10)
		r, err := http.NewRequest("GET", "http://a/", nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := eventstream.AcceptConn(ours, r, &eventstream.Options{WriteTimeout: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var both sync.WaitGroup
		both.Go(func() {
			if err := s.Send(eventstream.Event{Data: make([]byte, 1<<20)}); err == nil {
				t.Error("a client that does not read took a MiB")
			}
		})
		synctest.Wait()
		both.Go(func() {
			if err := s.Comment("behind it"); err == nil {
				t.Error("something was sent behind a write that had failed")
			}
		})
		both.Wait()
		if took := time.Since(began); took < 10*time.Second || took > 13*time.Second {
			t.Errorf("they took %v, want about the 10 s of a write", took)
		}
		s.Close()
		theirs.Close()
	})
}
