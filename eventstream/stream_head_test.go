package eventstream

import (
	"net/http/httptest"
	"testing"
	"time"
)

// order is a sink that notes what comes first.
type order struct{ did []string }

func (k *order) open(p []byte) error          { k.did = append(k.did, "head"); return nil }
func (k *order) write(p []byte) error         { k.did = append(k.did, string(p)); return nil }
func (k *order) arm(time.Time, time.Duration) {}
func (k *order) disarm()                      {}
func (k *order) close([]byte, time.Time)      {}

// A stream is a member of its Group before its head is out. Who sends to all
// members at that moment has to wait: on a raw connection the event would be
// where the status line belongs.
func TestNothingGoesOutBeforeTheHead(t *testing.T) {
	var g Group
	o := &Options{Group: &g}
	k := &order{}
	s := &Stream{}
	o.init(s, httptest.NewRequest("GET", "/", nil), k, answer{})
	if err := s.start(o); err != nil || g.Len() != 1 {
		t.Fatal(err, g.Len())
	}
	if s.turn.TryLock() {
		t.Fatal("a member can be written to before its head")
	}
	sent := make(chan error)
	go func() {
		for s := range g.All() {
			sent <- s.SendRaw([]byte("event"))
		}
	}()
	if err := s.open(0); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil || len(k.did) != 2 || k.did[0] != "head" || k.did[1] != "event" {
		t.Errorf("%q, %v", k.did, err)
	}
	s.Close()
}
