package httpstream_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/eventstream"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// One address for every transport: what the request says decides.
func ExampleHandler() {
	var log topic.Log
	log.Append("", []byte("hello"))
	log.Append("price", []byte("3.5"))
	srv := httptest.NewServer(httpstream.Handler(&log, nil))
	defer srv.Close()

	for _, accept := range []string{"application/json", "application/x-ndjson", "text/event-stream"} {
		req, _ := http.NewRequest("GET", srv.URL, nil)
		req.Header.Set("Accept", accept)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(res.StatusCode, res.Header.Get("Content-Type"))
		res.Body.Close()
	}
	// Output:
	// 200 application/json
	// 200 application/x-ndjson
	// 200 text/event-stream
}

// A topic for each name, made when it is first asked for. Who may read and
// publish is the application's to say.
func ExampleHandler_hub() {
	var hub topic.Hub
	defer hub.Close()
	loggedIn := func(r *http.Request) error {
		if r.Header.Get("Authorization") != "Bearer secret" {
			return &httpstream.RefusedError{Status: 401, Token: "log_in", Message: "Please log in.", Header: http.Header{"Www-Authenticate": {"Bearer"}}}
		}
		return nil
	}
	o := &httpstream.Options{Check: loggedIn, Allow: func(r *http.Request) error { return nil }}
	mux := http.NewServeMux()
	mux.HandleFunc("/rooms/{name}", func(w http.ResponseWriter, r *http.Request) {
		httpstream.Handler(hub.Source(r.PathValue("name")), o).ServeHTTP(w, r)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()

	do := func(method, path, authorization, body string) {
		req, _ := http.NewRequest(method, srv.URL+path, strings.NewReader(body))
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		_, data, _ := strings.Cut(string(b), `"data":`)
		data, _, _ = strings.Cut(data, "}")
		fmt.Println(strings.TrimSpace(fmt.Sprintln(method, path, res.StatusCode, data)))
	}
	do("GET", "/rooms/garden", "", "")
	do("POST", "/rooms/garden", "Bearer secret", "hello")
	do("GET", "/rooms/garden", "Bearer secret", "")
	do("GET", "/rooms/kitchen", "Bearer secret", "")
	// Output:
	// GET /rooms/garden 401
	// POST /rooms/garden 201
	// GET /rooms/garden 200 "hello"
	// GET /rooms/kitchen 204
}

// A client that needs nothing but HTTP: it asks after the cursor of the last
// answer, again and again.
func ExampleLongPoll() {
	var log topic.Log
	srv := httptest.NewServer(httpstream.LongPoll(&log, nil))
	defer srv.Close()
	go func() {
		for _, text := range []string{"one", "two"} {
			time.Sleep(10 * time.Millisecond)
			log.Append("", []byte(text))
		}
	}()
	cursor := ""
	for seen := 0; seen < 2; {
		res, err := http.Get(srv.URL + "?wait=20&after=" + cursor)
		if err != nil {
			fmt.Println(err)
			return
		}
		cursor = res.Header.Get("Pushwire-Cursor")
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		for _, text := range []string{"one", "two"} {
			if strings.Contains(string(b), `"data":"`+text+`"`) {
				fmt.Println(text)
				seen++
			}
		}
	}
	// Output:
	// one
	// two
}

// A short poll that always asks for the same URL, as a cache does, is told that
// nothing has changed.
func ExampleShortPoll() {
	var log topic.Log
	log.Append("", []byte("hello"))
	srv := httptest.NewServer(httpstream.ShortPoll(&log, nil))
	defer srv.Close()
	etag := ""
	for range 2 {
		req, _ := http.NewRequest("GET", srv.URL, nil)
		if etag != "" {
			req.Header.Set("If-None-Match", etag)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		res.Body.Close()
		etag = res.Header.Get("ETag")
		fmt.Println(res.Status)
	}
	// Output:
	// 200 OK
	// 304 Not Modified
}

// JSON lines: the first says where the stream is.
func ExampleStream() {
	var log topic.Log
	srv := httptest.NewServer(httpstream.Stream(&log, nil))
	defer srv.Close()
	res, err := http.Get(srv.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		_, data, isItem := strings.Cut(lines.Text(), `"data":`)
		if !isItem {
			log.Append("", []byte("at last"))
			continue
		}
		fmt.Println(strings.TrimSuffix(data, "}"))
		break
	}
	// Output:
	// "at last"
}

// An event stream, as a page's EventSource reads it: the ID of an event is the
// cursor, and a client that comes back with it gets what follows.
func ExampleEvents() {
	var log topic.Log
	log.Append("", []byte("one"))
	log.Append("price", []byte("3.5"))
	srv := httptest.NewServer(httpstream.Events(&log, nil))
	defer srv.Close()
	lastID := ""
	for range 2 {
		req, _ := http.NewRequest("GET", srv.URL, nil)
		req.Header.Set("Last-Event-ID", lastID)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		for ev, err := range eventstream.Events(res, nil) {
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Printf("%s: %s\n", ev.Type, ev.Data)
			lastID = ev.ID
			break // and this connection is gone
		}
	}
	// Output:
	// message: one
	// price: 3.5
}

// A WebSocket connection: the first message says where it begins, each other
// one is an item.
func ExampleSocket() {
	var log topic.Log
	log.Append("price", []byte("3.5"))
	srv := httptest.NewServer(httpstream.Socket(&log, nil))
	defer srv.Close()
	ctx := context.Background()
	c, _, err := pushwire.Dial(ctx, "ws"+strings.TrimPrefix(srv.URL, "http"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	for range 2 {
		m, err := pushwire.ReadJSON[struct{ Cursor, Type, Data string }](ctx, c)
		if err != nil {
			fmt.Println(err)
			return
		}
		_, seq, _ := topic.Cursor(m.Cursor).Split()
		fmt.Printf("%d %q %q\n", seq, m.Type, m.Data)
	}
	// Output:
	// 0 "" ""
	// 1 "price" "3.5"
}

// A server that goes down: a Group ends what runs, and then there is nothing
// left that http.Server.Shutdown would have to wait for.
func ExampleGroup() {
	var log topic.Log
	var group httpstream.Group
	srv := httptest.NewServer(httpstream.Handler(&log, &httpstream.Options{Group: &group}))
	defer srv.Close()
	req, _ := http.NewRequest("GET", srv.URL, nil)
	req.Header.Set("Accept", "application/x-ndjson")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	fmt.Println(group.Len(), "open")

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	left, err := group.Shutdown(ctx)
	fmt.Println(left, err)
	_, err = io.Copy(io.Discard, res.Body)
	fmt.Println("the stream ended:", err == nil)
	err = srv.Config.Shutdown(ctx)
	fmt.Println(err)
	// Output:
	// 1 open
	// 0 <nil>
	// the stream ended: true
	// <nil>
}

// Who refuses a request says how; the reason of any other error stays in the
// log.
func ExampleRefusedError() {
	o := &httpstream.Options{Check: func(r *http.Request) error {
		if r.Header.Get("X-Plan") == "free" {
			return &httpstream.RefusedError{Status: 402, Token: "plan", Message: "This topic is part of a larger plan."}
		}
		return errors.New("user 7 is banned since Tuesday")
	}}
	for _, plan := range []string{"free", ""} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Plan", plan)
		w := httptest.NewRecorder()
		httpstream.Handler(&topic.Log{}, o).ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 402 {"error":"plan","message":"This topic is part of a larger plan."}
	// 403 {"error":"forbidden","message":"This request is not allowed here."}
}
