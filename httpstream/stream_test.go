package httpstream_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

func itemsOf(t *testing.T, body string) []topic.Cursor {
	t.Helper()
	if body == "" {
		return nil
	}
	var a struct {
		Items []struct{ Cursor topic.Cursor }
	}
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatal(err)
	}
	var all []topic.Cursor
	for _, it := range a.Items {
		all = append(all, it.Cursor)
	}
	return all
}

// lines reads lines of a stream.
type lines struct {
	t *testing.T
	r io.Reader
	b *bufio.Reader
}

func (l *lines) next() string {
	l.t.Helper()
	if l.b == nil {
		l.b = bufio.NewReader(l.r)
	}
	s, err := l.b.ReadString('\n')
	if err != nil {
		l.t.Fatalf("no line: %v (%q)", err, s)
	}
	return strings.TrimSuffix(s, "\n")
}

func (l *lines) want(want string) {
	l.t.Helper()
	if got := l.next(); got != want {
		l.t.Fatalf("line %s\nwant %s", got, want)
	}
}

func (l *lines) wantEnd() {
	l.t.Helper()
	if s, err := l.b.ReadString('\n'); err != io.EOF || s != "" {
		l.t.Fatalf("%q, %v; want the end", s, err)
	}
}

const acceptLines = "application/x-ndjson"

func TestStreamOverAllWays(t *testing.T) {
	overAllWays(t, func(t *testing.T, w way) {
		log, real, _ := filled(t, 2)
		// Its timeouts are for requests that take no time.
		srv := w.serve(t, httpstream.Handler(log, nil), func(s *http.Server) {
			s.ReadTimeout, s.WriteTimeout = 2*time.Second, 2*time.Second // a busy machine needs some for the handshake of TLS
		})
		res := open(t, srv.Client(), "GET "+srv.URL, "", "Accept", acceptLines)
		defer res.Body.Close()
		h := res.Header
		if res.StatusCode != 200 || h.Get("Content-Type") != acceptLines || h.Get("X-Accel-Buffering") != "no" || h.Get("Cache-Control") != "no-store" || h.Get("Content-Length") != "" {
			t.Errorf("%d %v", res.StatusCode, h)
		}
		l := lines{t, res.Body, nil}
		l.want(real(`{"cursor":"E-0"}`))
		l.want(real(`{"cursor":"E-1","data":"1"}`))
		l.want(real(`{"cursor":"E-2","data":"2"}`))
		for i := 3; i < 8; i++ {
			fill(log, i, i)
			l.want(real(`{"cursor":"E-` + itoa(i) + `","data":"` + itoa(i) + `"}`)) // flushed: it is there before the next
			if i == 5 {
				time.Sleep(2100 * time.Millisecond) // longer than the timeouts of the server
			}
		}
		log.Close()
		l.wantEnd()
	})
}

func TestStreamStarts(t *testing.T) {
	log, real, short := filled(t, 0)
	log.MaxItems = 5
	fill(log, 1, 9)
	for _, tt := range []struct {
		name, query, field string
		o                  httpstream.Options
		lines              []string // the last is of an item, or of a position without one
	}{
		{"from the oldest", "", "", httpstream.Options{}, []string{`{"cursor":"E-4"}`, `{"cursor":"E-5","data":"5"}`}},
		{"in the middle", "?after=E-7", "", httpstream.Options{}, []string{`{"cursor":"E-7"}`, `{"cursor":"E-8","data":"8"}`, `{"cursor":"E-9","data":"9"}`}},
		{"field", "", "E-8", httpstream.Options{}, []string{`{"cursor":"E-8"}`, `{"cursor":"E-9","data":"9"}`}},
		{"at the end", "?after=E-9", "", httpstream.Options{}, []string{`{"cursor":"E-9"}`}},
		{"now", "?after=now", "", httpstream.Options{}, []string{`{"cursor":"E-9"}`}},
		{"gone", "?after=E-2", "", httpstream.Options{}, []string{`{"reset":{"after":"E-2","oldest":"E-4","head":"E-9"},"cursor":"E-4"}`, `{"cursor":"E-5","data":"5"}`}},
		{"other epoch", "?after=a-2", "", httpstream.Options{}, []string{`{"reset":{"after":"a-2","oldest":"E-4","head":"E-9"},"cursor":"E-4"}`, `{"cursor":"E-5","data":"5"}`}},
		{"replay", "?after=E-5", "", httpstream.Options{MaxReplay: 2}, []string{`{"reset":{"after":"E-5","oldest":"E-7","head":"E-9"},"cursor":"E-7"}`, `{"cursor":"E-8","data":"8"}`}},
		{"replay from the oldest", "", "", httpstream.Options{MaxReplay: 2}, []string{`{"reset":{"after":"","oldest":"E-7","head":"E-9"},"cursor":"E-7"}`, `{"cursor":"E-8","data":"8"}`}},
		{"replay, just met", "?after=E-7", "", httpstream.Options{MaxReplay: 2}, []string{`{"cursor":"E-7"}`, `{"cursor":"E-8","data":"8"}`}},
		{"replay larger than all", "", "", httpstream.Options{MaxReplay: 100}, []string{`{"cursor":"E-4"}`, `{"cursor":"E-5","data":"5"}`}},
		{"replay of a gone cursor", "?after=a-5", "", httpstream.Options{MaxReplay: 2}, []string{`{"reset":{"after":"a-5","oldest":"E-7","head":"E-9"},"cursor":"E-7"}`, `{"cursor":"E-8","data":"8"}`}},
		{"replay of an evicted cursor", "?after=E-1", "", httpstream.Options{MaxReplay: 2}, []string{`{"reset":{"after":"E-1","oldest":"E-7","head":"E-9"},"cursor":"E-7"}`, `{"cursor":"E-8","data":"8"}`}},
		{"replay of now", "?after=now", "", httpstream.Options{MaxReplay: 2}, []string{`{"cursor":"E-9"}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := way{}.serve(t, httpstream.Stream(log, &tt.o), nil)
			var fields []string
			if tt.field != "" {
				fields = []string{"Last-Event-ID", real(tt.field)}
			}
			res := open(t, srv.Client(), "GET "+srv.URL+real(tt.query), "", fields...)
			defer res.Body.Close()
			l := lines{t, res.Body, nil}
			for _, want := range tt.lines {
				if got := short(l.next()); got != want {
					t.Fatalf("line %s\nwant %s", got, want)
				}
			}
		})
	}
}

// EventSource comes back with the URL that it was made with: what it has seen
// since then counts. Other clients make each URL anew.
func TestEventSourceThatComesBack(t *testing.T) {
	log, real, short := filled(t, 3)
	srv := way{}.serve(t, httpstream.Handler(log, nil), nil)
	for _, tt := range []struct{ query, accept, id, first string }{
		{"?after=now", acceptEvents, "", "id: E-3"},
		{"?after=now", acceptEvents, "E-2", "id: E-2"},
		{"?after=E-1", acceptEvents, "E-2", "id: E-2"},
		{"", acceptEvents, "E-2", "id: E-2"},
		{"?after=E-1", acceptLines, "E-2", `{"cursor":"E-1"}`},
	} {
		var fields []string
		if tt.id != "" {
			fields = []string{"Last-Event-ID", real(tt.id)}
		}
		res := open(t, srv.Client(), "GET "+srv.URL+real(tt.query), "", append(fields, "Accept", tt.accept)...)
		l := lines{t, res.Body, nil}
		if got := short(l.next()); got != tt.first {
			t.Errorf("%q with %q: %s, want %s", tt.query, tt.id, got, tt.first)
		}
		res.Body.Close()
	}
	a := ask(t, srv.Client(), "GET "+srv.URL+"?after=now", "", "Accept", acceptEvents, "Last-Event-ID", strings.Repeat("x", 65))
	if a.status != 400 {
		t.Errorf("%d", a.status)
	}
	wantRefusal(t, a, "bad_cursor")
}

func TestStreamRefusals(t *testing.T) {
	log, real, _ := filled(t, 1)
	srv := way{}.serve(t, httpstream.Stream(log, nil), nil)
	for _, tt := range []struct {
		what   string
		accept string
		status int
		token  string
	}{
		{"GET ?after=hello", "", 400, "bad_cursor"},
		{"GET ?after=E-1&after=E-1", "", 400, "bad_query"},
		{"GET ?limit=x", "", 400, "bad_query"},
		{"GET ", "text/html", 406, "not_acceptable"},
		{"PUT ", "", 405, "method_not_allowed"},
	} {
		method, query, _ := strings.Cut(tt.what, " ")
		var fields []string
		if tt.accept != "" {
			fields = []string{"Accept", tt.accept}
		}
		a := ask(t, srv.Client(), method+" "+srv.URL+real(query), "", fields...)
		if a.status != tt.status {
			t.Errorf("%s: %d", tt.what, a.status)
		}
		wantRefusal(t, a, tt.token)
	}
	a := ask(t, srv.Client(), "HEAD "+srv.URL, "")
	if a.status != 200 || a.header.Get("Content-Type") != acceptLines || a.body != "" {
		t.Errorf("HEAD: %d %v", a.status, a.header)
	}
}

func TestHeartbeat(t *testing.T) {
	for _, tt := range []struct {
		o     httpstream.Options
		every time.Duration
	}{{httpstream.Options{}, 15 * time.Second}, {httpstream.Options{Heartbeat: time.Second}, time.Second}} {
		var log *topic.Log
		var real func(string) string
		overBubbles(t, func(t *testing.T) http.Handler {
			log, real, _ = filled(t, 1)
			return httpstream.Handler(log, &tt.o)
		}, nil, func(t *testing.T, b *bubble) {
			res := open(t, b.Client, "GET "+site+"?after=now", "", "Accept", acceptLines)
			defer res.Body.Close()
			l := lines{t, res.Body, nil}
			l.want(real(`{"cursor":"E-1"}`))
			began := time.Now()
			for range 3 {
				l.want(real(`{"cursor":"E-1"}`))
			}
			between(t, "three heartbeats after", time.Since(began), 3*tt.every, 3*tt.every)
			// An item puts the next one off.
			time.Sleep(tt.every / 2)
			fill(log, 2, 2)
			l.want(real(`{"cursor":"E-2","data":"2"}`))
			began = time.Now()
			l.want(real(`{"cursor":"E-2"}`))
			between(t, "after an item", time.Since(began), tt.every, tt.every)
		})
	}
}

func TestNoHeartbeat(t *testing.T) {
	overBubbles(t, func(t *testing.T) http.Handler {
		return httpstream.Stream(&topic.Log{}, &httpstream.Options{Heartbeat: -1})
	}, nil, func(t *testing.T, b *bubble) {
		res := open(t, b.Client, "GET "+site, "")
		got := make(chan int)
		go func() {
			all, _ := io.ReadAll(res.Body)
			got <- strings.Count(string(all), "\n")
		}()
		time.Sleep(time.Hour)
		res.Body.Close()
		if n := <-got; n != 1 {
			t.Errorf("%d lines", n)
		}
	})
}

func TestStreamOfABareSource(t *testing.T) {
	var log *topic.Log
	var real func(string) string
	overBubbles(t, func(t *testing.T) http.Handler {
		log, real, _ = filled(t, 0)
		return httpstream.Stream(bare{log}, &httpstream.Options{MaxReplay: 1})
	}, nil, func(t *testing.T, b *bubble) {
		for _, query := range []string{"", "?after=now"} {
			res := open(t, b.Client, "GET "+site+query, "")
			l := lines{t, res.Body, nil}
			l.want("")      // a heartbeat that does not know where it is
			synctest.Wait() // it waits again: between two waits for what comes after now, that is another place
			log.Append("", []byte("x"))
			if s := l.next(); !strings.Contains(s, `"data":"x"`) {
				t.Errorf("line %s", s)
			}
			if s := l.next(); !strings.HasPrefix(s, real(`{"cursor":"E-`)) || strings.Contains(s, "data") {
				t.Errorf("heartbeat %s", s)
			}
			res.Body.Close()
			log.Append("", []byte("y"))
		}
	})
}

// A client that does not read costs itself: it is cut off after WriteTimeout,
// and the others get everything meanwhile.
func TestClientThatStopsReading(t *testing.T) {
	for _, w := range bubbled {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, _, _ := filled(t, 0)
				log.MaxBytes = 64 << 20
				var group httpstream.Group
				b := w.inBubble(httpstream.Stream(log, &httpstream.Options{Group: &group}), nil)
				defer b.close()
				stuck := open(t, b.Client, "GET "+site, "")
				defer stuck.Body.Close()
				other := open(t, w.client(b), "GET "+site, "")
				defer other.Body.Close()
				l := lines{t, other.Body, nil}
				l.next()
				began := time.Now()
				big := []byte(strings.Repeat("x", 64<<10))
				for range 100 { // more than every buffer on the way
					log.Append("", big)
					if s := l.next(); len(s) < len(big) {
						t.Fatalf("line %.100s", s)
					}
				}
				between(t, "the other one had all after", time.Since(began), 0, 0)
				synctest.Wait()
				if n := group.Len(); n != 2 {
					t.Errorf("%d streams", n)
				}
				time.Sleep(10*time.Second + time.Millisecond)
				synctest.Wait()
				if n := group.Len(); n != 1 {
					t.Errorf("%d streams after the time for a write", n)
				}
				log.Append("", []byte("still here"))
				for !strings.Contains(l.next(), "still here") {
				}
			})
		})
	}
}

// client is another client of the same server, with connections of its own.
func (w way) client(b *bubble) *http.Client {
	tr := b.Transport.(*http.Transport).Clone()
	return &http.Client{Transport: tr}
}

// The same on sockets, where TLS and HTTP/2 have buffers and deadlines of their
// own.
func TestClientThatStopsReadingOverAllWays(t *testing.T) {
	overAllWays(t, func(t *testing.T, w way) {
		log := &topic.Log{MaxBytes: 64 << 20}
		h := httpstream.Stream(log, &httpstream.Options{WriteTimeout: 200 * time.Millisecond})
		returned := make(chan struct{})
		srv := w.serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(rw, r)
			close(returned)
		}), nil)
		res := open(t, srv.Client(), "GET "+srv.URL, "")
		defer res.Body.Close()
		for range 600 { // more than the kernel takes for both ends
			log.Append("", []byte(strings.Repeat("x", 64<<10)))
		}
		select {
		case <-returned:
		case <-time.After(20 * time.Second):
			t.Error("the stream goes on for a client that does not read")
		}
	})
}

func TestStreamNeedsAFlush(t *testing.T) {
	log, _, _ := filled(t, 1)
	w := &flat{h: http.Header{}}
	httpstream.Stream(log, &httpstream.Options{WriteTimeout: -1}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.status != 503 {
		t.Errorf("%d", w.status)
	}
}

func TestStreamNeedsDeadlines(t *testing.T) {
	log, _, _ := filled(t, 1)
	w := httptest.NewRecorder()
	httpstream.Stream(log, nil).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 503 {
		t.Errorf("%d", w.Code)
	}
	log.Close()
	w = httptest.NewRecorder()
	httpstream.Stream(log, &httpstream.Options{WriteTimeout: -1}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 200 || strings.Count(w.Body.String(), "\n") != 2 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestLongReplayIsWholeAndInOrder(t *testing.T) {
	log, _, short := filled(t, 5000)
	srv := way{}.serve(t, httpstream.Stream(log, nil), nil)
	res := open(t, srv.Client(), "GET "+srv.URL, "")
	defer res.Body.Close()
	l := lines{t, res.Body, nil}
	l.next()
	for i := 1; i <= 5000; i++ {
		if got, want := short(l.next()), `{"cursor":"E-`+itoa(i)+`","data":"`+itoa(i)+`"}`; got != want {
			t.Fatalf("line %s\nwant %s", got, want)
		}
	}
}
