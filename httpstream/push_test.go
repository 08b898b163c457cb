package httpstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/eventstream"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/topic"
)

// A way is how a client that stays reaches a source. What is said of the pump
// is said of all of them.
type way struct {
	name    string
	socket  bool
	tls     bool
	http2   bool
	bare    bool // the ResponseWriter has Flush and deadlines, and can't be hijacked
	wrapped bool // it has nothing but Unwrap
	deflate bool
	narrow  bool // the sockets have small buffers, so that writes do wait
}

// narrowBuffer is what a narrow socket is asked to hold, in bytes; the kernel
// doubles it.
const narrowBuffer = 16 << 10

var ways = []way{
	{name: "socket", socket: true},
	{name: "socket, wrapped", socket: true, wrapped: true},
	{name: "socket, TLS", socket: true, tls: true},
	{name: "socket, compressed", socket: true, deflate: true},
	{name: "events"},
	{name: "events, wrapped", wrapped: true},
	{name: "events, TLS", tls: true},
	{name: "events, handler", bare: true},
	{name: "events, HTTP/2", tls: true, http2: true},
}

func overWays(t *testing.T, f func(t *testing.T, w way)) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) { f(t, w) })
	}
}

// unwrapper is a ResponseWriter as middleware makes it.
type unwrapper struct{ w http.ResponseWriter }

func (w unwrapper) Header() http.Header         { return w.w.Header() }
func (w unwrapper) Write(p []byte) (int, error) { return w.w.Write(p) }
func (w unwrapper) WriteHeader(status int)      { w.w.WriteHeader(status) }
func (w unwrapper) Unwrap() http.ResponseWriter { return w.w }

// unhijackable hides the Hijacker.
type unhijackable struct {
	http.ResponseWriter
	ctl *http.ResponseController
}

func (w unhijackable) Flush()                             { w.ctl.Flush() }
func (w unhijackable) SetWriteDeadline(t time.Time) error { return w.ctl.SetWriteDeadline(t) }
func (w unhijackable) SetReadDeadline(t time.Time) error  { return w.ctl.SetReadDeadline(t) }
func (unhijackable) Hijack() (net.Conn, any, error)       { panic("not this one") }

// site is a server for one source.
type site struct {
	*httptest.Server
	way way
}

func (w way) serve(t *testing.T, src topic.Source, o *Options) *site {
	t.Helper()
	var opt Options
	if o != nil {
		opt = *o
	}
	h := Events(src, &opt)
	if w.socket {
		if w.deflate {
			opt.Socket = &pushwire.AcceptOptions{Config: pushwire.Config{Deflate: &pushwire.Deflate{Threshold: -1}}}
		}
		h = Socket(src, &opt)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("X-Middleware", "was here")
		switch {
		case w.bare:
			rw = unhijackable{rw, http.NewResponseController(rw)}
		case w.wrapped:
			rw = unwrapper{unwrapper{rw}}
		}
		h.ServeHTTP(rw, r)
	}))
	srv.EnableHTTP2 = w.http2
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that go
	if w.narrow {
		srv.Config.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
			if tc, ok := nc.(*tls.Conn); ok {
				nc = tc.NetConn()
			}
			nc.(*net.TCPConn).SetWriteBuffer(narrowBuffer)
			return ctx
		}
	}
	if w.tls {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	if w.narrow {
		srv.Client().Transport.(*http.Transport).DialContext = dialNarrow
	}
	t.Cleanup(srv.Close)
	return &site{srv, w}
}

func dialNarrow(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err == nil {
		nc.(*net.TCPConn).SetReadBuffer(narrowBuffer)
	}
	return nc, err
}

// got is what a client got: an item, a position or a reset.
type got struct {
	kind  lineKind
	item  topic.Item
	reset *topic.GoneError
}

// reader is the client.
type reader struct {
	conn *pushwire.Conn
	res  *http.Response
	dec  *eventstream.Decoder
}

// open connects with a query, as "after=now".
func (s *site) open(t *testing.T, query string) *reader {
	t.Helper()
	r, err := s.dial(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	return r
}

func (s *site) dial(ctx context.Context, query string) (*reader, error) {
	if s.way.socket {
		o := &pushwire.DialOptions{Config: pushwire.Config{MaxMessage: -1}}
		if s.way.tls {
			o.TLS = s.Client().Transport.(*http.Transport).TLSClientConfig
		}
		if s.way.narrow {
			o.NetDial = dialNarrow
		}
		if s.way.deflate {
			o.Deflate = &pushwire.Deflate{Threshold: -1}
		}
		c, res, err := pushwire.Dial(ctx, "ws"+strings.TrimPrefix(s.URL, "http")+"/?"+query, o)
		if err != nil {
			return nil, err
		}
		return &reader{conn: c, res: res}, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/?"+query, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", typeEvents)
	res, err := s.Client().Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, fmt.Errorf("answered with %s", res.Status)
	}
	return &reader{res: res, dec: eventstream.NewDecoder(res.Body)}, nil
}

func (r *reader) close() {
	if r.conn != nil {
		r.conn.CloseNow()
		return
	}
	r.res.Body.Close()
}

// next waits for what comes next. Of an event stream the position is no event:
// it is passed over, and seen in the decoder.
func (r *reader) next(ctx context.Context) (g got, err error) {
	if r.conn != nil {
		t, p, err := r.conn.Read(ctx)
		if err != nil {
			return g, err
		}
		if t == frame.Binary {
			parts := bytes.SplitN(p, []byte("\n"), 3)
			if len(parts) < 3 {
				return g, fmt.Errorf("a binary message %q", p)
			}
			g.item = topic.Item{Cursor: topic.Cursor(parts[0]), Type: string(parts[1]), Data: parts[2], Binary: true}
			return g, nil
		}
		l, err := parseLine(p)
		return got{l.Kind, l.Item, l.Reset}, err
	}
	var ev eventstream.Event
	if err := r.dec.Decode(&ev); err != nil {
		return g, err
	}
	if ev.Type == typeReset {
		l, err := parseLine(fmt.Appendf(nil, `{"reset":%s,"cursor":%q}`, ev.Data, ev.ID))
		return got{l.Kind, l.Item, l.Reset}, err
	}
	g.item = topic.Item{Cursor: topic.Cursor(ev.ID), Type: ev.Type, Data: bytes.Clone(ev.Data)}
	if typ, ok := strings.CutSuffix(ev.Type, base64Suffix); ok {
		g.item.Type, g.item.Binary = typ, true
		g.item.Data, err = base64.StdEncoding.DecodeString(string(ev.Data))
	}
	return g, err
}

// item waits for an item, past positions.
func (r *reader) item(t *testing.T) topic.Item {
	t.Helper()
	for {
		g, err := r.next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if g.kind == lineReset {
			t.Fatalf("a reset to %s: %v", g.item.Cursor, g.reset)
		}
		if g.kind == lineItem {
			return g.item
		}
	}
}

// wantReset waits for a reset.
func (r *reader) wantReset(t *testing.T) *topic.GoneError {
	t.Helper()
	g, err := r.next(t.Context())
	if err != nil || g.kind != lineReset || g.item.Cursor != g.reset.Oldest {
		t.Fatalf("got %+v, %v; want a reset", g, err)
	}
	return g.reset
}

// wantTexts waits for items with these texts.
func (r *reader) wantTexts(t *testing.T, want ...string) (last topic.Cursor) {
	t.Helper()
	for _, text := range want {
		it := r.item(t)
		if string(it.Data) != text {
			t.Fatalf("got %q at %s, want %q", it.Data, it.Cursor, text)
		}
		last = it.Cursor
	}
	return last
}

func TestItemsOnEveryWay(t *testing.T) {
	overWays(t, func(t *testing.T, w way) {
		var log topic.Log
		defer log.Close()
		pubs := []topic.Publication{
			{Data: []byte("text")},
			{},
			{Type: "tick", Data: []byte("two\nlines\n")},
			{Type: "tick"},
			{Binary: true, Data: []byte{0, 1, 2, '\n', '\r', 0xff}},
			{Binary: true},
			{Type: "größe", Binary: true, Data: []byte("x\ny\nz")},
			{Data: []byte("\u2028 \"quoted\" \\ \x00\x01")},
			{Type: "large", Data: bytes.Repeat([]byte("0123456789"), 30_000)},
		}
		publish := func() {
			for _, p := range pubs {
				if _, _, err := log.Publish(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
		}
		publish() // is there at the beginning
		r := w.serve(t, &log, nil).open(t, "")
		if got := r.res.Header.Get("X-Middleware"); got != "was here" {
			t.Errorf("the field that was set before: %q", got)
		}
		want := func() {
			t.Helper()
			for i, p := range pubs {
				it := r.item(t)
				if p.Type == "" {
					p.Type = topic.DefaultType
				}
				if it.Type != p.Type && !(it.Type == "" && p.Type == topic.DefaultType) || it.Binary != p.Binary || !bytes.Equal(it.Data, p.Data) {
					t.Errorf("item %d: got %q, %v, %.40q; want %q, %v, %.40q", i, it.Type, it.Binary, it.Data, p.Type, p.Binary, p.Data)
				}
			}
		}
		want()
		publish() // comes while the client waits
		want()
	})
}

func TestWhereAClientBegins(t *testing.T) {
	overWays(t, func(t *testing.T, w way) {
		log := topic.Log{MaxItems: 4}
		defer log.Close()
		var all []topic.Cursor
		for i := range 6 {
			all = append(all, log.Append("", fmt.Append(nil, i)))
		}
		s := w.serve(t, &log, nil)
		s.open(t, "").wantTexts(t, "2", "3", "4", "5")
		s.open(t, "after="+string(all[3])).wantTexts(t, "4", "5")
		gone := s.open(t, "after="+string(all[0]))
		if e := gone.wantReset(t); e.After != all[0] || e.Oldest != all[1] || e.Head != all[5] {
			t.Errorf("%+v", e)
		}
		gone.wantTexts(t, "2", "3", "4", "5")
		other := s.open(t, "after=abc-1")
		other.wantReset(t)
		other.wantTexts(t, "2", "3", "4", "5")
		now := s.open(t, "after=now")
		end := s.open(t, "after="+string(all[5]))
		log.Append("", []byte("6"))
		now.wantTexts(t, "6")
		end.wantTexts(t, "6")

		few := w.serve(t, &log, &Options{MaxReplay: 2})
		few.open(t, "after="+string(all[4])).wantTexts(t, "5", "6")
		r := few.open(t, "after="+string(all[3]))
		if e := r.wantReset(t); e.After != all[3] || e.Oldest != all[4] {
			t.Errorf("%+v", e)
		}
		r.wantTexts(t, "5", "6")

		for _, query := range []string{"after=x", "after=" + strings.Repeat("a", 100), "after=a&after=b", "after=%zz"} {
			if _, err := s.dial(t.Context(), query); err == nil || !strings.Contains(err.Error(), "400") {
				t.Errorf("%s: %v", query, err)
			}
		}
	})
}

// The position comes first, so that nothing is lost before the first item.
func TestThePositionComesFirst(t *testing.T) {
	var log topic.Log
	defer log.Close()
	c := log.Append("", []byte("0"))
	r := way{socket: true}.serve(t, &log, nil).open(t, "after=now")
	if g, err := r.next(t.Context()); err != nil || g.kind != linePosition || g.item.Cursor != c {
		t.Errorf("%+v, %v", g, err)
	}
	res := way{}.serve(t, &log, nil).open(t, "after=now").res
	block := make([]byte, len("id: \n\n")+len(c))
	if _, err := io.ReadFull(res.Body, block); err != nil || string(block) != "id: "+string(c)+"\n\n" {
		t.Errorf("%q, %v", block, err)
	}
}

// The end of the source ends what hangs on it.
func TestTheSourceEnds(t *testing.T) {
	overWays(t, func(t *testing.T, w way) {
		var log topic.Log
		var group Group
		s := w.serve(t, &log, &Options{Group: &group})
		r := s.open(t, "")
		log.Append("", []byte("last"))
		log.Close()
		r.wantTexts(t, "last")
		_, err := r.next(t.Context())
		if w.socket && pushwire.CodeOf(err) != frame.CodeGoingAway || !w.socket && err != io.EOF {
			t.Errorf("ended with %v", err)
		}
		r.close()
		waitFor(t, "the group is empty", func() bool { return group.Len() == 0 })
		if _, err := s.dial(t.Context(), "after=now"); err == nil || !strings.Contains(err.Error(), "503") {
			t.Errorf("after the end: %v", err)
		}
	})
}

func waitFor(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
