package httpstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire/topic"
)

// overAllTransports runs f in a world for each transport.
func overAllTransports(t *testing.T, f func(t *testing.T, w *world, transport Transport)) {
	for _, transport := range Transports() {
		t.Run(transport.String(), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) { f(t, w, transport) })
		})
	}
}

func TestFollowBringsItemsAsTheyAre(t *testing.T) {
	want := []topic.Item{
		{Type: "message", Data: []byte("plain")},
		{Type: "message", Data: []byte("")},
		{Type: "price", Data: []byte("a\nb\r\nc\u2028\"\\ é 😀")},
		{Type: "message", Data: []byte{0, 1, 255, '\n'}, Binary: true},
		{Type: "blob", Data: []byte{}, Binary: true},
		{Type: "large", Data: bytes.Repeat([]byte("0123456789"), 10_000)},
	}
	overAllTransports(t, func(t *testing.T, w *world, transport Transport) {
		for i := range want {
			c, _, err := w.log.Publish(t.Context(), topic.Publication{Type: want[i].Type, Data: want[i].Data, Binary: want[i].Binary})
			if err != nil {
				t.Fatal(err)
			}
			want[i].Cursor = c
		}
		got, err := w.follow(w.options(transport), len(want), nil)
		if err != nil {
			t.Error(err)
		}
		for i := range got {
			if d := cmp.Diff(want[i], got[i], itemsEqual); d != "" {
				t.Errorf("item %d: %s", i, d)
			}
		}
		if d := cmp.Diff([]Transport{transport}, w.connected()); d != "" {
			t.Error(d)
		}
	})
}

// Items come as they are published, not when a poll or a buffer is full.
func TestFollowBringsItemsAtOnce(t *testing.T) {
	overAllTransports(t, func(t *testing.T, w *world, transport Transport) {
		go func() {
			for i := range 5 {
				time.Sleep(3 * time.Second)
				w.log.Append("", fmt.Append(nil, i+1))
			}
		}()
		most := time.Duration(0)
		if transport == TransportShortPoll {
			most = DefaultInterval + DefaultInterval/10
		}
		items, _ := w.follow(w.options(transport), 5, func(i int) {
			if late := time.Since(began) - time.Duration(3*i)*time.Second; late > most {
				t.Errorf("item %d came after %v", i, late)
			}
		})
		wantInOrder(t, items, 5)
	})
}

func TestFollowBeginsWhereItIsTold(t *testing.T) {
	overAllTransports(t, func(t *testing.T, w *world, transport Transport) {
		publish(w.log, 1, 5)
		b, _ := w.log.Bounds(t.Context())
		epoch, _, _ := b.Head.Split()
		for _, tt := range []struct {
			after topic.Cursor
			first string
		}{{"", "1"}, {topic.At(epoch, 0), "1"}, {topic.At(epoch, 3), "4"}} {
			o := w.options(transport)
			o.After = tt.after
			items, err := w.follow(o, 2, nil)
			if err != nil || string(items[0].Data) != tt.first {
				t.Errorf("after %q comes %q, %v", tt.after, items[0].Data, err)
			}
		}

		// Connections are lost before the first item comes: now stays that of
		// the first answer.
		o := w.options(transport)
		o.After = topic.Now
		connected := 0
		tell := o.OnState
		o.OnState = func(s State) {
			tell(s)
			if s.Connected {
				if connected++; connected == 1 {
					go func() {
						time.Sleep(time.Second)
						w.net.cut()
						w.log.Append("", []byte("6"))
					}()
				}
			}
		}
		items, err := w.follow(o, 1, nil)
		if err != nil || string(items[0].Data) != "6" {
			t.Errorf("now: %v, %v", items, err)
		}
	})
}

// What a middle box or a server does to the better transports decides on which
// one Follow ends, in a time that is bounded, and it says why.
func TestFollowFallsBackToWhatGetsThrough(t *testing.T) {
	status := func(status int, fields ...string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(fields); i += 2 {
				w.Header().Set(fields[i], fields[i+1])
			}
			w.WriteHeader(status)
		}
	}
	headOnly := func(ct string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", ct)
			w.WriteHeader(http.StatusOK)
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}
	silence := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	dropped := func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }
	page := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<html>Please log in.</html>"))
	}
	for name, tt := range map[string]struct {
		bad    func(http.ResponseWriter, *http.Request)
		within time.Duration // for each that is left
	}{
		"200, as if there were no Upgrade": {page, 0},
		"400":                              {status(400), 0},
		"403 of something between":         {status(403), 0},
		"404":                              {status(404), 0},
		"426":                              {status(426), 0},
		"406 of the server": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(406)
			w.Write(appendRefusal(nil, tokenNotAcceptable, "no", nil))
		}, 0},
		"500":                       {status(500), 0},
		"501":                       {status(501), 0},
		"502 of a proxy":            {status(502), 0},
		"302 to nowhere":            {status(302), 0},
		"the head and nothing more": {nil, DefaultSetup},
		"nothing at all":            {silence, DefaultSetup},
		"dropped":                   {dropped, 0},
	} {
		for down := 1; down < len(Transports()); down++ {
			want := Transports()[down]
			t.Run(name+"/"+want.String(), func(t *testing.T) {
				inWorld(t, func(t *testing.T, w *world) {
					publish(w.log, 1, 10)
					w.server.instead = func(transport Transport, rw http.ResponseWriter, r *http.Request) bool {
						if transport >= want {
							return false
						}
						if bad := tt.bad; bad != nil {
							bad(rw, r)
						} else if transport == TransportEventStream {
							headOnly(typeEvents)(rw, r)
						} else {
							headOnly(typeNDJSON)(rw, r)
						}
						return true
					}
					var took time.Duration
					items, err := w.follow(w.options(), 10, func(int) { took = time.Since(began) })
					if err != nil {
						t.Error(err)
					}
					wantInOrder(t, items, 10)
					limit := time.Duration(down) * tt.within
					if want == TransportShortPoll {
						limit += tt.within // long polls get twice the time
					}
					if took > limit {
						t.Errorf("it took %v, want at most %v", took, limit)
					}
					if d := cmp.Diff([]Transport{want}, w.connected()); d != "" {
						t.Errorf("%s%v", d, w.states)
					}
					if s := w.last(); s.Err == nil {
						t.Error("it does not say why")
					}
				})
			})
		}
	}
}

// A proxy that cuts each connection after 10 s does not get the same
// transport for ever, and Follow remembers.
func TestFollowLeavesWhatIsCutAgainAndAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		go func() {
			for i := range 1200 {
				time.Sleep(500 * time.Millisecond)
				w.log.Append("", fmt.Append(nil, i+1))
			}
		}()
		w.server.instead = func(transport Transport, rw http.ResponseWriter, r *http.Request) bool {
			if transport < TransportLongPoll {
				time.AfterFunc(10*time.Second, w.net.cut)
			}
			return false
		}
		items, err := w.follow(w.options(), 1200, nil)
		if err != nil {
			t.Error(err)
		}
		wantInOrder(t, items, 1200)
		if share := w.share(TransportLongPoll, 10*time.Minute); share < 0.5 {
			t.Errorf("long polls were in use for %.2f of the time\n%v", share, w.states)
		}
		// Three times before it was left, and a trial after a minute, after
		// another two, and after another four, each give or take a half.
		for transport := TransportSocket; transport < TransportLongPoll; transport++ {
			if n := w.server.count(transport); n < 4 || n > 7 {
				t.Errorf("%v was tried %d times in 5 minutes", transport, n)
			}
		}
	})
}

// A better transport that works again takes over, and nothing is lost or
// repeated; one that does not is tried less and less often.
func TestFollowClimbs(t *testing.T) {
	for _, from := range Transports()[1:] {
		t.Run(from.String(), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				works := began.Add(10 * time.Minute)
				w.server.instead = func(transport Transport, rw http.ResponseWriter, r *http.Request) bool {
					if transport >= from || time.Now().After(works) {
						return false
					}
					rw.WriteHeader(http.StatusNotFound)
					return true
				}
				go func() {
					for i := range 10_000 {
						time.Sleep(200 * time.Millisecond)
						w.log.Append("", fmt.Append(nil, i+1))
					}
				}()
				items, err := w.follow(w.options(), 10_000, nil)
				if err != nil {
					t.Error(err)
				}
				wantInOrder(t, items, 10_000)
				connected := w.connected()
				if connected[0] != from || connected[len(connected)-1] != TransportSocket {
					t.Errorf("connected: %v", connected)
				}
				if s := w.last(); s.Err != nil {
					t.Errorf("on the best transport, with the reason %v", s.Err)
				}
				if n := w.server.count(TransportSocket); n < 4 || n > 7 {
					t.Errorf("WebSocket was tried %d times", n)
				}
			})
		})
	}
}

// The consumer may take its time: what takes over waits for it.
func TestFollowClimbsWhileTheLoopBodyIsBusy(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		refuse := true
		w.server.instead = func(transport Transport, rw http.ResponseWriter, r *http.Request) bool {
			if transport != TransportSocket || !refuse {
				return false
			}
			refuse = false
			rw.WriteHeader(http.StatusNotFound)
			return true
		}
		publish(w.log, 1, 100)
		items, err := w.follow(w.options(), 100, func(i int) {
			if i%10 == 0 {
				time.Sleep(2 * time.Minute)
			}
		})
		if err != nil {
			t.Error(err)
		}
		wantInOrder(t, items, 100)
	})
}

// While the network is down nothing gets through, and that is no transport's
// fault: afterwards the best is in use again.
func TestNoTransportIsDemotedForTheNetwork(t *testing.T) {
	refusedErr := errors.New("connection refused")
	for name, tt := range map[string]struct {
		down   error
		silent bool
	}{
		"refused": {refusedErr, false},
		"silent":  {nil, true},
	} {
		for _, outage := range []time.Duration{time.Second, 17 * time.Second, time.Minute, 10 * time.Minute} {
			t.Run(name+"/"+outage.String(), func(t *testing.T) {
				inWorld(t, func(t *testing.T, w *world) {
					publish(w.log, 1, 10)
					items, err := w.follow(w.options(), 12, func(i int) {
						if i == 10 {
							w.net.set(tt.down, tt.silent)
							if !tt.silent {
								w.net.cut()
							}
							time.AfterFunc(outage, func() {
								w.net.set(nil, false)
								w.net.cut()
								w.log.Append("", []byte("11"))
								time.AfterFunc(3*time.Minute, func() { w.log.Append("", []byte("12")) })
							})
						}
					})
					if err != nil {
						t.Error(err)
					}
					wantInOrder(t, items, 12)
					if s := w.last(); s.Transport != TransportSocket || !s.Connected {
						t.Errorf("it ended on %v, %v\n%v", s.Transport, s.Connected, w.states)
					}
					for _, s := range w.states {
						t.Log(s.Transport, s.Connected, s.Wait, s.Err)
					}
				})
			})
		}
	}
}

// One transport's own dialing fails: that is its fault.
func TestFollowWithoutAWayForWebSockets(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := w.options()
		d := o.dialOptions(w.http)
		d.NetDial = func(context.Context, string, string) (n net.Conn, err error) { return nil, errors.New("no way") }
		o.Dial = d
		go func() {
			time.Sleep(10 * time.Minute)
			publish(w.log, 1, 1)
		}()
		items, err := w.follow(o, 1, nil)
		if err != nil {
			t.Error(err)
		}
		wantInOrder(t, items, 1)
		if d := cmp.Diff([]Transport{TransportEventStream}, w.connected()); d != "" {
			t.Error(d)
		}
	})
}

// A head that was cut off on its way is answered 400 by net/http, for a request
// that was right. It ended the loop over the one transport that there was.
func TestFollowTriesAgainWhenItsRequestWasCutOff(t *testing.T) {
	for _, transport := range Transports() {
		t.Run(transport.String(), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				publish(w.log, 1, 3)
				n := 0
				w.server.instead = func(_ Transport, rw http.ResponseWriter, r *http.Request) bool {
					if n++; n <= garbledMost {
						http.Error(rw, "400 Bad Request", http.StatusBadRequest)
					}
					return n <= garbledMost
				}
				o := w.options()
				o.Transports = []Transport{transport}
				items, err := w.follow(o, 3, nil)
				if err != nil {
					t.Error(err)
				}
				wantInOrder(t, items, 3)
			})
		})
	}
}

func TestFollowEndsWhereItIsNotWanted(t *testing.T) {
	for name, tt := range map[string]struct {
		status   int
		token    string
		requests int
	}{
		"401":             {401, "", 1},
		"403 of ours":     {403, "forbidden", 1},
		"400 of ours":     {400, "bad_cursor", 1},
		"its own token":   {402, "pay_first", 1},
		"403 of whoever":  {403, "", 5},
		"404":             {404, "", 5},
		"400 of whoever":  {400, "", 13}, // it may be a request that was cut off, but not always
		"405":             {405, tokenMethod, 5},
		"410, not a poll": {410, "", 5},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.server.instead = func(_ Transport, rw http.ResponseWriter, r *http.Request) bool {
					rw.WriteHeader(tt.status)
					if tt.token != "" {
						rw.Write(appendRefusal(nil, tt.token, "Because.", nil))
					}
					return true
				}
				n := 0
				var last error
				for _, err := range Follow(t.Context(), "http://mem/", w.options()) {
					n++
					last = err
				}
				var se *StatusError
				if n != 1 || !errors.As(last, &se) || se.StatusCode != tt.status || se.Token != tt.token {
					t.Errorf("%d steps, %v", n, last)
				}
				if tt.token != "" && !strings.Contains(last.Error(), "Because.") {
					t.Error(last)
				}
				if len(w.server.requests) != tt.requests {
					t.Errorf("%d requests, want %d", len(w.server.requests), tt.requests)
				}
			})
		})
	}
}
