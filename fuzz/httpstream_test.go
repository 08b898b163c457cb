package fuzz

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/internal/memconn"
	"github.com/pushwire/pushwire/topic"
)

// statuses are those that Handler, or net/http before it, gives.
var statuses = []int{101, 200, 201, 204, 304, 400, 403, 405, 406, 408, 410, 411, 413, 414, 415, 417, 426, 431, 500, 501, 503, 505}

// FuzzHTTPStream: any bytes to a net/http server with httpstream's Handler,
// over one connection, in any pieces, with an item published meanwhile, until
// the group is shut down. Nothing panics, the answer is one of its transport's
// and whole, and nothing is left of the connection.
func FuzzHTTPStream(f *testing.F) {
	const socket = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /?after=now&wait=9 HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /?after=x HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /?limit=1 HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"a\"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /?after=0000000000000-7 HTTP/1.1\r\nHost: a\r\nAccept: application/x-ndjson\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream;q=0.5, application/x-ndjson;q=1\r\nLast-Event-ID: 1-1\r\n\r\n",
		"GET / HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n" + socket + "\r\n" + piece(true, 0x89, "") + piece(true, 0x88, "\x03\xe8"),
		"GET /?after=message HTTP/1.1\r\nHost: a\r\n" + socket + "\r\n" + piece(true, 0x81, `{"after":""}`),
		"GET /?after=message HTTP/1.1\r\nHost: a\r\n" + socket + "\r\n" + piece(true, 0x81, `{"after":"-","x":[]}`) + piece(true, 0x82, "no"),
		"POST /?type=x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Type: text/plain\r\nIdempotency-Key: k\r\n\r\nhello",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 99999\r\n\r\nabc",
		"OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nAccess-Control-Request-Method: POST\r\n\r\n",
		"HEAD /?wait=1 HTTP/1.1\r\nHost: a\r\n\r\n",
		"DELETE / HTTP/1.1\r\nHost: a\r\nOrigin: null\r\nSec-Fetch-Site: cross-site\r\n\r\n",
	} {
		f.Add([]byte(s), []byte{})
		f.Add([]byte(s), []byte{0xe3, 0x5f, 0xe0})
	}
	f.Fuzz(func(t *testing.T, in, plan []byte) {
		synctest.Test(t, func(t *testing.T) { visit(t, in, plan) })
	})
}

func visit(t *testing.T, in, plan []byte) {
	news := &topic.Log{MaxItems: 8}
	var group httpstream.Group
	var bad panics
	for i := range 3 {
		if _, _, err := news.Publish(ended, topic.Publication{Data: []byte{'a' + byte(i)}, Binary: i == 1}); err != nil {
			t.Fatal(err)
		}
	}
	l := newListener(memconn.DefaultSize)
	stop := serve(&http.Server{
		ErrorLog: log.New(&bad, "", 0),
		Handler: httpstream.Handler(news, &httpstream.Options{
			Group: &group, MaxReplay: 2, MaxItems: 2, Allow: func(*http.Request) error { return nil },
		}),
	}, l)
	nc := l.connect()
	done := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(nc)
		done <- b
	}()
	v := conversation{plan: plan}
	v.send(nc, in)
	synctest.Wait()
	news.Append("", []byte("while it is open"))
	time.Sleep(20 * time.Second)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	if left, err := group.Shutdown(ctx); left != 0 || err != nil {
		t.Errorf("after Shutdown %d are left, %v", left, err)
	}
	cancel()
	nc.CloseWrite()
	time.Sleep(time.Minute) // what lingers ends, as does a request whose rest does not come
	stop()
	got := <-done
	nc.Close()
	news.Close()
	time.Sleep(time.Second)
	synctest.Wait()
	if len(bad.seen) > 0 {
		t.Fatalf("%q", bad.seen)
	}
	if n := group.Len(); n != 0 {
		t.Fatalf("%d are left", n)
	}
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(in)))
	if err != nil || len(got) == 0 {
		return // net/http's own answers are not ours to judge
	}
	br := bufio.NewReader(bytes.NewReader(got))
	res, err := http.ReadResponse(br, req)
	for err == nil && res.StatusCode == 100 {
		res, err = http.ReadResponse(br, req)
	}
	if err != nil || !slices.Contains(statuses, res.StatusCode) {
		t.Fatalf("%q: %q, %v", in, got, err)
	}
	if res.StatusCode == 101 {
		rest, _ := io.ReadAll(br)
		checkSocket(t, rest)
		return
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%q: %q, %v", in, got, err)
	}
	switch typ := res.Header.Get("Content-Type"); {
	case req.Method == "HEAD" || len(body) == 0:
	case typ == "application/json" && !json.Valid(body):
		t.Fatalf("not JSON: %q", body)
	case typ == "application/x-ndjson":
		for line := range bytes.Lines(body) {
			if !json.Valid(line) || line[len(line)-1] != '\n' {
				t.Fatalf("not a line of JSON: %q", line)
			}
		}
	case typ == "text/event-stream":
		for _, ev := range interpret(body) {
			if _, _, err := topic.Cursor(ev.id).Split(); err != nil {
				t.Fatalf("event %+v: %v", ev, err)
			}
		}
	}
}

// checkSocket holds that frames are the server's half of docs/PROTOCOL.md.
func checkSocket(t *testing.T, frames []byte) {
	v := judge(rules{message: 1 << 20, fragments: 1000}, frames)
	if v.fail != 0 || v.closed == nil {
		t.Fatalf("%+v of % x", v, frames)
	}
	for _, m := range v.messages {
		cursor, _, _ := strings.Cut(m.data, "\n")
		if m.text {
			var j itemJSON
			if err := json.Unmarshal([]byte(m.data), &j); err != nil {
				t.Fatalf("%q: %v", m.data, err)
			}
			cursor = j.Cursor
		}
		if _, _, err := topic.Cursor(cursor).Split(); err != nil {
			t.Fatalf("%q: %v", m.data, err)
		}
	}
}
