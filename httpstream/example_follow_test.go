package httpstream_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// A reader that gets each item once, over whichever transport works, and knows
// when it missed some.
func ExampleFollow() {
	var news topic.Log
	server := httptest.NewServer(httpstream.Handler(&news, nil))
	defer server.Close()
	news.Append("", []byte("one"))
	news.Append("", []byte("two"))
	news.Append("", []byte("three"))

	ctx := context.Background()
	for it, err := range httpstream.Follow(ctx, server.URL, nil) {
		var gone *topic.GoneError
		if errors.As(err, &gone) {
			fmt.Println("some are gone: load the state anew")
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", it.Data)
		if string(it.Data) == "three" {
			break
		}
	}
	// Output:
	// one
	// two
	// three
}

// The transport in use, and why it is not the best.
func ExampleFollowOptions() {
	var news topic.Log
	news.Append("", []byte("hello"))
	handler := httpstream.Handler(&news, nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			http.Error(w, "no upgrades here", http.StatusForbidden)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()

	options := &httpstream.FollowOptions{OnState: func(s httpstream.State) {
		if s.Connected {
			fmt.Println("in use:", s.Transport)
			fmt.Println("because:", s.Err)
		}
	}}
	for it := range httpstream.Follow(context.Background(), server.URL, options) {
		fmt.Printf("%s\n", it.Data)
		break
	}
	// Output:
	// in use: eventstream
	// because: httpstream: the server answered 403 Forbidden to websocket
	// hello
}

// Publishing that may be repeated: whatever happens to the answers, the item
// is stored once.
func ExamplePublish() {
	var chat topic.Log
	server := httptest.NewServer(httpstream.Handler(&chat, &httpstream.Options{
		Allow: func(r *http.Request) error { return nil }, // everybody; look at r in life
	}))
	defer server.Close()

	order := topic.Publication{Type: "order", Data: []byte("two coffees"), Key: "order-4711"}
	first, err := httpstream.Publish(context.Background(), server.URL, order, nil)
	if err != nil {
		log.Fatal(err)
	}
	again, err := httpstream.Publish(context.Background(), server.URL, order, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(first == again)
	// Output:
	// true
}
