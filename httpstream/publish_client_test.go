package httpstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// publisherWorld is the genuine Handler, and a front that may step in before
// or behind it.
func publisherWorld(t *testing.T, front func(n int, h http.Handler, w http.ResponseWriter, r *http.Request)) (*topic.Log, string, *PublishOptions) {
	log := new(topic.Log)
	h := Handler(log, &Options{Allow: func(*http.Request) error { return nil }})
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		front(int(n.Add(1)), h, w, r)
	}))
	t.Cleanup(func() {
		log.Close()
		srv.Close()
	})
	return log, srv.URL, &PublishOptions{HTTP: srv.Client(), Backoff: func(int, time.Duration) time.Duration { return 0 }}
}

func plainly(_ int, h http.Handler, w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }

// stored returns what the log has.
func stored(t *testing.T, l *topic.Log) []topic.Item {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	items, err := l.Read(ctx, "", make([]topic.Item, 0, 100))
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return items
}

func TestPublishArrivesAsItIs(t *testing.T) {
	l, url, o := publisherWorld(t, plainly)
	for _, p := range []topic.Publication{
		{Data: []byte("plain")},
		{Data: []byte("é 😀\r\n\x00"), Type: "a type & more"},
		{Data: []byte{0, 255}, Binary: true},
		{Data: nil},
		{Data: []byte("key"), Key: "with a space, é"},
	} {
		c, err := Publish(t.Context(), url, p, o)
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		items := stored(t, l)
		it := items[len(items)-1]
		if p.Type == "" {
			p.Type = topic.DefaultType
		}
		if it.Cursor != c || string(it.Data) != string(p.Data) || it.Type != p.Type || it.Binary != p.Binary {
			t.Errorf("%+v arrived as %+v at %s", p, it, c)
		}
	}
}

// An answer that got lost, a server that is out of order: it is tried again,
// and stored once.
func TestPublishStoresOnce(t *testing.T) {
	for name, fails := range map[string]func(h http.Handler, w http.ResponseWriter, r *http.Request){
		"the answer is lost": func(h http.Handler, w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		},
		"the answer is cut": func(h http.Handler, w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(httptest.NewRecorder(), r)
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(http.StatusCreated)
			io.WriteString(w, `{"cur`)
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
		"502 behind the server": func(h http.Handler, w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusBadGateway)
		},
		"503":  func(h http.Handler, w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) },
		"429":  func(h http.Handler, w http.ResponseWriter, r *http.Request) { w.WriteHeader(429) },
		"none": func(h http.Handler, w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			l, url, o := publisherWorld(t, func(n int, h http.Handler, w http.ResponseWriter, r *http.Request) {
				if n <= 3 {
					fails(h, w, r)
					return
				}
				h.ServeHTTP(w, r)
			})
			c, err := Publish(t.Context(), url, topic.Publication{Data: []byte("x")}, o)
			items := stored(t, l)
			if err != nil || len(items) != 1 || items[0].Cursor != c {
				t.Errorf("%d items, %q, %v", len(items), c, err)
			}
		})
	}
}

func TestPublishGivesUp(t *testing.T) {
	for name, tt := range map[string]struct {
		front    func(w http.ResponseWriter, r *http.Request)
		requests int
		say      string
	}{
		"refused": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(403)
			w.Write(appendRefusal(nil, "no", "No.", nil))
		}, 1, "No."},
		"405":          {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(405) }, 1, "405"},
		"out of order": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) }, 4, "500"},
		"a page":       {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>") }, 1, "not a topic's server"},
		"another page": {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"cursor":"x"}`) }, 1, "not a topic's server"},
		"redirected":   {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusSeeOther) }, 0, "GET"},
		"too long":     {func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, maxPublished+1)) }, 1, "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int64
			_, url, o := publisherWorld(t, func(n int, h http.Handler, w http.ResponseWriter, r *http.Request) {
				if requests.Store(int64(n)); r.URL.Path == "/elsewhere" {
					h.ServeHTTP(w, r)
					return
				}
				tt.front(w, r)
			})
			o.Attempts = 4
			_, err := Publish(t.Context(), url, topic.Publication{Data: []byte("x")}, o)
			if err == nil || !strings.Contains(err.Error(), tt.say) {
				t.Error(err)
			}
			if tt.requests != 0 && requests.Load() != int64(tt.requests) {
				t.Errorf("%d requests, want %d", requests.Load(), tt.requests)
			}
		})
	}
	t.Run("not an item", func(t *testing.T) {
		_, err := Publish(t.Context(), "http://nowhere.invalid/", topic.Publication{Data: []byte{0xff}}, nil)
		var ie *topic.ItemError
		if !errors.As(err, &ie) {
			t.Error(err)
		}
	})
	t.Run("time", func(t *testing.T) {
		_, url, o := publisherWorld(t, func(_ int, _ http.Handler, _ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		})
		o.Timeout, o.Attempts = 20*time.Millisecond, 2
		_, err := Publish(t.Context(), url, topic.Publication{Data: []byte("x")}, o)
		var silent *SilentError
		if !errors.As(err, &silent) {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		o.Timeout = time.Minute
		if _, err := Publish(ctx, url, topic.Publication{Data: []byte("x")}, o); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
