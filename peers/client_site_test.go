package peers

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// transports are those of the browser client, from the best down.
var transports = []string{"websocket", "eventstream", "stream", "longpoll", "shortpoll"}

// transportOf is the index of the transport that a request asks for.
func transportOf(r *http.Request) int {
	switch accept := r.Header.Get("Accept"); {
	case r.Header.Get("Upgrade") != "":
		return 0
	case accept == "text/event-stream":
		return 1
	case accept == "application/x-ndjson":
		return 2
	case r.URL.Query().Has("wait"):
		return 3
	}
	return 4
}

// How a middle box treats what it does not let through.
const (
	boxRefuses = iota // with 406
	boxSilent         // takes the request, and says nothing
	boxHolds          // sends the head of an answer, and holds what belongs to it
	boxes
)

// topicSite is a web server with a topic, the browser client, and a page that
// has loaded it. It can be stopped and started again at the same address, and
// stands behind a middle box.
type topicSite struct {
	addr    string
	origins handshake.Origins
	log     *topic.Log // of this life and the next, until a test takes another

	mu    sync.Mutex
	best  int // the transports before this one do not get through,
	box   int // but are treated so
	conns map[net.Conn]bool

	// What belongs to one life.
	server *http.Server
	group  *httpstream.Group
	stop   chan struct{}
}

func newTopicSite(t *testing.T) *topicSite {
	t.Helper()
	s := &topicSite{addr: loopback() + ":0", log: new(topic.Log), conns: map[net.Conn]bool{}}
	s.start(t)
	t.Cleanup(func() { s.end() })
	return s
}

// loopback is an address of the site's own where the system has more than one.
// While a server is away nothing else takes its port there, as the connections
// of all that run on 127.0.0.1 may.
func loopback() string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1"
	}
	return fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), 1+rand.IntN(250), 1+rand.IntN(250))
}

func (s *topicSite) url() string { return "http://" + s.addr + "/" }

// notingListener notes the connections, so that they can be cut, and passes them
// on as they are.
type notingListener struct {
	net.Listener
	s *topicSite
}

func (l notingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.s.mu.Lock()
		l.s.conns[c] = true
		l.s.mu.Unlock()
	}
	return c, err
}

func (s *topicSite) start(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	s.group, s.stop = new(httpstream.Group), make(chan struct{})
	handler := httpstream.Handler(s.log, &httpstream.Options{
		Origins:   s.origins,
		Allow:     func(*http.Request) error { return nil },
		Heartbeat: 300 * time.Millisecond,
		Group:     s.group,
	})
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `<!doctype html><title>topic</title><link rel=icon href=data:,>
<script type=module>
  import * as pushwire from "/pushwire.js";
  window.pushwire = pushwire;
  document.title = "ready";
</script>`)
	})
	mux.Handle("/pushwire.js", httpstream.ClientJS())
	stop := s.stop
	mux.HandleFunc("/topic", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		best, box := s.best, s.box
		s.mu.Unlock()
		kind := transportOf(r)
		if r.Method != http.MethodGet || kind >= best {
			handler.ServeHTTP(w, r)
			return
		}
		switch box {
		case boxRefuses:
			w.WriteHeader(http.StatusNotAcceptable)
			return
		case boxHolds:
			if kind == 1 || kind == 2 {
				w.Header().Set("Content-Type", r.Header.Get("Accept"))
				http.NewResponseController(w).Flush()
			}
		}
		select {
		case <-r.Context().Done():
		case <-stop:
		}
	})
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: eventTime}
	go s.server.Serve(notingListener{l, s})
}

// allow lets the pages of another site in, from the next life on, which begins
// now.
func (s *topicSite) allow(t *testing.T, page string) {
	t.Helper()
	s.end()
	s.origins.Allow = []string{strings.TrimSuffix(page, "/")}
	s.start(t)
}

// let has the transports before best treated so by the middle box.
func (s *topicSite) let(best, box int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.best, s.box = best, box
}

// cut cuts every connection, of which the kernel tells the browser by a reset,
// or by an end that is no proper one in the middle of an answer.
func (s *topicSite) cut(reset bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if tc, ok := c.(*net.TCPConn); ok && reset {
			tc.SetLinger(0)
		}
		c.Close()
	}
	clear(s.conns)
}

// end ends this life at once, if it has not ended.
func (s *topicSite) end() {
	if s.stop == nil {
		return
	}
	close(s.stop)
	s.stop = nil
	s.server.Close()
	s.cut(true)
}

// shutdown ends this life as a server should.
func (s *topicSite) shutdown(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	if left, err := s.group.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v, %d left", err, left)
	}
	close(s.stop)
	s.stop = nil
	s.server.Shutdown(ctx)
	s.cut(false)
}

// open opens the site's page and waits for the client.
func (s *topicSite) open(t *testing.T, b *browser) {
	t.Helper()
	b.open(t, s.url(), desktop)
	eval[bool](t, b, `async () => {
	  while (document.title != "ready") await new Promise((resolve) => setTimeout(resolve, 10));
	  return true;
	}`, nil)
}

// follow begins to follow the topic in the page under a name.
func (b *browser) follow(t *testing.T, name string, options map[string]any) {
	t.Helper()
	eval[bool](t, b, `({ name, options }) => {
	  const base64 = (bytes) => btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));
	  const seen = window[name] = { items: [], states: [], wake() {} };
	  seen.follower = pushwire.follow("/topic", {
	    ...options,
	    onItem({ cursor, type, data }) {
	      seen.items.push(typeof data == "string" ? { cursor, type, data } : { cursor, type, data: base64(data), binary: true });
	      seen.wake();
	    },
	    onState({ transport, connected, error, ended }) {
	      seen.states.push({ transport, connected, ended, error: error ? error.message : "" });
	      if (seen.states.length > 5000) seen.states.shift();
	      seen.wake();
	    },
	  });
	  return true;
	}`, command{"name": name, "options": options})
}

// followedItem is what onItem got, state what onState got.
type followedItem struct {
	Cursor, Type, Data string
	Binary             bool // and Data is base64
}

type followedState struct {
	Transport        string
	Connected, Ended bool
	Error            string
}

type followed struct {
	Items  []followedItem
	States []followedState
}

// connected are the transports that were in use, each as often as it was.
func (f followed) connected() (all []string) {
	for _, s := range f.States {
		if s.Connected {
			all = append(all, s.Transport)
		}
	}
	return all
}

// until waits for what a condition on seen, written in JavaScript, asks for.
func (b *browser) until(t *testing.T, name, condition string) {
	t.Helper()
	said := eval[string](t, b, strings.ReplaceAll(`(name) => new Promise((resolve) => {
	  const seen = window[name];
	  const late = setTimeout(() => resolve(JSON.stringify({ items: seen.items.length, last: seen.items.at(-1), states: seen.states.slice(-12) })), 15_000);
	  seen.wake = () => {
	    if (!(CONDITION)) return;
	    seen.wake = () => {};
	    clearTimeout(late);
	    resolve("");
	  };
	  seen.wake();
	})`, "CONDITION", condition), name)
	if said != "" {
		t.Fatalf("not within 15 s: %s; %s", condition, said)
	}
}

// followed closes the follower and returns what the application saw.
func (b *browser) followed(t *testing.T, name string) followed {
	t.Helper()
	f := eval[followed](t, b, `async (name) => {
	  const { follower, items, states } = window[name];
	  follower.close();
	  await follower.done;
	  delete window[name];
	  return { items, states };
	}`, name)
	if n := len(f.States); n == 0 || !f.States[n-1].Ended {
		t.Errorf("the last of %d states is not the end", n)
	}
	return f
}
