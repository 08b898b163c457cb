package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire/eventstream"
)

// TestServeAndListen: what is posted to /events comes out of listen; ticks
// stand between. The end of the server is that of the stream, and listen tries
// again until it is told to end.
func TestServeAndListen(t *testing.T) {
	at, stop := startServe(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, w := io.Pipe()
	var errs bytes.Buffer
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, console{strings.NewReader(""), w, &errs}, []string{"listen", "-json", "http://" + at + "/events"})
		w.Close()
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.Contains(lines.Text(), `"type":"tick","data":"`) {
		t.Fatalf("first came %q", lines.Text())
	}
	res, err := http.Post("http://"+at+"/events", "text/plain", strings.NewReader("Grüße\n<all>"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	for lines.Scan() && strings.Contains(lines.Text(), `"type":"tick"`) {
	}
	if !strings.HasSuffix(lines.Text(), `"type":"message","data":"Grüße\n<all>"}`) {
		t.Errorf("then %q", lines.Text())
	}
	began := time.Now()
	if status, said := stop(); status != exitOK || time.Since(began) > 3*time.Second {
		t.Errorf("serve ended with %d, %q after %v", status, said, time.Since(began))
	}
	cancel()
	go io.Copy(io.Discard, out)
	if got := <-status; got != exitOK {
		t.Errorf("listen ended with %d, %q", got, errs.String())
	}
}

func TestListen(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/none" {
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, "no token\n")
			return
		}
		if r.Header.Get("Last-Event-ID") == "2" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		body, _ := io.ReadAll(r.Body)
		eventstream.Handler(func(s *eventstream.Stream, r *http.Request) {
			s.Send(eventstream.Event{ID: "1", Type: "a", Data: []byte(r.Method + " " + string(body) + "\n" + r.Header.Get("X-Test") + s.LastEventID())})
			s.Send(eventstream.Event{ID: "2", Data: []byte("b")})
		}, &eventstream.Options{Retry: time.Millisecond}).ServeHTTP(w, r)
	}))
	defer srv.Close()
	for _, row := range []struct {
		args   string
		status int
		out    string
		errs   string // a part of them
	}{
		{"-header X-Test:yes " + srv.URL, exitOK, "a 1\n  GET \n  yes\nmessage 2\n  b\n", "trying again in "},
		{"-id 0 -post {} " + srv.URL, exitOK, "a 1\n  POST {}\n  0\nmessage 2\n  b\n", "the server ended its answer"},
		{"-json " + srv.URL, exitOK, `{"id":"1","type":"a","data":"GET \n"}` + "\n" + `{"id":"2","type":"message","data":"b"}` + "\n", "trying again in "},
		{"-max 3 " + srv.URL, exitFailed, "", "too large"},
		{srv.URL + "/none", exitFailed, "", "401 Unauthorized\" and not with a stream\nno token\n"},
		{"relative", exitFailed, "", "not absolute"},
		{"", exitUsage, "", "0 arguments, want 1"},
		{"-header x " + srv.URL, exitUsage, "", "Name: value"},
	} {
		status, out, errs := tool(t, "", append([]string{"listen"}, strings.Fields(row.args)...)...)
		if status != row.status || out != row.out || !strings.Contains(errs, row.errs) {
			t.Errorf("%q: status %d, output %q, errors %q", row.args, status, out, errs)
		}
	}
}

// TestTickerKeepsTheLastEvents: a client that comes back gets what it missed,
// as far as it is kept.
func TestTickerKeepsTheLastEvents(t *testing.T) {
	k := newTicker()
	for range eventsKept + 10 {
		k.publish(typeTick, nil)
	}
	for n, want := range map[int]int{0: eventsKept, 10: eventsKept, 11: eventsKept - 1, eventsKept + 9: 1, eventsKept + 10: 0, 1 << 30: 0} {
		if events, last, _ := k.after(n); len(events) != want || last != eventsKept+10 {
			t.Errorf("after %d: %d events, want %d; last %d", n, len(events), want, last)
		}
	}
}
