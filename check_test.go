package pushwire_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/internal/memconn"
)

// notHere is shared by all requests that it answers: nothing may change it.
var notHere = &handshake.Error{Status: 404, Token: "test_not_here", Reason: "there is nothing here"}

// checkByTarget is a Check that does what the path says.
func checkByTarget(_ context.Context, r *handshake.Request) error {
	switch r.Target {
	case "/":
		return nil
	case "/401":
		return &handshake.Error{Status: 401, Token: "test_who", Reason: "who are you?", Header: http.Header{"WWW-Authenticate": {`Basic realm="test"`}}}
	case "/403":
		return fmt.Errorf("user 7: %w", &handshake.Error{Status: 403, Token: "test_not_you", Reason: "not you"})
	case "/moved":
		return &handshake.Error{Status: 307, Token: "test_moved", Reason: "it has moved", Header: http.Header{"Location": {"/new"}}}
	case "/no-status":
		return &handshake.Error{Token: "test_no_status"}
	case "/101":
		return &handshake.Error{Status: 101, Token: "test_101", Reason: "an error that is none"}
	case "/fields": // of which only the last can be sent
		return &handshake.Error{Status: 403, Token: "test_fields", Reason: "no", Header: http.Header{
			"Content-Length": {"1"}, "Transfer-Encoding": {"chunked"}, "X-Injected": {"a\r\nX-Injection: b"},
			"X-Injected-Name\r\nX-Injection": {"b"}, "X-Good": {"good"}}}
	case "/nil":
		var none *handshake.Error
		return none
	case "/database": // an error of a network, but not of the client's
		return fmt.Errorf("secret: %w", &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")})
	case "/eof":
		return io.ErrUnexpectedEOF
	case "/canceled":
		return context.Canceled
	case "/panic":
		panic("secret")
	case "/abort":
		panic(http.ErrAbortHandler)
	}
	return notHere
}

// What AcceptOptions.Check says is the answer, on every path; it is asked only
// about what has passed all other checks.
func checked() []handshakeRow {
	get := func(path string, extra ...string) string { return req(append(extra, "GET "+path+" HTTP/1.1")...) }
	rows := []handshakeRow{
		{name: "Check says yes", head: get("/"), status: 101},
		{name: "Check says 404", head: get("/other"), status: 404, token: "test_not_here"},
		{name: "Check says 404 again", head: get("/other"), status: 404, token: "test_not_here"},
		{name: "Check says 401", head: get("/401"), status: 401, token: "test_who", fields: `WWW-Authenticate: Basic realm="test"`},
		{name: "Check says 403 within another error", head: get("/403"), status: 403, token: "test_not_you"},
		{name: "Check says 307", head: get("/moved"), status: 307, token: "test_moved", fields: "Location: /new"},
		{name: "fields of Check that would break the answer", head: get("/fields"), status: 403, token: "test_fields", fields: "X-Good: good"},
		{name: "Check returns a nil of the error's type", head: get("/nil"), status: 500, token: "handshake_check_failed"},
		{name: "Check fails by a network", head: get("/database"), status: 500, token: "handshake_check_failed"},
		{name: "Check fails by an end of file", head: get("/eof"), status: 500, token: "handshake_check_failed"},
		{name: "Check fails by a context of its own", head: get("/canceled"), status: 500, token: "handshake_check_failed"},
		{name: "Check aborts", head: get("/abort"), status: 500, token: "handshake_check_failed"},
		{name: "a foreign Origin before Check", head: get("/other", "Origin: https://evil.example"), status: 403, token: "handshake_origin_forbidden"},
		{name: "no key before Check", head: get("/other", "-Sec-WebSocket-Key"), status: 400, token: "handshake_key_missing"},
	}
	for i := range rows {
		rows[i].policy = "check"
	}
	return rows
}

// An error with a status that is no refusal, or with no text, is still an
// answer. The status that goes out is not the error's.
func TestCheckThatMakesNoAnswerIs500(t *testing.T) {
	for _, target := range []string{"/no-status", "/101"} {
		servers(t, echoFunc, func() *pushwire.AcceptOptions { return &pushwire.AcceptOptions{Check: checkByTarget} },
			func(t *testing.T, dial func() net.Conn) {
				nc := dial()
				io.WriteString(nc, strings.Replace(opening("h"), "/chat", target, 1))
				res, err := http.ReadResponse(bufio.NewReader(nc), nil)
				if err != nil || res.StatusCode != 500 {
					t.Fatalf("%s: %v, %v", target, res, err)
				}
				if body, err := io.ReadAll(res.Body); err != nil || len(body) < 10 {
					t.Errorf("%s: the answer says %q, %v", target, body, err)
				}
			})
	}
}

// Neither the text of a failure nor that of a panic gets to the client; the
// panic is logged and ends nothing but its request.
func TestCheckThatFailsKeepsItsTextHere(t *testing.T) {
	var logged atomic.Pointer[strings.Builder]
	for target, want := range map[string]string{"/database": "", "/panic": "panic in AcceptOptions.Check"} {
		servers(t, echoFunc, func() *pushwire.AcceptOptions {
			var b strings.Builder
			logged.Store(&b)
			return &pushwire.AcceptOptions{Config: pushwire.Config{Logger: slog.New(slog.NewTextHandler(&b, nil))}, Check: checkByTarget}
		}, func(t *testing.T, dial func() net.Conn) {
			for range 2 { // the server is still there
				nc := dial()
				io.WriteString(nc, strings.Replace(opening("h"), "/chat", target, 1))
				res, err := http.ReadResponse(bufio.NewReader(nc), nil)
				if err != nil || res.StatusCode != 500 {
					t.Fatalf("%s: %v, %v", target, res, err)
				}
				if body, err := io.ReadAll(res.Body); err != nil || strings.Contains(string(body), "secret") || !strings.Contains(string(body), "could not decide") {
					t.Errorf("%s: the answer says %q, %v", target, body, err)
				}
			}
			if s := logged.Load().String(); strings.Count(s, "panic in") != 2*strings.Count(want, "panic in") {
				t.Errorf("%s: logged %q", target, s)
			}
		})
	}
}

// The ServeFunc gets the request that Check got, with what Check put there.
func TestCheckSeesTheRequestAndHandsOn(t *testing.T) {
	o := func() *pushwire.AcceptOptions {
		return &pushwire.AcceptOptions{Check: func(ctx context.Context, r *handshake.Request) error {
			if _, ok := ctx.Deadline(); !ok {
				return errors.New("no deadline")
			}
			r.Header.Set("X-User", strings.Join([]string{r.Target, r.Host, r.Header.Get("Cookie")}, " "))
			return nil
		}}
	}
	f := func(ctx context.Context, c *pushwire.Conn, r *handshake.Request) {
		c.Write(ctx, frame.Text, []byte(r.Header.Get("X-User")))
	}
	servers(t, f, o, func(t *testing.T, dial func() net.Conn) {
		nc := dial()
		io.WriteString(nc, opening("h", "Cookie: id=7", "X-User: root"))
		r := bufio.NewReader(nc)
		readHead(t, r)
		c := pushwire.NewConn(bufferedConn{nc, r}, frame.Client, nil)
		if _, m, err := c.Read(t.Context()); string(m) != "/chat h id=7" {
			t.Errorf("%q, %v", m, err)
		}
	})
}

// Reading the request and Check share the ten seconds of the handshake.
func TestCheckHasTheTimeOfTheHandshake(t *testing.T) {
	for name, check := range map[string]func(context.Context, *handshake.Request) error{
		"heeds its context": func(ctx context.Context, _ *handshake.Request) error { <-ctx.Done(); return ctx.Err() },
		"says yes too late": func(ctx context.Context, _ *handshake.Request) error { <-ctx.Done(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := memconn.Pipe()
				start := time.Now()
				answer := make(chan int)
				go func() {
					time.Sleep(4 * time.Second)
					io.WriteString(a, opening("h"))
					res, err := http.ReadResponse(bufio.NewReader(a), nil)
					if err != nil {
						t.Error(err)
						res = &http.Response{}
					}
					a.Close()
					answer <- res.StatusCode
				}()
				_, _, err := pushwire.AcceptConn(t.Context(), b, &pushwire.AcceptOptions{Check: check})
				if got := <-answer; got != 503 || !errors.Is(err, &handshake.Error{Token: "handshake_check_timeout"}) {
					t.Errorf("%d, %v", got, err)
				}
				if took := time.Since(start); took != 10*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
		t.Run(name+"/http", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				rec := httptest.NewRecorder()
				r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(opening("h"))))
				if err != nil {
					t.Fatal(err)
				}
				_, err = pushwire.Accept(rec, r, &pushwire.AcceptOptions{Check: check})
				if took := time.Since(start); rec.Code != 503 || took != 10*time.Second {
					t.Errorf("%d, %v after %v", rec.Code, err, took)
				}
			})
		})
	}
}

// Serve that ends does not wait for a Check longer than that takes to notice.
func TestCheckEndsWithServe(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	l := listen(t)
	called := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- pushwire.Serve(ctx, l, echoFunc, &pushwire.AcceptOptions{Check: func(ctx context.Context, _ *handshake.Request) error {
			close(called)
			<-ctx.Done()
			return ctx.Err()
		}})
	}()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	io.WriteString(nc, opening("h"))
	<-called
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if b, err := io.ReadAll(nc); strings.HasPrefix(string(b), "HTTP/1.1 101") {
		t.Errorf("%q, %v", b, err)
	}
}
