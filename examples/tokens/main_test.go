package main

import (
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

func TestAsk(t *testing.T) {
	srv := httptest.NewServer(newServer(time.Millisecond))
	defer srv.Close()
	var out bytes.Buffer
	if err := ask(t.Context(), &out, srv.URL+"/answers", "Why so slow?"); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), answerTo("Why so slow?")+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := ask(t.Context(), io.Discard, srv.URL+"/answers", "  "); err == nil || !strings.Contains(err.Error(), `{"question"`) {
		t.Errorf("no question: %v", err)
	}
	if err := ask(t.Context(), io.Discard, srv.URL+"/nothing", "x"); err == nil {
		t.Error("a wrong address is no error")
	}
}

// Words come one by one, and a client that goes stops the rest.
func TestTokensComeOneByOne(t *testing.T) {
	ended := make(chan struct{})
	answers := newServer(5 * time.Millisecond)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers.ServeHTTP(w, r)
		close(ended)
	}))
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", srv.URL+"/answers", strings.NewReader(`{"question":"`+strings.Repeat("word ", 2000)+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ev, err := range eventstream.Events(res, nil) {
		if err != nil {
			break
		}
		if ev.Type != "token" {
			t.Fatalf("event %q after %d words, long before the end", ev.Type, n)
		}
		if n++; n == 3 {
			cancel()
		}
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the server goes on for a client that has gone")
	}
}
