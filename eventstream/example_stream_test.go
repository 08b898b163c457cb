package eventstream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/pushwire/pushwire/eventstream"
)

// A server that streams the answer to a POST token by token, as APIs of large
// language models do, and a client that puts the deltas together and stops at
// the API's own mark.
func ExampleEvents() {
	api := httptest.NewServer(eventstream.Handler(func(s *eventstream.Stream, r *http.Request) {
		for _, token := range []string{"Hello", ", ", "world", "!"} {
			b, _ := json.Marshal(map[string]any{"choices": []any{map[string]any{"delta": map[string]any{"content": token}}}})
			if s.Send(eventstream.Event{Data: b}) != nil {
				return
			}
		}
		s.Send(eventstream.Event{Data: []byte("[DONE]")})
	}, nil))
	defer api.Close()

	res, err := http.Post(api.URL, "application/json", strings.NewReader(`{"stream":true,"messages":[]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	done := false
	for ev, err := range eventstream.Events(res, &eventstream.ReadOptions{Idle: time.Minute}) {
		if err != nil {
			fmt.Println(err) // a *StatusError has what the API said
			return
		}
		if string(ev.Data) == "[DONE]" {
			done = true
			break
		}
		var chunk struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if err := json.Unmarshal(ev.Data, &chunk); err != nil {
			fmt.Println(err)
			return
		}
		for _, c := range chunk.Choices {
			fmt.Print(c.Delta.Content)
		}
	}
	fmt.Println()
	fmt.Println("whole answer:", done)
	// Output:
	// Hello, world!
	// whole answer: true
}

// A stream that goes on where it was lost. The server ends it after two
// events; the client comes back with the last event ID.
func ExampleClient() {
	srv := httptest.NewServer(eventstream.Handler(func(s *eventstream.Stream, r *http.Request) {
		last := 0
		fmt.Sscan(s.LastEventID(), &last)
		for i := last + 1; i <= last+2; i++ {
			s.Send(eventstream.Event{ID: fmt.Sprint(i), Data: fmt.Appendf(nil, "number %d", i)})
		}
	}, &eventstream.Options{Retry: time.Millisecond}))
	defer srv.Close()

	c := eventstream.Client{URL: srv.URL}
	for ev, err := range c.Events(context.Background()) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(string(ev.Data))
		if ev.ID == "5" {
			break
		}
	}
	fmt.Println("next time after", c.LastEventID())
	// Output:
	// number 1
	// number 2
	// number 3
	// number 4
	// number 5
	// next time after 5
}

// One event is encoded once and goes to all streams, and a client that does not
// read holds up nobody; all end when the server
// shuts down, which would wait for them otherwise.
func ExampleGroup() {
	var streams eventstream.Group
	srv := httptest.NewUnstartedServer(eventstream.Handler(func(s *eventstream.Stream, r *http.Request) {
		<-s.Context().Done()
	}, &eventstream.Options{Group: &streams}))
	srv.Config.RegisterOnShutdown(streams.Shutdown)
	srv.Start()
	defer srv.Close()

	var clients []*http.Response
	for range 2 {
		res, err := http.Get(srv.URL)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer res.Body.Close()
		clients = append(clients, res)
	}
	if err := streams.Send(eventstream.Event{ID: "1", Data: []byte("to all")}); err != nil {
		fmt.Println(err)
		return
	}
	srv.Config.Shutdown(context.Background())
	for _, res := range clients {
		b, err := io.ReadAll(res.Body)
		fmt.Printf("%q %v\n", b, err)
	}
	// Output:
	// "id: 1\ndata: to all\n\n" <nil>
	// "id: 1\ndata: to all\n\n" <nil>
}

// A connection that was taken over from net/http costs less than one that it
// keeps: about as much as its goroutine.
func ExampleAcceptConn() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nc, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			http.Error(w, "HTTP/1.1 is needed here", http.StatusInternalServerError)
			return
		}
		s, err := eventstream.AcceptConn(nc, r, nil)
		if err != nil {
			return
		}
		go func() {
			defer s.Close()
			s.Send(eventstream.Event{Data: []byte("hello")})
		}()
	}))
	defer srv.Close()
	res, err := http.Get(srv.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	fmt.Printf("%q\n", b)
	// Output: "data: hello\n\n"
}
