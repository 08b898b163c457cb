package httpstream_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// raw makes a request byte by byte and returns all that comes back until the
// server closes.
func raw(t *testing.T, l *memListener, parts ...string) string {
	t.Helper()
	nc, err := l.dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(time.Hour))
	go func() {
		for _, p := range parts {
			if _, err := io.WriteString(nc, p); err != nil {
				return
			}
		}
	}()
	b, err := io.ReadAll(nc)
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Errorf("the connection is never closed; so far %q", b)
	}
	return string(b)
}

// inMemory runs f in a bubble with a server on HTTP/1.x over a log of three
// items.
func inMemory(t *testing.T, o *httpstream.Options, f func(t *testing.T, b *bubble, log *topic.Log, real, short func(string) string)) {
	synctest.Test(t, func(t *testing.T) {
		log, real, short := filled(t, 3)
		b := way{}.inBubble(httpstream.Handler(log, o), nil)
		defer b.close()
		f(t, b, log, real, short)
	})
}

// Bodies that are announced and do not come hold up nobody but who sent them,
// and not for long.
func TestBodiesThatStall(t *testing.T) {
	for _, tt := range []struct {
		name, request string
		status        string
		answered      time.Duration
		closed        time.Duration // at the latest
	}{
		{"POST", "POST / HTTP/1.1\r\nHost: mem\r\nContent-Length: 100\r\n\r\nhalf", "408", 10 * time.Second, 13 * time.Second},
		{"POST in chunks", "POST / HTTP/1.1\r\nHost: mem\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "408", 10 * time.Second, 13 * time.Second},
		{"POST of too much", "POST / HTTP/1.1\r\nHost: mem\r\nContent-Length: 100000000\r\n\r\nhalf", "413", 0, 3 * time.Second},
		{"GET", "GET / HTTP/1.1\r\nHost: mem\r\nContent-Length: 100\r\n\r\nhalf", "400", 0, 3 * time.Second},
		{"GET in chunks", "GET /?wait=20 HTTP/1.1\r\nHost: mem\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "400", 0, 3 * time.Second},
		{"stream", "GET / HTTP/1.1\r\nHost: mem\r\nAccept: application/x-ndjson\r\nContent-Length: 100\r\n\r\nhalf", "400", 0, 3 * time.Second},
		{"PUT", "PUT / HTTP/1.1\r\nHost: mem\r\nContent-Length: 100\r\n\r\nhalf", "400", 0, 3 * time.Second},
		{"refused", "POST / HTTP/1.1\r\nHost: mem\r\nOrigin: http://evil.example\r\nContent-Length: 100\r\n\r\nhalf", "403", 0, 3 * time.Second},
		{"not UTF-8 in the query", "POST /?type=%ff%zz HTTP/1.1\r\nHost: mem\r\nContent-Length: 100\r\n\r\nhalf", "400", 0, 3 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inMemory(t, &httpstream.Options{Allow: allowAll}, func(t *testing.T, b *bubble, log *topic.Log, _, _ func(string) string) {
				nc, err := b.l.dial(t.Context(), "", "")
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
				began := time.Now()
				io.WriteString(nc, tt.request)
				r := bufio.NewReader(nc)
				line, err := r.ReadString('\n')
				if err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+tt.status) {
					t.Fatalf("%q, %v", line, err)
				}
				between(t, "answered after", time.Since(began), tt.answered, tt.answered)
				io.Copy(io.Discard, r)
				between(t, "closed after", time.Since(began), tt.answered, tt.closed)
				if items, _ := log.Bounds(t.Context()); items.Items != 3 {
					t.Error("something was published")
				}
			})
		})
	}
}

// A body in chunks has no length to be refused by: no more is read of it than
// may be published.
func TestChunksWithoutEnd(t *testing.T) {
	inMemory(t, &httpstream.Options{Allow: allowAll, MaxPublish: 1000}, func(t *testing.T, b *bubble, log *topic.Log, _, _ func(string) string) {
		nc, err := b.l.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		sent := make(chan int)
		go func() {
			n, _ := io.WriteString(nc, "POST / HTTP/1.1\r\nHost: mem\r\nTransfer-Encoding: chunked\r\n\r\n")
			for n < 100<<20 {
				more, err := io.WriteString(nc, "1\r\nx\r\n")
				if n += more; err != nil {
					break
				}
			}
			sent <- n
		}()
		all, _ := io.ReadAll(nc)
		if !bytes.HasPrefix(all, []byte("HTTP/1.1 413 ")) {
			t.Errorf("%q", all)
		}
		nc.Close()
		if n := <-sent; n > 4<<20 {
			t.Errorf("%d bytes were taken", n)
		}
	})
}

func TestBytesThatAreNoRequest(t *testing.T) {
	inMemory(t, &httpstream.Options{Allow: allowAll}, func(t *testing.T, b *bubble, log *topic.Log, _, _ func(string) string) {
		for _, tt := range []struct{ request, status string }{
			{"GET /?after=\x00 HTTP/1.1\r\nHost: mem\r\n\r\n", "400"},
			{"GET / HTTP/1.1\r\nHost: mem\r\nLast-Event-ID: a\x00b\r\n\r\n", "400"},
			{"GET / HTTP/1.1\r\nHost: mem\r\nX: " + strings.Repeat("a", 2<<20) + "\r\n\r\n", "431"},
			{"GET / HTTP/1.1\r\nHost: mem\r\n" + strings.Repeat("X: y\r\n", 300000) + "\r\n", "431"},
			{"GET / HTTP/1.1\r\nHost: mem\r\n" + strings.Repeat("X: y\r\n", 101) + "\r\n", "431"},
			{"GET /?" + strings.Repeat("a", 2<<20) + " HTTP/1.1\r\nHost: mem\r\n\r\n", "431"},
			{"POST / HTTP/1.1\r\nHost: mem\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
			{"POST / HTTP/1.1\r\nHost: mem\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "400"},
			{"POST / HTTP/1.1\r\nHost: mem\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n\r\n", "201"},
		} {
			got := raw(t, b.l, tt.request)
			if !strings.HasPrefix(got, "HTTP/1.1 "+tt.status+" ") {
				t.Errorf("%.60q: %.200q, want %s", tt.request, got, tt.status)
			}
		}
	})
}

// Fields that come in a flood are looked at up to a bound.
func TestFloodsOfFields(t *testing.T) {
	log, real, _ := filled(t, 3)
	h := httpstream.Handler(log, nil)
	began := time.Now()
	for _, value := range []string{strings.Repeat(",", 900<<10), strings.Repeat(`"x",`, 200<<10), strings.Repeat("a;q=0.1,", 100<<10), strings.Repeat(";", 900<<10), strings.Repeat(`"`, 900<<10), strings.Repeat("W/", 400<<10)} {
		for _, name := range []string{"Accept", "If-None-Match", "Upgrade", "Origin", "Last-Event-ID", "Sec-Fetch-Site"} {
			r := httptest.NewRequest("GET", real("/?after=E-1"), nil)
			r.Header.Set(name, value)
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("took %v", d)
	}
}

// However they come, a hundred fields are taken and one more is not, over all
// transports and methods.
func TestNumberOfFields(t *testing.T) {
	log, _, _ := filled(t, 3)
	log.Close() // so that streams end and nobody waits
	h := httpstream.Handler(log, &httpstream.Options{WriteTimeout: -1, Allow: allowAll})
	for _, tt := range []struct {
		name, method string
		fields       []string
	}{
		{"short poll", "GET", nil},
		{"lines", "GET", []string{"Accept", acceptLines}},
		{"events", "GET", []string{"Accept", acceptEvents}},
		{"socket", "GET", []string{"Upgrade", "websocket", "Connection", "Upgrade", "Sec-Websocket-Version", "13", "Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}},
		{"publication", "POST", nil},
		{"preflight", "OPTIONS", []string{"Origin", "http://example.com", "Access-Control-Request-Method", "POST"}},
	} {
		for _, same := range []bool{false, true} {
			r := httptest.NewRequest(tt.method, "/", nil)
			for i := 0; i < len(tt.fields); i += 2 {
				r.Header.Add(tt.fields[i], tt.fields[i+1])
			}
			for i := len(tt.fields) / 2; i < 100; i++ {
				name := "X-Field"
				if !same {
					name += itoa(i)
				}
				r.Header.Add(name, "x")
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code == 431 {
				t.Errorf("%s: 100 fields, one name for all %t: refused", tt.name, same)
			}
			r.Header.Add("X-Field", "x")
			w = httptest.NewRecorder()
			h.ServeHTTP(w, r)
			wantRefusal(t, answer{header: w.Header(), body: w.Body.String()}, "too_large")
			if w.Code != 431 || w.Header().Get("Connection") != "close" {
				t.Errorf("%s: 101 fields: %d, Connection %q", tt.name, w.Code, w.Header().Get("Connection"))
			}
		}
	}
}

// A page that may read the topic may read why it is refused, too.
func TestPagesCanReadThatThereAreTooManyFields(t *testing.T) {
	log, _, _ := filled(t, 3)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Origin", "https://page.example")
	for i := range 100 {
		r.Header.Set("X-Field"+itoa(i), "x")
	}
	w := httptest.NewRecorder()
	httpstream.Handler(log, &httpstream.Options{Origins: handshake.Origins{Allow: []string{"https://page.example"}}}).ServeHTTP(w, r)
	if allowed := w.Header().Get("Access-Control-Allow-Origin"); w.Code != 431 || allowed != "https://page.example" {
		t.Errorf("%d, Access-Control-Allow-Origin %q", w.Code, allowed)
	}
}

// HTTP/1.0 has no chunks: a stream there ends with its connection.
func TestHTTP10(t *testing.T) {
	inMemory(t, nil, func(t *testing.T, b *bubble, log *topic.Log, real, short func(string) string) {
		got := raw(t, b.l, real("GET /?after=E-2 HTTP/1.0\r\n\r\n"))
		if !strings.HasPrefix(got, "HTTP/1.0 200 OK\r\n") || !strings.HasSuffix(short(got), "\r\n\r\n"+`{"items":[{"cursor":"E-3","data":"3"}],"cursor":"E-3"}`+"\n") {
			t.Errorf("short poll: %q", got)
		}
		time.AfterFunc(5*time.Second, func() { fill(log, 4, 4) })
		got = raw(t, b.l, real("GET /?after=E-3&wait=20 HTTP/1.0\r\n\r\n"))
		if !strings.HasSuffix(short(got), "\r\n\r\n"+`{"items":[{"cursor":"E-4","data":"4"}],"cursor":"E-4"}`+"\n") {
			t.Errorf("long poll: %q", got)
		}
		time.AfterFunc(time.Second, func() { log.Close() })
		got = raw(t, b.l, real("GET /?after=E-3 HTTP/1.0\r\nAccept: application/x-ndjson\r\n\r\n"))
		if strings.Contains(got, "chunked") || !strings.HasSuffix(short(got), "\r\n\r\n"+`{"cursor":"E-3"}`+"\n"+`{"cursor":"E-4","data":"4"}`+"\n") {
			t.Errorf("stream: %q", got)
		}
	})
}

// Connections serve one poll after the other, and deadlines of one do not end
// another.
func TestPollsShareAConnection(t *testing.T) {
	inMemory(t, &httpstream.Options{Allow: allowAll}, func(t *testing.T, b *bubble, log *topic.Log, real, _ func(string) string) {
		nc, err := b.l.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		r := bufio.NewReader(nc)
		for i, request := range []string{
			"GET / HTTP/1.1\r\nHost: mem\r\n\r\n", "POST / HTTP/1.1\r\nHost: mem\r\nContent-Length: 1\r\n\r\nx",
			"GET /?after=now&wait=25 HTTP/1.1\r\nHost: mem\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: mem\r\n\r\n", "OPTIONS / HTTP/1.1\r\nHost: mem\r\n\r\n",
			"GET /?after=x HTTP/1.1\r\nHost: mem\r\n\r\n", "GET /?after=now HTTP/1.1\r\nHost: mem\r\n\r\n", "GET / HTTP/1.1\r\nHost: mem\r\n\r\n",
		} {
			io.WriteString(nc, request)
			req, _ := http.NewRequest(request[:strings.Index(request, " ")], "/", nil)
			res, err := http.ReadResponse(r, req)
			if err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.Close {
				t.Errorf("request %d: %d closes the connection", i, res.StatusCode)
			}
			time.Sleep(time.Minute)
		}
	})
}

// A client that asks for an answer and does not read it is cut off.
func TestPollThatIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &topic.Log{}
		log.Append("", []byte(strings.Repeat("x", 900<<10)))
		returned := make(chan time.Time, 1)
		h := httpstream.Handler(log, nil)
		b := way{}.inBubble(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r)
			returned <- time.Now()
		}), nil)
		defer b.close()
		nc, err := b.l.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		began := time.Now()
		io.WriteString(nc, "GET / HTTP/1.1\r\nHost: mem\r\n\r\n")
		between(t, "given up after", (<-returned).Sub(began), 10*time.Second, 10*time.Second)
	})
}

// checkAnswer holds what any request may get: a known status, and JSON where
// there is a body.
func checkAnswer(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	body := w.Body.Bytes()
	switch w.Code {
	case 200, 201:
		if w.Header().Get("Content-Type") == acceptEvents {
			return // other tests look at these
		}
		for line := range bytes.Lines(body) {
			if !json.Valid(line) {
				t.Fatalf("not JSON: %q", line)
			}
		}
	case 204, 304:
		if len(body) > 0 {
			t.Fatalf("%d with the body %q", w.Code, body)
		}
	case 500: // a recorder can't be a socket; that is the server's fault and said in text
	case 400, 403, 405, 406, 408, 410, 413, 414, 415, 426, 431, 503:
		var e struct{ Error, Message string }
		if err := json.Unmarshal(body, &e); err != nil || e.Error == "" || e.Message == "" {
			t.Fatalf("%d %q: %v", w.Code, body, err)
		}
	default:
		t.Fatalf("status %d", w.Code)
	}
	for name, values := range w.Header() {
		for _, v := range values {
			if strings.ContainsAny(name+v, "\r\n\x00") {
				t.Fatalf("field %q: %q", name, v)
			}
		}
	}
}

func FuzzRequest(f *testing.F) {
	for _, tt := range requests {
		var fields string
		for i := 0; i < len(tt.fields); i += 2 {
			fields += tt.fields[i] + ": " + tt.fields[i+1] + "\n"
		}
		f.Add("GET", strings.TrimPrefix(tt.query, "?"), fields, []byte(nil))
	}
	f.Add("GET", "", "Accept: application/x-ndjson\n", []byte(nil))
	f.Add("GET", "", "Accept: text/event-stream\n", []byte(nil))
	f.Add("GET", "after=message", "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n", []byte(nil))
	f.Add("POST", "type=x&key=y", "Content-Type: image/png\nOrigin: http://example.com\n", []byte("\xff"))
	f.Add("OPTIONS", "", "Origin: http://example.com\nAccess-Control-Request-Method: POST\n", []byte(nil))
	f.Fuzz(func(t *testing.T, method, query, fields string, body []byte) {
		log, real, _ := filled(t, 3)
		log.Close() // so that streams end and nobody waits
		r := httptest.NewRequest("GET", "/", bytes.NewReader(body))
		r.Method = method
		r.URL = &url.URL{Path: "/", RawQuery: real(query)}
		for line := range strings.SplitSeq(real(fields), "\n") {
			if name, value, ok := strings.Cut(line, ": "); ok {
				r.Header.Add(name, value)
			}
		}
		if method != "POST" && len(body) == 0 {
			r.Body, r.ContentLength = http.NoBody, 0
		}
		w := httptest.NewRecorder()
		httpstream.Handler(log, &httpstream.Options{WriteTimeout: -1, MaxWait: time.Millisecond, Allow: allowAll, MaxItems: 1 + len(fields)%4, MaxReplay: len(query) % 4}).ServeHTTP(w, r)
		checkAnswer(t, w)
	})
}

// Whatever the limits and wherever a reader is thrown to, polls give each item
// once and in order.
func TestPollsAreWholeWhateverTheLimits(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	log, _, short := filled(t, 1000)
	for range 30 {
		h := httpstream.Handler(log, &httpstream.Options{MaxItems: 1 + rnd.Intn(200), MaxBytes: 1 + rnd.Intn(20000)})
		query, next := "", 1
		for next <= 1000 {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/?wait=1&limit="+itoa(1+rnd.Intn(300))+query, nil))
			items := itemsOf(t, w.Body.String())
			if len(items) == 0 {
				t.Fatal(w.Code)
			}
			for _, c := range items {
				if want := fmt.Sprintf("E-%d", next); short(string(c)) != want {
					t.Fatalf("%s, want %s", c, want)
				}
				next++
			}
			query = "&after=" + w.Header().Get("Pushwire-Cursor")
		}
	}
}
