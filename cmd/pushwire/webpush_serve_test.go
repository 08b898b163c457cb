package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/webpush"
	"github.com/pushwire/pushwire/webpush/pushservice"
	"github.com/pushwire/pushwire/webpush/webpushtest"
)

// startWebPush runs webpush serve until stop is called, which returns its
// status and the rest of what it printed.
func startWebPush(t *testing.T, args ...string) (at, said string, stop func() (int, string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, w := io.Pipe()
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, console{strings.NewReader(""), w, w}, append([]string{"webpush", "serve", "-addr", "127.0.0.1:0"}, args...))
		w.Close()
	}()
	r := bufio.NewReader(out)
	first, err := r.ReadString('\n')
	at = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(first)
	if err != nil || at == "" {
		t.Fatalf("webpush serve printed %q, %v", first, err)
	}
	second, _ := r.ReadString('\n')
	stopped := false
	stop = func() (int, string) {
		stopped = true
		cancel()
		rest, _ := io.ReadAll(r)
		return <-status, string(rest)
	}
	t.Cleanup(func() {
		if !stopped {
			stop()
		}
	})
	return at, first + second, stop
}

// TestWebPushServe sends through the service, before and after it was ended
// and started again.
func TestWebPushServe(t *testing.T) {
	store := filepath.Join(t.TempDir(), "push.store")
	at, said, stop := startWebPush(t, "-store", store, "-require-vapid")
	if !strings.Contains(said, "0 subscriptions, with 0 messages") || !strings.Contains(said, `dom.push.serverURL is "ws://127`) || !strings.Contains(said, "allowInsecure") {
		t.Errorf("it says %q", said)
	}
	key, err := webpush.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	client := &webpush.Client{Key: key, Subject: "push@example.net", Guard: webpush.Guard{Any: true}}
	t.Cleanup(client.CloseIdleConnections)
	ua := webpushtest.NewUserAgentAt(t, at, nil)
	if _, err := client.Send(t.Context(), ua.Subscription(), &webpush.Message{Payload: []byte("first")}); err != nil {
		t.Fatal(err)
	}
	if m := ua.Next(); string(m.Data) != "first" {
		t.Errorf("got %q, %v", m.Data, m.Err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, ua.Subscription().Endpoint, strings.NewReader("who?"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("TTL", "60")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("without VAPID: %s", res.Status)
	}
	ua.Disconnect()
	if _, err := client.Send(t.Context(), ua.Subscription(), &webpush.Message{Payload: []byte("waits")}); err != nil {
		t.Fatal(err)
	}
	status, rest := stop()
	if status != exitOK || !strings.HasSuffix(rest, "all closed, 1 messages wait\n") {
		t.Errorf("it ended with %d, %q", status, rest)
	}
	_, said, stop = startWebPush(t, "-store", store, "-v")
	if !strings.Contains(said, "1 subscriptions, with 1 messages") {
		t.Errorf("started again it says %q", said)
	}
	if status, rest := stop(); status != exitOK {
		t.Errorf("it ended with %d, %q", status, rest)
	}
}

func TestWebPushCommandLine(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte("this is no store of messages"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		args      string
		status    int
		out, errs string // a part of each, "" for nothing at all
	}{
		{"webpush", exitUsage, "", "usage: pushwire webpush COMMAND"},
		{"webpush help", exitOK, "serve", ""},
		{"help webpush", exitOK, "serve", ""},
		{"webpush nothing", exitUsage, "", `no command "nothing"`},
		{"webpush serve -h", exitOK, "-store file", ""},
		{"webpush serve more", exitUsage, "", "1 arguments, want 0"},
		{"webpush serve -cert c.pem", exitUsage, "", "-cert and -key go together"},
		{"webpush serve -addr 127.0.0.1:99999", exitFailed, "", "pushwire webpush serve: can't listen on 127.0.0.1:99999"},
		{"webpush serve -addr 127.0.0.1:0 -cert none.pem -key none.pem", exitFailed, "", "none.pem"},
		{"webpush serve -addr 127.0.0.1:0 -url nothing", exitFailed, "", `"nothing" is not`},
		{"webpush serve -addr 127.0.0.1:0 -store " + garbage, exitFailed, "", "is damaged"},
	} {
		t.Run(row.args, func(t *testing.T) {
			status, out, errs := tool(t, "", strings.Fields(row.args)...)
			if status != row.status {
				t.Errorf("status %d, want %d", status, row.status)
			}
			for _, got := range []struct{ name, got, want string }{{"output", out, row.out}, {"errors", errs, row.errs}} {
				if !strings.Contains(got.got, got.want) || got.want == "" && got.got != "" {
					t.Errorf("%s: %q, want %q in it", got.name, got.got, got.want)
				}
			}
		})
	}
}

// TestWebPushServeClients: behind a proxy each client has subscriptions of its
// own to make, and nobody gets more by writing the field himself.
func TestWebPushServeClients(t *testing.T) {
	at, _, _ := startWebPush(t, "-client-rate", "1e-9", "-client-header", "X-Forwarded-For")
	subscribe := func(forwarded string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at+"/subscribe", nil)
		if err != nil {
			t.Fatal(err)
		}
		if forwarded != "" {
			req.Header.Set("X-Forwarded-For", forwarded)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	for i := range pushservice.DefaultClientBurst {
		if status := subscribe(fmt.Sprintf("192.0.2.%d, 198.51.100.1", i%256)); status != http.StatusCreated {
			t.Fatalf("subscription %d: %d", i, status)
		}
	}
	if status := subscribe(strings.Repeat("x", 2*webpushHead)); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a head of %d bytes was answered with %d", 2*webpushHead, status)
	}
	for forwarded, want := range map[string]int{"198.51.100.1": 429, "192.0.2.9, 198.51.100.1": 429, "198.51.100.2": 201, "": 201} {
		if status := subscribe(forwarded); status != want {
			t.Errorf("%q: %d, want %d", forwarded, status, want)
		}
	}
}
