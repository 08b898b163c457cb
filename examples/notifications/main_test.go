package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

func notify(t *testing.T, url, token, text string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	return res.StatusCode
}

// A person gets what is theirs, over each transport, also what came while they
// were away, and nothing twice.
func TestNotifications(t *testing.T) {
	srv := httptest.NewServer(newServer("secret"))
	defer srv.Close()
	for _, n := range []struct{ who, text string }{{"ada", "one"}, {"bob", "for bob"}, {"ada", "two"}} {
		if status := notify(t, srv.URL+"/notify/"+n.who, "secret", n.text); status != http.StatusNoContent {
			t.Fatalf("status %d", status)
		}
	}
	header := http.Header{"Cookie": {session + "=ada"}}
	for _, transport := range httpstream.Transports() {
		var cursor topic.Cursor
		for _, want := range []string{"one", "two"} {
			o := &httpstream.FollowOptions{After: cursor, Header: header, Transports: []httpstream.Transport{transport}}
			for it, err := range httpstream.Follow(t.Context(), srv.URL+"/mine", o) {
				if err != nil || string(it.Data) != want {
					t.Fatalf("%v: %q, %v, want %q", transport, it.Data, err, want)
				}
				cursor = it.Cursor
				break // this visit is over
			}
		}
	}
}

func TestNotificationsRefuse(t *testing.T) {
	srv := httptest.NewServer(newServer("secret"))
	defer srv.Close()
	if status := notify(t, srv.URL+"/notify/ada", "guess", "x"); status != http.StatusUnauthorized {
		t.Errorf("a wrong token: %d", status)
	}
	if status := notify(t, srv.URL+"/notify/ada", "secret", strings.Repeat("x", maxText+1)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a long text: %d", status)
	}
	for _, err := range httpstream.Follow(t.Context(), srv.URL+"/mine", nil) {
		var refused *httpstream.StatusError
		if !errors.As(err, &refused) || refused.StatusCode != http.StatusUnauthorized || refused.Token != "signed_out" {
			t.Errorf("nobody: %v", err)
		}
	}
}
