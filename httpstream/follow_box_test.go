package httpstream

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/internal/middlebox"
	"github.com/pushwire/pushwire/topic"
)

// boxed is the genuine Handler behind a box, in a bubble.
type boxed struct {
	log    *topic.Log
	client *http.Client
}

func behind(t *testing.T, kind middlebox.Kind, o *Options, f func(t *testing.T, b *boxed)) {
	synctest.Test(t, func(t *testing.T) {
		front, back := newNetsim(), newNetsim()
		l, _ := back.listen()
		outside, _ := front.listen()
		log := &topic.Log{MaxItems: 1 << 20}
		srv := &http.Server{Handler: Handler(log, o)}
		served := make(chan struct{})
		go func() {
			srv.Serve(l)
			close(served)
		}()
		box, err := middlebox.Start(kind, "server:80", &middlebox.Options{Listener: outside, Dial: back.dial})
		if err != nil {
			t.Fatal(err)
		}
		tr := &http.Transport{DialContext: front.dial}
		defer func() {
			log.Close()
			tr.CloseIdleConnections()
			box.Close()
			srv.Close()
			front.cut()
			back.cut()
			<-served
		}()
		f(t, &boxed{log, &http.Client{Transport: tr}})
	})
}

// Behind each box Follow ends on the best transport that gets through it, and
// all arrives, once and in order.
func TestFollowBehindBoxes(t *testing.T) {
	quiet, busy := 20*time.Second, 500*time.Millisecond
	for _, tt := range []struct {
		name  string
		kind  middlebox.Kind
		every time.Duration // an item
		o     *Options
		want  Transport
		why   string
	}{
		{"drops Upgrade", middlebox.DropUpgrade, quiet, nil, TransportEventStream, "plain answers flow"},
		{"buffers", middlebox.Buffer, quiet, nil, TransportLongPoll, "only answers that end arrive"},
		{"collects", middlebox.Collect, quiet, nil, TransportLongPoll, "the end of a stream is held back"},
		{"cuts idle, quiet topic", middlebox.CutIdle, quiet, nil, TransportLongPoll, "it is asked again before the cut"},
		{"cuts idle, busy topic", middlebox.CutIdle, busy, nil, TransportSocket, "it is never idle"},
		{"cuts idle, quick heartbeat", middlebox.CutIdle, quiet, &Options{Heartbeat: 3 * time.Second}, 0, "a heartbeat keeps a stream alive"},
		{"HTTP/1.0", middlebox.HTTP10, quiet, nil, TransportEventStream, "an answer without a length flows until the connection ends"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			behind(t, tt.kind, tt.o, func(t *testing.T, b *boxed) {
				const n = 120
				go func() {
					for i := range n {
						time.Sleep(tt.every)
						b.log.Append("", fmt.Append(nil, i+1))
					}
				}()
				inUse := make(map[Transport]time.Duration)
				var last Transport
				since := time.Now()
				o := &FollowOptions{HTTP: b.client, OnState: func(s State) {
					inUse[last] += time.Since(since)
					since, last = time.Now(), 0
					if s.Connected {
						last = s.Transport
					}
				}}
				var got []topic.Item
				late := time.Duration(0)
				for it, err := range Follow(t.Context(), "http://mem/", o) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, it)
					late = max(late, time.Since(began)-time.Duration(len(got))*tt.every)
					if len(got) == n {
						break
					}
				}
				inUse[last] += time.Since(since)
				wantInOrder(t, got, n)
				most := Transport(0)
				for transport, d := range inUse {
					if d > inUse[most] {
						most = transport
					}
				}
				t.Logf("%v in use, an item was %v late at most", inUse, late)
				switch {
				case tt.want == 0 && (most == 0 || most > TransportEventStream):
					t.Errorf("%v was in use most of the time, want one that is pushed", most)
				case tt.want != 0 && most != tt.want:
					t.Errorf("%v was in use most of the time, want %v: %s", most, tt.want, tt.why)
				case float64(inUse[most]) < 0.8*float64(time.Since(began)):
					t.Errorf("%v was in use for %v of %v only", most, inUse[most], time.Since(began))
				}
			})
		})
	}
}

// A box that collects lets the beginning of a stream through, and a piece of
// what was there before, so that it looks well; but the rest does not come.
func TestFollowNoticesWhatIsHeldBack(t *testing.T) {
	behind(t, middlebox.Collect, nil, func(t *testing.T, b *boxed) {
		const before, n = 500, 600
		publish(b.log, 1, before)
		go func() {
			for i := range n - before {
				time.Sleep(7 * time.Second)
				b.log.Append("", fmt.Append(nil, before+i+1))
			}
		}()
		var used []Transport
		o := &FollowOptions{HTTP: b.client, ClimbAfter: -1, OnState: func(s State) {
			if s.Connected {
				used = append(used, s.Transport)
			}
		}}
		var got []topic.Item
		for it, err := range Follow(t.Context(), "http://mem/", o) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, it); len(got) == before {
				if since := time.Since(began); since > 30*time.Second {
					t.Errorf("what was there before took %v", since)
				}
			}
			if len(got) > before+5 {
				if late := time.Since(began) - time.Duration(len(got)-before)*7*time.Second; late > 0 {
					t.Fatalf("item %d came after %v; used %v", len(got), late, used)
				}
			}
			if len(got) == n {
				break
			}
		}
		wantInOrder(t, got, n)
		if last := used[len(used)-1]; last != TransportLongPoll {
			t.Errorf("it ended on %v", last)
		}
	})
}

// Publish gets through all of them.
func TestPublishBehindBoxes(t *testing.T) {
	for _, kind := range []middlebox.Kind{middlebox.DropUpgrade, middlebox.Buffer, middlebox.Collect, middlebox.CutIdle, middlebox.HTTP10} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			o := &Options{Allow: func(*http.Request) error { return nil }}
			behind(t, kind, o, func(t *testing.T, b *boxed) {
				for i := range 3 {
					p := topic.Publication{Data: fmt.Append(nil, i+1)}
					if _, err := Publish(t.Context(), "ws://mem/", p, &PublishOptions{HTTP: b.client}); err != nil {
						t.Fatal(err)
					}
				}
				items, err := b.log.Read(t.Context(), "", make([]topic.Item, 0, 10))
				if err != nil {
					t.Fatal(err)
				}
				wantInOrder(t, items, 3)
			})
		})
	}
}
