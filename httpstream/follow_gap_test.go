package httpstream

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// Items that the log has dropped are told, once, and the loop goes on with the
// oldest that there are.
func TestFollowTellsOfAGap(t *testing.T) {
	overAllTransports(t, func(t *testing.T, w *world, transport Transport) {
		w.log.MaxItems = 10
		publish(w.log, 1, 5)
		var gaps []*topic.GoneError
		n, last := 0, 0
		for it, err := range Follow(t.Context(), "http://mem/", w.options(transport)) {
			var gone *topic.GoneError
			if errors.As(err, &gone) {
				if it.Cursor != "" || it.Data != nil {
					t.Errorf("an error comes with an item: %v", it)
				}
				gaps = append(gaps, gone)
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			n++
			fmt.Sscan(string(it.Data), &last)
			if n == 5 {
				// The connection is lost, and the reader falls behind.
				w.net.set(errors.New("down"), false)
				w.net.cut()
				publish(w.log, 6, 100)
				w.net.set(nil, false)
			}
			if n == 6 && last != 91 {
				t.Errorf("it goes on with %d", last)
			}
			if last == 100 {
				break
			}
		}
		if len(gaps) != 1 {
			t.Fatalf("%d gaps were told: %v", len(gaps), gaps)
		}
		_, after, _ := gaps[0].After.Split()
		_, oldest, _ := gaps[0].Oldest.Split()
		_, head, _ := gaps[0].Head.Split()
		if after != 5 || oldest != 90 || head != 100 || n != 15 {
			t.Errorf("%d items, gap after %d, oldest %d, head %d", n, after, oldest, head)
		}
	})
}

// A server that begins anew, under another epoch, is a gap too.
func TestFollowTellsOfAnotherEpoch(t *testing.T) {
	overAllTransports(t, func(t *testing.T, w *world, transport Transport) {
		publish(w.log, 1, 5)
		gaps := 0
		var got []string
		for it, err := range Follow(t.Context(), "http://mem/", w.options(transport)) {
			var gone *topic.GoneError
			switch {
			case errors.As(err, &gone):
				gaps++
				continue
			case err != nil:
				t.Fatal(err)
			}
			if got = append(got, string(it.Data)); len(got) == 5 {
				w.server.mu.Lock()
				w.log.Close()
				w.log = &topic.Log{}
				w.server.src = w.log
				w.server.mu.Unlock()
				publish(w.log, 1, 5)
				w.net.cut()
			}
			if len(got) == 10 {
				break
			}
		}
		if gaps != 1 || fmt.Sprint(got) != "[1 2 3 4 5 1 2 3 4 5]" {
			t.Errorf("%d gaps, %v", gaps, got)
		}
	})
}

func TestFollowMayBeLeftAtAGap(t *testing.T) {
	overAllTransports(t, func(t *testing.T, w *world, transport Transport) {
		w.log.MaxItems = 1
		publish(w.log, 1, 5)
		o := w.options(transport)
		b, _ := w.log.Bounds(t.Context())
		epoch, _, _ := b.Head.Split()
		o.After = topic.At(epoch, 1)
		n := 0
		for _, err := range Follow(t.Context(), "http://mem/", o) {
			var gone *topic.GoneError
			if n++; !errors.As(err, &gone) {
				t.Error(err)
			}
			break
		}
		if n != 1 {
			t.Errorf("%d steps", n)
		}
	})
}

// An item that a server swallows is noticed by its number and asked for again.
func TestFollowNoticesWhatIsMissing(t *testing.T) {
	overAllTransports(t, func(t *testing.T, w *world, transport Transport) {
		publish(w.log, 1, 10)
		swallow := 2 // times
		w.server.alter = func(_ Transport, it topic.Item) *topic.Item {
			if string(it.Data) == "7" && swallow > 0 {
				swallow--
				return nil
			}
			return &it
		}
		items, err := w.follow(w.options(transport), 10, nil)
		if err != nil {
			t.Error(err)
		}
		wantInOrder(t, items, 10)
		var h *HoleError
		lost := 0
		for _, s := range w.states {
			if errors.As(s.Err, &h) && !s.Connected {
				lost++
			}
		}
		if lost != 2 {
			t.Errorf("%d holes were told, want 2", lost)
		}
	})
}

// What does not come however often it is asked for is a gap: the loop is told
// and goes on.
func TestFollowTellsOfWhatNeverComes(t *testing.T) {
	overAllTransports(t, func(t *testing.T, w *world, transport Transport) {
		publish(w.log, 1, 10)
		w.server.alter = func(_ Transport, it topic.Item) *topic.Item {
			if d := string(it.Data); d == "7" || d == "8" {
				return nil
			}
			return &it
		}
		items, err := w.follow(w.options(transport), 8, nil)
		var gone *topic.GoneError
		if !errors.As(err, &gone) {
			t.Fatal(err)
		}
		_, after, _ := gone.After.Split()
		_, oldest, _ := gone.Oldest.Split()
		if after != 6 || oldest != 8 || string(items[6].Data) != "9" {
			t.Errorf("gap after %d up to %d, then %q", after, oldest, items[6].Data)
		}
	})
}

// A better transport is asked for what follows a place that the loop has passed
// by the time that it takes over. What was gone from there on had come already.
func TestFollowPassesOverAGapThatWasNone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		sockets := 0
		w.server.instead = func(transport Transport, rw http.ResponseWriter, r *http.Request) bool {
			if transport != TransportSocket {
				return false
			}
			if sockets++; sockets == 1 {
				rw.WriteHeader(http.StatusNotFound)
				return true
			}
			epoch, seq, err := topic.Cursor(r.URL.Query().Get("after")).Split()
			if err != nil {
				t.Error(err)
			}
			time.Sleep(3 * time.Second) // the loop goes on by 30 items
			gone := &topic.GoneError{After: topic.At(epoch, seq), Oldest: topic.At(epoch, seq+10), Head: w.server.resolve(topic.Now)}
			send, ctx, end := w.server.begin(transport, rw, r)
			defer end()
			send(news{kind: newsGone, item: topic.Item{Cursor: gone.Oldest}, gone: gone})
			w.server.stream(ctx, transport, gone.Oldest, send)
			return true
		}
		go func() {
			for i := range 1_000 {
				time.Sleep(100 * time.Millisecond)
				w.log.Append("", fmt.Append(nil, i+1))
			}
		}()
		items, err := w.follow(w.options(), 1_000, nil)
		if err != nil {
			t.Errorf("a gap was told: %v", err)
		}
		wantInOrder(t, items, 1_000)
		if sockets != 2 {
			t.Errorf("WebSocket was tried %d times", sockets)
		}
	})
}

// Where a reset leads is where the loop asks next, and what the application
// keeps: it has to be a place.
func TestFollowTakesNoNonsenseForAPlace(t *testing.T) {
	overAllTransports(t, func(t *testing.T, w *world, transport Transport) {
		publish(w.log, 1, 3)
		answered := 0
		w.server.instead = func(transport Transport, rw http.ResponseWriter, r *http.Request) bool {
			if answered++; answered > 1 {
				return false
			}
			gone := &topic.GoneError{After: "x-1", Oldest: "nowhere", Head: "x-9"}
			if transport >= TransportLongPoll {
				rw.Header().Set("Content-Type", typeJSON)
				rw.WriteHeader(http.StatusGone)
				rw.Write(appendRefusal(nil, tokenGone, "gone", gone))
				return true
			}
			send, ctx, end := w.server.begin(transport, rw, r)
			defer end()
			send(news{kind: newsGone, item: topic.Item{Cursor: gone.Oldest}, gone: gone})
			<-ctx.Done()
			return true
		}
		items, err := w.follow(w.options(transport), 3, nil)
		if err != nil {
			t.Error(err)
		}
		wantInOrder(t, items, 3)
		if w.states[1].Connected || !strings.Contains(fmt.Sprint(w.states[1].Err), "nowhere") {
			t.Errorf("states: %v", w.states)
		}
	})
}

// A server that repeats itself is not repeated.
func TestFollowDropsWhatItHas(t *testing.T) {
	overAllTransports(t, func(t *testing.T, w *world, transport Transport) {
		publish(w.log, 1, 10)
		src := w.log
		w.server.src = sourceFunc(func(r readArgs) ([]topic.Item, error) {
			// It begins three items too early.
			if epoch, seq, err := r.after.Split(); err == nil {
				r.after = topic.At(epoch, max(seq, 3)-3)
			}
			items, err := src.Read(r.ctx, r.after, r.buf[:0:min(5, cap(r.buf))])
			return items, err
		}, src)
		items, err := w.follow(w.options(transport), 10, nil)
		if err != nil {
			t.Error(err)
		}
		wantInOrder(t, items, 10)
	})
}

// 200 without end and without anything new is no reason to spin.
func TestFollowDoesNotSpin(t *testing.T) {
	for name, instead := range map[string]func(w *world, rw http.ResponseWriter){
		"a long poll that does not wait": func(w *world, rw http.ResponseWriter) {
			rw.Header().Set(headerCursor, string(w.server.resolve("")))
			rw.WriteHeader(http.StatusNoContent)
		},
		"the same cursor again": func(w *world, rw http.ResponseWriter) {
			rw.Header().Set("Content-Type", typeJSON)
			rw.Write(appendAnswer(nil, &answer{Cursor: w.server.resolve(""), More: true}))
		},
		"gone, each time": func(w *world, rw http.ResponseWriter) {
			// Two servers behind one address, each with a log of its own.
			place := topic.At(topic.NewEpoch(), 0)
			rw.Header().Set("Content-Type", typeJSON)
			rw.WriteHeader(http.StatusGone)
			rw.Write(appendRefusal(nil, tokenGone, "gone", &topic.GoneError{Oldest: place, Head: place}))
		},
		"more, and never anything": func(w *world, rw http.ResponseWriter) {
			rw.Header().Set("Content-Type", typeJSON)
			seq := uint64(9)
			if n := w.server.count(TransportLongPoll); n > 1 {
				seq = uint64(n) % 2 // back and forth
			}
			rw.Write(appendAnswer(nil, &answer{Cursor: topic.At("old", seq), More: true}))
		},
		"an end at once": func(w *world, rw http.ResponseWriter) {
			rw.Header().Set("Content-Type", typeJSON)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				until := began.Add(time.Minute)
				w.server.instead = func(_ Transport, rw http.ResponseWriter, r *http.Request) bool {
					if time.Now().After(until) {
						return false
					}
					instead(w, rw)
					return true
				}
				time.AfterFunc(2*time.Minute, func() { publish(w.log, 1, 1) })
				items, err := w.follow(w.options(TransportLongPoll), 1, nil)
				var gone *topic.GoneError // some of these make one
				if err != nil && !errors.As(err, &gone) {
					t.Error(err)
				}
				wantInOrder(t, items, 1)
				if n := w.server.count(TransportLongPoll); n > 40 {
					t.Errorf("%d requests in two minutes", n)
				}
			})
		})
	}
}
