package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

const testTime = 20 * time.Second // nothing here waits that long unless it hangs

// tool runs the tool and returns its status and what it printed.
func tool(t *testing.T, input string, args ...string) (status int, out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTime)
	defer cancel()
	var o, e bytes.Buffer
	status = run(ctx, console{strings.NewReader(input), &o, &e}, args)
	if ctx.Err() != nil {
		t.Fatalf("%q did not end", args)
	}
	return status, o.String(), e.String()
}

func TestCommandLine(t *testing.T) {
	for _, row := range []struct {
		args      string
		status    int
		out, errs string // a part of each, "" for nothing at all
	}{
		{"", exitUsage, "", "usage: pushwire COMMAND"},
		{"help", exitOK, "connect URL", ""},
		{"-h", exitOK, "serve", ""},
		{"help serve", exitOK, "-addr host:port", ""},
		{"serve -h", exitOK, "-addr host:port", ""},
		{"connect -help", exitOK, "-header Name: value", ""},
		{"help nothing", exitUsage, "", `no command "nothing"`},
		{"nothing", exitUsage, "", `no command "nothing"`},
		{"serve -nothing", exitUsage, "", "-nothing"},
		{"serve more", exitUsage, "", "1 arguments, want 0"},
		{"serve -cert c.pem", exitUsage, "", "-cert and -key go together"},
		{"serve -addr 127.0.0.1:99999", exitFailed, "", "pushwire serve: can't listen on 127.0.0.1:99999"},
		{"serve -addr 127.0.0.1:0 -cert none.pem -key none.pem", exitFailed, "", "none.pem"},
		{"connect", exitUsage, "", "0 arguments, want 1"},
		{"connect -header x ws://127.0.0.1:1/", exitUsage, "", "Name: value"},
		{"connect http:nothing", exitFailed, "", "pushwire connect: "},
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

func TestServePortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	status, _, errs := tool(t, "", "serve", "-addr", l.Addr().String())
	if status != exitFailed || !strings.Contains(errs, l.Addr().String()+" is in use by another program") {
		t.Errorf("status %d, errors %q", status, errs)
	}
}

// startServe runs serve until stop is called, which returns its status and
// the rest of what it printed.
func startServe(t *testing.T, args ...string) (at string, stop func() (int, string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, w := io.Pipe()
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, console{strings.NewReader(""), w, w}, append([]string{"serve", "-addr", "127.0.0.1:0"}, args...))
		w.Close()
	}()
	r := bufio.NewReader(out)
	line, err := r.ReadString('\n')
	at = regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(line)
	if err != nil || at == "" {
		t.Fatalf("serve printed %q, %v", line, err)
	}
	stopped := false
	stop = func() (int, string) {
		stopped = true
		cancel()
		said, _ := io.ReadAll(r)
		return <-status, string(said)
	}
	t.Cleanup(func() {
		if !stopped {
			stop()
		}
	})
	return at, stop
}

func TestServePage(t *testing.T) {
	at, _ := startServe(t)
	for _, row := range []struct {
		path   string
		status int
		typ    string
	}{
		{"/", 200, "text/html; charset=utf-8"},
		{"/demo.js", 200, "text/javascript; charset=utf-8"},
		{"/demo.css", 200, "text/css; charset=utf-8"},
		{"/echo.html", 200, "text/html; charset=utf-8"},
		{"/echo.js", 200, "text/javascript; charset=utf-8"},
		{"/push.html", 200, "text/html; charset=utf-8"},
		{"/push.js", 200, "text/javascript; charset=utf-8"},
		{"/push-worker.js", 200, "text/javascript; charset=utf-8"},
		{"/style.css", 200, "text/css; charset=utf-8"},
		{"/icon.svg", 200, "image/svg+xml"},
		{"/nothing", 404, "text/plain; charset=utf-8"},
	} {
		res, err := http.Get("http://" + at + row.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != row.status || res.Header.Get("Content-Type") != row.typ {
			t.Errorf("%s: %d %s, want %d %s", row.path, res.StatusCode, res.Header.Get("Content-Type"), row.status, row.typ)
		}
		if got := res.Header.Get("Content-Security-Policy"); got != pagePolicy {
			t.Errorf("%s: content policy %q", row.path, got)
		}
		// The policy would stop these without a word to the developer.
		if row.typ == "text/html; charset=utf-8" && regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style| style=| on\w+=|//[a-z]`).Match(body) {
			t.Error("the page has something inline, or from elsewhere")
		}
	}
}

// TestEcho connects both commands with each other.
func TestEcho(t *testing.T) {
	at, stop := startServe(t)
	status, out, errs := tool(t, "hello\nGrüße, 世界\n\nnot \xff UTF-8\nlast, without a line end", "connect", "ws://"+at+"/echo")
	if want := "hello\nGrüße, 世界\n\nlast, without a line end\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
	for _, want := range []string{"connected to " + at, "line 4 is not UTF-8", "closed: normal (1000)"} {
		if !strings.Contains(errs, want) {
			t.Errorf("errors: %q, want %q in it", errs, want)
		}
	}
	if status != exitOK {
		t.Errorf("status %d", status)
	}
	// The server's end of the connection may still be on its way out: the
	// client has its answer before the server is done with it.
	if status, said := stop(); status != exitOK || !strings.HasPrefix(said, "closing ") || !strings.HasSuffix(said, "all closed, 0 left\n") {
		t.Errorf("serve ended with %d, %q", status, said)
	}
}

// TestEchoCompressed: connect asks for compression, serve grants it unless told
// otherwise.
func TestEchoCompressed(t *testing.T) {
	line := strings.Repeat("worth compressing, ", 100)
	for _, plain := range []bool{false, true} {
		var args []string
		if plain {
			args = []string{"-plain"}
		}
		at, stop := startServe(t, args...)
		_, out, errs := tool(t, line, "connect", "-deflate", "ws://"+at+"/echo")
		if out != line+"\n" || strings.Contains(errs, "messages are compressed") == plain {
			t.Errorf("plain %v: %d bytes came back, %q", plain, len(out), errs)
		}
		stop()
	}
}

// TestServeShutdown ends the server under a client.
func TestServeShutdown(t *testing.T) {
	at, stop := startServe(t)
	in, typed := io.Pipe()
	out, w := io.Pipe()
	var errs bytes.Buffer
	status := make(chan int, 1)
	go func() {
		status <- run(t.Context(), console{in, w, &errs}, []string{"connect", "ws://" + at + "/echo"})
		w.Close()
	}()
	if _, err := io.WriteString(typed, "are you there?\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "are you there?\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	if status, said := stop(); status != exitOK || said != "closing 1 connection\nall closed, 0 left\n" {
		t.Errorf("serve ended with %d, %q", status, said)
	}
	if got := <-status; got != exitOK || !strings.Contains(errs.String(), `closed by the peer: going away (1001): "the server shuts down"`) {
		t.Errorf("connect ended with %d, %q", got, errs.String())
	}
	typed.Close()
}

// TestConnect holds connect against a server of its own.
func TestConnect(t *testing.T) {
	server := httptest.NewUnstartedServer(pushwire.Handler(func(ctx context.Context, c *pushwire.Conn, r *handshake.Request) {
		c.Write(ctx, frame.Text, []byte(r.Header.Get("X-Test")+" "+c.Protocol()))
		c.Write(ctx, frame.Binary, []byte{0, 1, 0xfe, 0xff})
		c.Write(ctx, frame.Text, make([]byte, 2000))
	}, &pushwire.AcceptOptions{Protocols: []string{"b"}}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a client below refuses the certificate
	server.StartTLS()
	defer server.Close()
	url := strings.Replace(server.URL, "https", "wss", 1)

	in, typed := io.Pipe() // an input that does not end before the test
	defer typed.Close()
	connect := func(args ...string) (int, string, string) {
		ctx, cancel := context.WithTimeout(t.Context(), testTime)
		defer cancel()
		var out, errs bytes.Buffer
		return run(ctx, console{in, &out, &errs}, append([]string{"connect"}, args...)), out.String(), errs.String()
	}

	status, out, errs := connect("-insecure", "-header", "X-Test: value", "-subprotocol", "a", "-subprotocol", "b", url)
	if !strings.HasPrefix(out, "value b\nbinary, 4 bytes: 00 01 fe ff\n") || !strings.Contains(errs, "subprotocol b") || status != exitOK {
		t.Errorf("status %d, output %.80q, errors %q", status, out, errs)
	}
	if status, _, errs := connect(url); status != exitFailed || !strings.Contains(errs, "certificate") {
		t.Errorf("a certificate that nobody signed: status %d, errors %q", status, errs)
	}
	if status, _, errs := connect("-insecure", "-max", "1000", url); status != exitFailed || !strings.Contains(errs, "1009") {
		t.Errorf("a message over -max: status %d, errors %q", status, errs)
	}
	if status, _, errs := connect("-insecure", "-header", "Origin: https://elsewhere.example", url); status != exitFailed || !strings.Contains(errs, "403") {
		t.Errorf("refused: status %d, errors %q", status, errs)
	}
}

// TestConnectCommands: with -i a line with a slash is a command, with -v all
// that goes on beside messages is told.
func TestConnectCommands(t *testing.T) {
	at, _ := startServe(t)
	for _, row := range []struct {
		name, input, args, out string
		errs                   []string
		status                 int
	}{
		{"commands", "/binary 00 ff\n//text\n/ping\n/binary 0\n/nothing\n/close x\n/close 1005\n/close 3000 enough\nnever\n", "-i",
			"binary, 2 bytes: 00 ff\n/text\n",
			[]string{"pong after ", "line 4: ", "pairs of hex digits", "line 5: there is no command /nothing", `line 6: "x" is no close code`, `line 7: "1005"`, "3000"}, exitFailed},
		{"a code that is fine", "/close 1001", "-i", "", []string{"1001"}, exitOK},
		{"no commands", "/ping\n//text\n", "", "/ping\n//text\n", nil, exitOK},
		{"verbose", "/ping\n/close 1000 bye", "-i -v", "",
			[]string{"< HTTP/1.1 101 Switching Protocols\n", "< Upgrade: websocket\n", "> ping, ", "< pong, ", "> close 1000 (normal) \"bye\"\n< close 1000 (normal) \"\"\n", "sent 0 messages in "}, exitOK},
		{"enough", "1\n2\n3\n", "-n 2 -linger 10s", "1\n2\n", nil, exitOK},
		{"not enough", "1\n", "-n 2 -linger 50ms", "1\n", []string{"1 of 2 messages arrived"}, exitFailed},
	} {
		t.Run(row.name, func(t *testing.T) {
			args := append([]string{"connect"}, strings.Fields(row.args)...)
			status, out, errs := tool(t, row.input, append(args, "ws://"+at+"/echo")...)
			if status != row.status || out != row.out {
				t.Errorf("status %d, output %q, want %d and %q", status, out, row.status, row.out)
			}
			for _, want := range row.errs {
				if !strings.Contains(errs, want) {
					t.Errorf("errors %q, want %q in it", errs, want)
				}
			}
			if strings.Contains(errs, "\x1b") {
				t.Error("colours, and nobody sees them")
			}
		})
	}
}
