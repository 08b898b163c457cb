package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/httpstream"
)

func post(t *testing.T, url, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(said)
}

// Whoever joins gets what was said before, as far as it is kept, and then what
// is new; over every transport, and from no other room.
func TestChat(t *testing.T) {
	srv := httptest.NewServer(newChat())
	defer srv.Close()
	room := srv.URL + "/rooms/lobby"
	say := func(i int) {
		if status, said := post(t, room, fmt.Sprintf(`{"name":" Zoë ","text":"%d"}`, i)); status != http.StatusNoContent {
			t.Fatalf("message %d: %d %s", i, status, said)
		}
	}
	for i := range history + 5 {
		say(i)
	}
	post(t, srv.URL+"/rooms/other", `{"name":"x","text":"elsewhere"}`)
	next := history + 5
	for _, transport := range httpstream.Transports() {
		o := &httpstream.FollowOptions{Transports: []httpstream.Transport{transport}}
		i := next - history
		for it, err := range httpstream.Follow(t.Context(), room, o) {
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf(`{"name":"Zoë","text":"%d"}`, i); string(it.Data) != want || it.Type != "chat" {
				t.Fatalf("%v: %s %s, want %s", transport, it.Type, it.Data, want)
			}
			if i++; i == next {
				say(next)
			}
			if i > next {
				break
			}
		}
		next++
	}
}

func TestChatRefuses(t *testing.T) {
	srv := httptest.NewServer(newChat())
	defer srv.Close()
	for _, row := range []struct {
		body   string
		origin string
		status int
		said   string
	}{
		{`{"name":"","text":"x"}`, "", 400, "a name has"},
		{`{"name":"` + strings.Repeat("n", maxName+1) + `","text":"x"}`, "", 400, "a name has"},
		{`{"name":"n","text":"  "}`, "", 400, "no text"},
		{`{"name":"n","text":"` + strings.Repeat("ü", maxText+1) + `"}`, "", 400, "at most"},
		{`hello`, "", 400, "in JSON"},
		{`"` + strings.Repeat("x", 20<<10) + `"`, "", 400, "in JSON"},
		{`{"name":"n","text":"x"}`, "https://elsewhere.example", 403, ""},
	} {
		var header []string
		if row.origin != "" {
			header = []string{"Origin", row.origin, "Sec-Fetch-Site", "cross-site"}
		}
		if status, said := post(t, srv.URL+"/rooms/r", row.body, header...); status != row.status || !strings.Contains(said, row.said) {
			t.Errorf("%.40q: %d %q, want %d %q", row.body, status, said, row.status, row.said)
		}
	}
}

func TestPage(t *testing.T) {
	srv := httptest.NewServer(newChat())
	defer srv.Close()
	for path, part := range map[string]string{"/": "<title>Chat", "/chat.js": "follow(url", "/style.css": "color-scheme", "/pushwire.js": "export"} {
		res, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || !strings.Contains(string(body), part) {
			t.Errorf("%s: %d, %v", path, res.StatusCode, err)
		}
	}
}
