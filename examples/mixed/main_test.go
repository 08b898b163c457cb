package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

// The three routers serve the same.
func TestMixed(t *testing.T) {
	for name, router := range routers {
		t.Run(name, func(t *testing.T) {
			a := &app{started: time.Now()}
			srv := httptest.NewServer(router(a))
			defer srv.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()

			if page := get(t, srv.URL+"/", "text/html; charset=utf-8"); !strings.Contains(page, "new WebSocket") {
				t.Errorf("the page: %.60q", page)
			}
			url := strings.Replace(srv.URL, "http", "ws", 1) + "/ws"
			one, _, err := pushwire.Dial(ctx, url, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer one.CloseNow()
			two, _, err := pushwire.Dial(ctx, url, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer two.CloseNow()
			var status struct{ Clients int }
			for status.Clients != 2 { // a client has its 101 before the group has the client
				if err := json.Unmarshal([]byte(get(t, srv.URL+"/api/status", "application/json")), &status); err != nil || ctx.Err() != nil {
					t.Fatal(err, ctx.Err())
				}
			}
			if err := one.Write(ctx, frame.Text, []byte("hello")); err != nil {
				t.Fatal(err)
			}
			for _, c := range []*pushwire.Conn{one, two} {
				if typ, data, err := c.Read(ctx); typ != frame.Text || string(data) != "hello" || err != nil {
					t.Fatalf("got %v %q, %v", typ, data, err)
				}
			}
			res, err := http.Get(srv.URL + "/nothing")
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusNotFound {
				t.Errorf("another path: %v", res.Status)
			}

			ended := make(chan error, 1)
			go func() {
				_, _, err := one.Read(ctx)
				ended <- err
			}()
			go two.Read(ctx)
			a.shutdown(srv.Config)
			if err := <-ended; pushwire.CodeOf(err) != frame.CodeGoingAway {
				t.Errorf("at the end of the server: %v", err)
			}
		})
	}
}

func get(t *testing.T, url, typ string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != typ {
		t.Fatalf("%s: %v %s, %v", url, res.Status, res.Header.Get("Content-Type"), err)
	}
	return string(body)
}
