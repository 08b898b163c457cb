package eventstream_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire/eventstream"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/internal/memconn"
)

// ask makes one request over Accept and over AcceptConn, and returns the
// answers, which must agree but for what belongs to the connection. The stream,
// if one is opened, tells its last event ID.
func ask(t *testing.T, o eventstream.Options, method, target string, fields ...string) (*http.Response, string) {
	t.Helper()
	var answers [2]*http.Response
	var bodies [2]string
	for i, w := range []way{{name: "HTTP1"}, {name: "raw", raw: true}} {
		srv := httptest.NewServer(w.handler(t, &o, func(s *eventstream.Stream, r *http.Request) {
			s.Send(eventstream.Event{Data: []byte(s.LastEventID())})
		}))
		req, err := http.NewRequest(method, srv.URL+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		for j := 0; j < len(fields); j += 2 {
			req.Header.Add(fields[j], fields[j+1])
		}
		// No Accept-Encoding of the client's own, which would hide the coding.
		tr := &http.Transport{DisableCompression: true}
		res, err := (&http.Client{Transport: tr}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		tr.CloseIdleConnections()
		srv.Close()
		for _, name := range []string{"Date", "Connection", "Content-Length"} {
			res.Header.Del(name)
		}
		answers[i], bodies[i] = res, string(b)
	}
	// What a refusal says to caches does not matter on a connection that ends.
	if answers[0].StatusCode != 200 {
		answers[0].Header.Del("Cache-Control")
		answers[1].Header.Del("Cache-Control")
	}
	if d := cmp.Diff(answers[0].Header, answers[1].Header); d != "" || answers[0].StatusCode != answers[1].StatusCode || bodies[0] != bodies[1] {
		t.Errorf("net/http and raw differ: %d and %d, %q and %q, %s", answers[0].StatusCode, answers[1].StatusCode, bodies[0], bodies[1], d)
	}
	return answers[0], bodies[0]
}

func TestMethods(t *testing.T) {
	for method, want := range map[string]int{
		"GET": 200, "POST": 200, "HEAD": 200, "PUT": 405, "DELETE": 405, "OPTIONS": 405, "PROPFIND": 405,
	} {
		res, body := ask(t, eventstream.Options{}, method, "/")
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", method, res.StatusCode, want)
		}
		if ct := res.Header.Get("Content-Type"); (ct == "text/event-stream") != (want == 200) {
			t.Errorf("%s: content type %q", method, ct)
		}
		if allow := res.Header.Get("Allow"); (allow == "GET, HEAD, POST") != (want == 405) {
			t.Errorf("%s: Allow %q", method, allow)
		}
		if (body == "data: \n\n") != (method == "GET" || method == "POST") {
			t.Errorf("%s: body %q", method, body)
		}
	}
}

func TestAcceptField(t *testing.T) {
	for _, row := range []struct {
		fields []string
		want   int
	}{
		{nil, 200},
		{[]string{""}, 200},
		{[]string{"*/*"}, 200},
		{[]string{"text/event-stream"}, 200},
		{[]string{"Text/Event-Stream;q=0.1"}, 200},
		{[]string{"text/*"}, 200},
		{[]string{"application/json, text/event-stream"}, 200},
		{[]string{"application/json", "text/event-stream"}, 200},
		{[]string{"text/html, */*;q=0.8"}, 200},
		{[]string{"text/event-stream;q=x"}, 200},
		{[]string{"application/json"}, 406},
		{[]string{"text/html, image/*"}, 406},
		{[]string{"text/event-stream;q=0, */*"}, 406},
		{[]string{"text/*;q=0, */*"}, 406},
		{[]string{"*/*;q=0"}, 406},
		{[]string{"*/*;q=0, text/event-stream;q=0.001"}, 200},
	} {
		var fields []string
		for _, f := range row.fields {
			fields = append(fields, "Accept", f)
		}
		if res, _ := ask(t, eventstream.Options{}, "GET", "/", fields...); res.StatusCode != row.want {
			t.Errorf("Accept %q: %d, want %d", row.fields, res.StatusCode, row.want)
		}
	}
}

// A hundred fields are taken, and one more is not: they are held for as long as
// the stream is open.
func TestNumberOfFields(t *testing.T) {
	for n, want := range map[int]int{100: 200, 101: 431} {
		for _, same := range []bool{false, true} {
			r := httptest.NewRequest("GET", "/", nil)
			for i := range n {
				name := "X-Field"
				if !same {
					name += strconv.Itoa(i)
				}
				r.Header.Add(name, "x")
			}
			w := httptest.NewRecorder()
			eventstream.Handler(func(*eventstream.Stream, *http.Request) {}, &eventstream.Options{WriteTimeout: -1}).ServeHTTP(w, r)
			a, b := memconn.Pipe()
			go func() {
				if s, err := eventstream.AcceptConn(b, r, nil); err == nil {
					s.Close()
				}
			}()
			head, _ := io.ReadAll(a)
			a.Close()
			if w.Code != want || !strings.HasPrefix(string(head), "HTTP/1.1 "+strconv.Itoa(want)+" ") {
				t.Errorf("%d fields, one name for all %t: %d on net/http, want %d; raw %.40q", n, same, w.Code, want, head)
			}
		}
	}
}

func TestLastEventID(t *testing.T) {
	for _, row := range []struct{ target, field, param, want string }{
		{"/", "", "", ""},
		{"/", "42", "", "42"},
		{"/", "日本", "", "日本"},
		{"/?lastEventId=7", "", "", "7"},
		{"/?lastEventId=7", "8", "", "8"}, // that of the URL is older
		{"/?lastEventId=a%0Ab", "", "", ""},
		{"/?lastEventId=a%00b", "", "", ""},
		{"/?last=9&lastEventId=7", "", "last", "9"},
	} {
		var fields []string
		if row.field != "" {
			fields = []string{"Last-Event-ID", row.field}
		}
		if _, body := ask(t, eventstream.Options{IDParam: row.param}, "GET", row.target, fields...); body != "data: "+row.want+"\n\n" {
			t.Errorf("%s, field %q: got %q", row.target, row.field, body)
		}
	}
}

func TestCORS(t *testing.T) {
	list := &eventstream.CORS{Origins: handshake.Origins{Allow: []string{"https://app.example", "https://*.sub.example"}}}
	creds := &eventstream.CORS{Origins: list.Origins, Credentials: true, Headers: []string{"X-Token"}, MaxAge: -1}
	any := &eventstream.CORS{Origins: handshake.Origins{Any: true}}
	long := strings.Repeat("7", 200)
	for _, row := range []struct {
		why    string
		cors   *eventstream.CORS
		method string
		fields []string
		status int
		want   map[string]string // of the fields that matter; absent is none
	}{
		{"no CORS, no fields", nil, "GET", []string{"Origin", "https://app.example"}, 200, nil},
		{"a welcome origin", list, "GET", []string{"Origin", "https://app.example", "Last-Event-ID", long}, 200,
			map[string]string{"Access-Control-Allow-Origin": "https://app.example", "Vary": "Origin"}},
		{"one by pattern", list, "GET", []string{"Origin", "https://a.b.sub.example"}, 200,
			map[string]string{"Access-Control-Allow-Origin": "https://a.b.sub.example", "Vary": "Origin"}},
		{"one that is not welcome", list, "GET", []string{"Origin", "https://evil.example"}, 403, map[string]string{"Vary": "Origin"}},
		{"the null origin", list, "GET", []string{"Origin", "null"}, 403, map[string]string{"Vary": "Origin"}},
		{"no browser", list, "GET", nil, 200, map[string]string{"Vary": "Origin"}},
		{"credentials", creds, "GET", []string{"Origin", "https://app.example"}, 200,
			map[string]string{"Access-Control-Allow-Origin": "https://app.example", "Access-Control-Allow-Credentials": "true", "Vary": "Origin"}},
		{"any origin", any, "GET", []string{"Origin", "null"}, 200, map[string]string{"Access-Control-Allow-Origin": "*"}},
		{"a page may read why it was refused", list, "GET", []string{"Origin", "https://app.example", "Accept", "image/png"}, 406,
			map[string]string{"Access-Control-Allow-Origin": "https://app.example", "Vary": "Origin"}},
		{"a preflight request", list, "OPTIONS", []string{"Origin", "https://app.example", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "last-event-id"}, 204,
			map[string]string{
				"Access-Control-Allow-Origin":  "https://app.example",
				"Access-Control-Allow-Methods": "GET, POST",
				"Access-Control-Allow-Headers": "Last-Event-ID, Cache-Control, Content-Type",
				"Access-Control-Max-Age":       "7200",
				"Vary":                         "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
			}},
		{"one with credentials and a field", creds, "OPTIONS", []string{"Origin", "https://app.example", "Access-Control-Request-Method", "POST"}, 204,
			map[string]string{
				"Access-Control-Allow-Origin":      "https://app.example",
				"Access-Control-Allow-Credentials": "true",
				"Access-Control-Allow-Methods":     "GET, POST",
				"Access-Control-Allow-Headers":     "Last-Event-ID, Cache-Control, Content-Type, X-Token",
				"Vary":                             "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
			}},
		{"one that is not welcome", list, "OPTIONS", []string{"Origin", "https://evil.example", "Access-Control-Request-Method", "GET"}, 403, map[string]string{"Vary": "Origin"}},
		{"OPTIONS of another kind", list, "OPTIONS", nil, 405, map[string]string{"Vary": "Origin"}},
	} {
		res, _ := ask(t, eventstream.Options{CORS: row.cors}, row.method, "/", row.fields...)
		if res.StatusCode != row.status {
			t.Errorf("%s: %d, want %d", row.why, res.StatusCode, row.status)
		}
		got := make(map[string]string)
		for name, values := range res.Header {
			if strings.HasPrefix(name, "Access-Control-") || name == "Vary" {
				got[name] = strings.Join(values, ", ")
			}
		}
		want := row.want
		if want == nil {
			want = map[string]string{}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", row.why, d)
		}
	}
}

// Two mistakes of the program: they are told to it, and not to the client.
func TestOptionsThatCannotBeObeyed(t *testing.T) {
	for why, o := range map[string]eventstream.Options{
		"every page with credentials": {CORS: &eventstream.CORS{Origins: handshake.Origins{Any: true}, Credentials: true}},
	} {
		if res, body := ask(t, o, "GET", "/"); res.StatusCode != 500 || strings.Contains(body, "CORS") {
			t.Errorf("%s: %d %q", why, res.StatusCode, body)
		}
	}
	// net/http cleans such a value; on a connection of our own it is refused.
	client, server := net.Pipe()
	go io.Copy(io.Discard, client)
	defer client.Close()
	_, err := eventstream.AcceptConn(server, httptest.NewRequest("GET", "/", nil), &eventstream.Options{Header: http.Header{"X": {"a\r\nSet-Cookie: b"}}})
	var ce *handshake.ConfigError
	if !errors.As(err, &ce) {
		t.Errorf("a value with CR LF: %v", err)
	}
}

func TestRequestErrorTellsItsStatus(t *testing.T) {
	rec := httptest.NewRecorder()
	_, err := eventstream.Accept(rec, httptest.NewRequest("PUT", "/", nil), nil)
	var re *eventstream.RequestError
	if !errors.As(err, &re) || re.Status != 405 || rec.Code != 405 {
		t.Errorf("%v, answered %d", err, rec.Code)
	}
}

// HEAD is answered without a stream, but with the same fields.
func TestHeaderIsCheckedForHEAD(t *testing.T) {
	client, server := memconn.Pipe()
	answer := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(client)
		client.Close()
		answer <- b
	}()
	_, err := eventstream.AcceptConn(server, httptest.NewRequest("HEAD", "/", nil), &eventstream.Options{Header: http.Header{"X": {"a\r\nSet-Cookie: b"}}})
	var ce *handshake.ConfigError
	if !errors.As(err, &ce) {
		t.Errorf("a value with CR LF: %v", err)
	}
	if b := <-answer; bytes.Contains(b, []byte("Set-Cookie")) {
		t.Errorf("answered %q", b)
	}
}

func TestHeaderNamesInAnyCase(t *testing.T) {
	res, _ := ask(t, eventstream.Options{Header: http.Header{"content-type": {"text/html"}, "x-test": {"1"}}}, "GET", "/")
	if ct := res.Header["Content-Type"]; len(ct) != 1 || ct[0] != "text/event-stream" || res.Header.Get("X-Test") != "1" {
		t.Errorf("head %v", res.Header)
	}
}
