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

// TestServeListenPublish: what is published comes out of listen, over each
// transport, and after the cursor that it was told.
func TestServeListenPublish(t *testing.T) {
	at, stop := startServe(t)
	url := "http://" + at + topicsPath + "room"
	status, first, errs := tool(t, "", "publish", "-type", "greeting", "-key", "k", url, "Grüße\n<all>")
	if status != exitOK || !strings.HasSuffix(first, "-1\n") {
		t.Fatalf("publish: status %d, output %q, errors %q", status, first, errs)
	}
	if _, again, _ := tool(t, "", "publish", "-key", "k", url, "another"); again != first {
		t.Errorf("the same key again: %q, want %q", again, first)
	}
	if status, out, errs := tool(t, "one\ntwo\n", "publish", "-lines", url); status != exitOK || strings.Count(out, "\n") != 2 {
		t.Errorf("lines: status %d, output %q, errors %q", status, out, errs)
	}
	if status, _, errs := tool(t, "\x00\xff", "publish", url); status != exitOK {
		t.Errorf("bytes: status %d, errors %q", status, errs)
	}
	first = strings.TrimSpace(first)
	for _, transport := range append([]string{""}, transports...) {
		for _, row := range []struct{ args, out string }{
			{"-n 4", "greeting " + first + "\n  Grüße\n  <all>\nmessage EPOCH-2\n  one\nmessage EPOCH-3\n  two\nmessage EPOCH-4, 2 bytes\n  00 ff\n"},
			{"-n 2 -data -after " + first, "one\ntwo\n"},
			{"-n 4 -json", `{"id":"EPOCH-1","type":"greeting","data":"Grüße\n<all>"}` + "\n" + `{"id":"EPOCH-2","type":"message","data":"one"}` + "\n" +
				`{"id":"EPOCH-3","type":"message","data":"two"}` + "\n" + `{"id":"EPOCH-4","type":"message","base64":"AP8="}` + "\n"},
		} {
			args := append([]string{"listen", "-transport", transport, "-v"}, strings.Fields(row.args)...)
			status, out, errs := tool(t, "", append(args, url)...)
			epoch, _, _ := strings.Cut(first, "-")
			if want := strings.ReplaceAll(row.out, "EPOCH", epoch); status != exitOK || out != want || !strings.Contains(errs, "over "+transport) {
				t.Errorf("%q: status %d, output %q, want %q, errors %q", args, status, out, want, errs)
			}
		}
	}
	if status, said := stop(); status != exitOK || !strings.HasSuffix(said, "all closed, 0 left\n") {
		t.Errorf("serve ended with %d, %q", status, said)
	}
}

// TestListenOverTheEndOfTheServer: clients are let go, and try again.
func TestListenOverTheEndOfTheServer(t *testing.T) {
	for _, transport := range transports {
		at, stop := startServe(t)
		ctx, cancel := context.WithCancel(t.Context())
		out, w := io.Pipe()
		var errs bytes.Buffer
		status := make(chan int, 1)
		go func() {
			status <- run(ctx, console{strings.NewReader(""), w, &errs}, []string{"listen", "-json", "-transport", transport, "http://" + at + topicsPath + demoTopic})
			w.Close()
		}()
		// Nothing ticks for a short poll alone.
		if status, _, errs := tool(t, "", "publish", "http://"+at+topicsPath+demoTopic, "x"); status != exitOK {
			t.Fatal(errs)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() && !strings.Contains(lines.Text(), `"type":"message","data":"x"`) {
		}
		go io.Copy(io.Discard, out)
		began := time.Now()
		if status, said := stop(); status != exitOK || time.Since(began) > 3*time.Second {
			t.Errorf("%s: serve ended with %d, %q after %v", transport, status, said, time.Since(began))
		}
		cancel()
		if got := <-status; got != exitOK {
			t.Errorf("%s: listen ended with %d, %q", transport, got, errs.String())
		}
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
		{"-after 0 -post {} " + srv.URL, exitOK, "a 1\n  POST {}\n  0\nmessage 2\n  b\n", "the server ended its answer"},
		{"-json " + srv.URL, exitOK, `{"id":"1","type":"a","data":"GET \n"}` + "\n" + `{"id":"2","type":"message","data":"b"}` + "\n", "trying again in "},
		{"-max 3 " + srv.URL, exitFailed, "", "too large"},
		{srv.URL + "/none", exitFailed, "", "401 Unauthorized\" and not with a stream\nno token\n"},
		{"relative", exitFailed, "", "not absolute"},
		{"", exitUsage, "", "0 arguments, want 1"},
		{"-n 3 -data " + srv.URL, exitFailed, "GET \n\nb\n", "2 of 3 items came"},
		{"-json -data " + srv.URL, exitUsage, "", "exclude each other"},
		{"-transport pigeon " + srv.URL, exitUsage, "", `no transport "pigeon"`},
		{"-header x " + srv.URL, exitUsage, "", "Name: value"},
	} {
		status, out, errs := tool(t, "", append([]string{"listen", "-transport", foreign}, strings.Fields(row.args)...)...)
		if status != row.status || out != row.out || !strings.Contains(errs, row.errs) {
			t.Errorf("%q: status %d, output %q, errors %q", row.args, status, out, errs)
		}
	}
}

// TestWrongAddress: who is at the wrong place is told what to try.
func TestWrongAddress(t *testing.T) {
	at, _ := startServe(t)
	const want = "\n404 page not found\ncheck the path: \"pushwire serve\" has topics at /topics/NAME\n"
	for _, command := range []string{"listen", "publish"} {
		status, out, errs := tool(t, "x", command, "http://"+at+"/room")
		if status != exitFailed || out != "" || !strings.HasPrefix(errs, "pushwire "+command+": ") || !strings.HasSuffix(errs, want) {
			t.Errorf("%s: status %d, output %q, errors %q", command, status, out, errs)
		}
	}

	srv := httptest.NewServer(eventstream.Handler(func(s *eventstream.Stream, r *http.Request) {
		s.Send(eventstream.Event{ID: "1", Data: []byte("an event")})
		<-s.Context().Done()
	}, nil))
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), testTime)
	defer cancel()
	said, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, console{strings.NewReader(""), io.Discard, w}, []string{"listen", srv.URL})
		w.Close()
	}()
	found := false
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if strings.Contains(lines.Text(), "-transport sse follows it") {
			found = true
			cancel()
		}
	}
	if status := <-ended; !found || status != exitOK {
		t.Errorf("an event stream that is no topic: told %v, status %d", found, status)
	}
}

// What is printed for people does not act on their terminal, whoever has
// published it; what is printed for programs is what was published.
func TestListenPrintsNoControls(t *testing.T) {
	it := printed{id: "e-1", typ: "a\x1b[2Jb", data: []byte("tab\tset \x1b]52;c;eA==\x07\r\nover\rwritten \u009b1m \x7f é\n")}
	for _, tt := range []struct {
		print func(io.Writer, printed) error
		want  string
	}{
		{printItem, `a\x1b[2Jb e-1` + "\n  tab\t" + `set \x1b]52;c;eA==\a` + "\n  " + `over\rwritten \u009b1m \x7f é` + "\n  \n"},
		{printData, string(it.data) + "\n"},
	} {
		var out bytes.Buffer
		if err := tt.print(&out, it); err != nil || out.String() != tt.want {
			t.Errorf("got %q, want %q (%v)", &out, tt.want, err)
		}
	}
}
