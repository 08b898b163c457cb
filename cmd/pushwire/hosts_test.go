package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// statusFor asks a server by a Host field, which may be any, and returns the
// status and the body.
func statusFor(t *testing.T, at, path, host, fields string) (int, string) {
	t.Helper()
	nc, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	fmt.Fprintf(nc, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, host, fields)
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatalf("Host %q: %v", host, err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return res.StatusCode, ""
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, 4096))
	return res.StatusCode, string(body)
}

// TestServeRefusesForeignNames: a name of somebody else's that resolves to this
// machine gets nothing, on no path and over no transport, though the browser
// says that its page is of the same origin.
func TestServeRefusesForeignNames(t *testing.T) {
	at, _ := startServe(t)
	_, port, _ := net.SplitHostPort(at)
	evil := "attacker.example:" + port
	upgrade := "Origin: http://" + evil + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, row := range []struct{ path, fields string }{
		{"/", ""}, {"/topics/demo", ""}, {"/push/key", "Sec-Fetch-Site: same-origin\r\n"}, {"/pushwire.js", ""},
		{"/echo", upgrade}, {"/topics/demo", upgrade}, {"/demo/v/usage", ""},
	} {
		status, body := statusFor(t, at, row.path, evil, row.fields)
		if status != http.StatusMisdirectedRequest || !strings.Contains(body, `"attacker.example"`) || !strings.Contains(body, at) {
			t.Errorf("%s: %d %q", row.path, status, body)
		}
	}
	if status, _ := statusFor(t, at, "/echo", at, strings.ReplaceAll(upgrade, evil, at)); status != http.StatusSwitchingProtocols {
		t.Errorf("a page of its own: %d", status)
	}
}

// TestWebPushServeRefusesForeignNames: the same for a push service, unless it
// has a public URL, and a proxy before it.
func TestWebPushServeRefusesForeignNames(t *testing.T) {
	for _, row := range []struct {
		args   []string
		status int
	}{
		{nil, http.StatusMisdirectedRequest},
		{[]string{"-url", "http://push.example.net"}, http.StatusNotFound},
	} {
		at, _, _ := startWebPush(t, row.args...)
		if status, body := statusFor(t, strings.TrimPrefix(at, "http://"), "/nothing", "attacker.example", ""); status != row.status {
			t.Errorf("%q: %d %q, want %d", row.args, status, body, row.status)
		}
	}
}

func TestOwnHosts(t *testing.T) {
	for _, row := range []struct {
		listens, addr, host string
		ok                  bool
	}{
		{"127.0.0.1", "127.0.0.1:8080", "127.0.0.1:8080", true},
		{"127.0.0.1", "127.0.0.1:8080", "127.0.0.1", true},
		{"127.0.0.1", "127.0.0.1:8080", "192.0.2.1:80", true}, // of a port forwarded
		{"127.0.0.1", "127.0.0.1:8080", "localhost:9090", true},
		{"127.0.0.1", "127.0.0.1:8080", "LocalHost.", true},
		{"127.0.0.1", "127.0.0.1:8080", "app.localhost:8080", true},
		{"127.0.0.1", "127.0.0.1:8080", "", true},
		{"::1", "[::1]:8080", "[::1]:8080", true},
		{"::1", "[::1]:8080", "[::1]", true},
		{"127.0.1.1", "Box:8080", "box:8080", true},
		{"127.0.1.1", "box:8080", "box.example:8080", false},
		{"127.0.0.1", "127.0.0.1:8080", "attacker.example", false},
		{"127.0.0.1", "127.0.0.1:8080", "attacker.example:8080", false},
		{"127.0.0.1", "127.0.0.1:8080", "127.0.0.1.attacker.example:8080", false},
		{"127.0.0.1", "127.0.0.1:8080", "notlocalhost", false},
		{"127.0.0.1", "127.0.0.1:8080", "localhost.attacker.example", false},
		{"127.0.0.1", "127.0.0.1:8080", "127.0.0.1@attacker.example", false},
		{"::1", "localhost:8080", "attacker.example:8080", false},
		{"0.0.0.0", ":8080", "attacker.example:8080", true}, // may have any name
		{"192.0.2.1", "192.0.2.1:8080", "my.example:8080", true},
	} {
		h := ownHosts(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), listenerAt(row.listens), row.addr, "-addr")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, &http.Request{Host: row.host})
		if ok := w.Code == http.StatusOK; ok != row.ok {
			t.Errorf("listening on %s for %s, Host %q: %v, want %v", row.listens, row.addr, row.host, ok, row.ok)
		}
	}
}

// listenerAt is a listener that is nothing but an address.
type listenerAt string

func (l listenerAt) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (l listenerAt) Close() error              { return nil }
func (l listenerAt) Addr() net.Addr            { return &net.TCPAddr{IP: net.ParseIP(string(l)), Port: 8080} }
