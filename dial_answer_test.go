package pushwire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/internal/memconn"
)

func readAll(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Errorf("body: %v", err)
	}
	return string(b)
}

// endless is what a peer sends that never stops.
func endless(unit string) string { return strings.Repeat(unit, 1+(1<<20)/len(unit)) }

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "X-%d: y\r\n", i)
	}
	return b.String()
}

func TestDialRefusesMalformedAnswers(t *testing.T) {
	const line = "HTTP/1.1 101 Switching Protocols\r\n"
	const up, conn = "Upgrade: websocket\r\n", "Connection: Upgrade\r\n"
	accept := func(r *http.Request) string { return "Sec-WebSocket-Accept: " + dialAcceptKey(r) + "\r\n" }
	for _, c := range []struct {
		name     string
		answer   func(r *http.Request) string
		close    bool // after the answer
		answered bool // Dial returns a response with status 101
	}{
		// RFC 6455, 4.1, the client's checks 2 to 6.
		{"no Upgrade", func(r *http.Request) string { return line + conn + accept(r) + "\r\n" }, false, true},
		{"Upgrade to something else", func(r *http.Request) string { return line + "Upgrade: h2c\r\n" + conn + accept(r) + "\r\n" }, false, true},
		{"no Connection", func(r *http.Request) string { return line + up + accept(r) + "\r\n" }, false, true},
		{"Connection without the token Upgrade", func(r *http.Request) string { return line + up + "Connection: keep-alive\r\n" + accept(r) + "\r\n" }, false, true},
		{"no Sec-WebSocket-Accept", func(r *http.Request) string { return line + up + conn + "\r\n" }, false, true},
		{"empty Sec-WebSocket-Accept", func(r *http.Request) string { return line + up + conn + "Sec-WebSocket-Accept:\r\n\r\n" }, false, true},
		{"Sec-WebSocket-Accept of another key", func(r *http.Request) string {
			return line + up + conn + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
		}, false, true},
		{"Sec-WebSocket-Accept is the key itself", func(r *http.Request) string {
			return line + up + conn + "Sec-WebSocket-Accept: " + r.Header.Get("Sec-WebSocket-Key") + "\r\n\r\n"
		}, false, true},
		{"Sec-WebSocket-Accept in another case", func(r *http.Request) string {
			return line + up + conn + strings.ToLower(accept(r)) + "\r\n"
		}, false, true},
		{"an extension that was not asked for", func(r *http.Request) string {
			return dialAccept(r, "Sec-WebSocket-Extensions: permessage-deflate")
		}, false, true},
		{"a protocol that was not asked for", func(r *http.Request) string { return dialAccept(r, "Sec-WebSocket-Protocol: mqtt") }, false, true},
		{"a protocol in another case", func(r *http.Request) string { return dialAccept(r, "Sec-WebSocket-Protocol: CHAT") }, false, true},
		{"HTTP/1.0", func(r *http.Request) string { return strings.Replace(dialAccept(r), "1.1", "1.0", 1) }, false, true},

		{"two protocols in two fields", func(r *http.Request) string {
			return dialAccept(r, "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: superchat")
		}, false, true},
		{"two protocols in one field", func(r *http.Request) string { return dialAccept(r, "Sec-WebSocket-Protocol: chat, superchat") }, false, true},
		{"two Sec-WebSocket-Accept", func(r *http.Request) string { return dialAccept(r, accept(r)[:len(accept(r))-2]) }, false, true},

		{"garbage", func(*http.Request) string { return "\x00\x01\x02\x03\r\n\r\n" }, false, false},
		{"a frame instead of an answer", func(*http.Request) string { return "\x81\x05hello" }, true, false},
		{"another protocol", func(*http.Request) string { return "220 mail.example ESMTP\r\n\r\n" }, false, false},
		{"TLS alert", func(*http.Request) string { return "\x15\x03\x01\x00\x02\x02\x46" }, true, false},
		{"a status that is no number", func(*http.Request) string { return "HTTP/1.1 abc\r\n\r\n" }, false, false},
		{"HTTP/2", func(r *http.Request) string { return strings.Replace(dialAccept(r), "HTTP/1.1", "HTTP/2.0", 1) }, false, false},
		{"a field without a colon", func(r *http.Request) string { return dialAccept(r, "Broken") }, false, false},
		{"a space before the colon", func(r *http.Request) string { return dialAccept(r, "Broken : x") }, false, false},
		{"NUL in a field", func(r *http.Request) string { return dialAccept(r, "Broken: \x00") }, false, false},

		{"endless status line", func(*http.Request) string { return "HTTP/1.1 101 " + endless("x") }, false, false},
		{"endless field", func(*http.Request) string { return line + "X: " + endless("x") }, false, false},
		{"endless field name", func(*http.Request) string { return line + endless("x") }, false, false},
		{"endless head", func(*http.Request) string { return line + endless("X: 0123456789\r\n") }, false, false},
		{"2,000 fields", func(r *http.Request) string { return dialAccept(r, manyFields(2000)) }, false, false},
		{"endless interim answers", func(*http.Request) string { return endless("HTTP/1.1 100 Continue\r\n\r\n") }, false, false},

		{"closed without a byte", func(*http.Request) string { return "" }, true, false},
		{"closed in the status line", func(*http.Request) string { return "HTTP/1.1 10" }, true, false},
		{"closed in a field", func(r *http.Request) string { return line + up + "Conn" }, true, false},
		{"closed before the empty line", func(r *http.Request) string { return strings.TrimSuffix(dialAccept(r), "\r\n") }, true, false},
		{"closed after an interim answer", func(r *http.Request) string { return "HTTP/1.1 103 Early Hints\r\n\r\n" }, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := dialAnswer(c.answer)
			if c.close {
				f = func(nc net.Conn) {
					r, err := http.ReadRequest(newReader(nc))
					if err == nil {
						io.WriteString(nc, c.answer(r))
						nc.(*net.TCPConn).CloseWrite()
					}
				}
			}
			ended := make(chan error, 1)
			addr := dialPeer(t, func(nc net.Conn) {
				f(nc)
				_, err := nc.Read(make([]byte, 1))
				ended <- err
			})
			o := direct()
			o.Protocols = []string{"chat", "superchat"}
			conn, res, err := Dial(t.Context(), "ws://"+addr, o)
			if conn != nil {
				conn.CloseNow()
				t.Fatal("a connection was made")
			}
			var de *DialError
			if !errors.As(err, &de) {
				t.Fatalf("error %v", err)
			}
			if (res != nil) != c.answered || res != nil && (res.StatusCode != 101 || de.Status != 101) {
				t.Errorf("response %v, error with status %d", res, de.Status)
			}
			if c.close && !errors.Is(err, io.ErrUnexpectedEOF) && !strings.Contains(c.name, "frame") && !strings.Contains(c.name, "TLS") {
				t.Errorf("%v does not tell that the connection was closed", err)
			}
			if err := <-ended; err == nil {
				t.Error("the connection was left open")
			}
			t.Log(err)
		})
	}
}

func TestDialTakesAnswersThatAreRight(t *testing.T) {
	for name, answer := range map[string]func(r *http.Request) string{
		"frame in the same segment": dialHello,
		"without a phrase":          func(r *http.Request) string { return strings.Replace(dialHello(r), " Switching Protocols", " ", 1) },
		"names and tokens in any case": func(r *http.Request) string {
			s := strings.Replace(dialHello(r), "Upgrade: websocket", "UPGRADE: WebSocket", 1)
			return strings.Replace(s, "Connection: Upgrade", "connection: keep-alive, upgrade", 1)
		},
		"spaces around the key": func(r *http.Request) string { return strings.Replace(dialHello(r), "Accept: ", "Accept: \t ", 1) },
		"100 before":            func(r *http.Request) string { return "HTTP/1.1 100 Continue\r\n\r\n" + dialHello(r) },
		"100 and 103 before": func(r *http.Request) string {
			return "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + dialHello(r)
		},
		"a head of 30 KiB": func(r *http.Request) string {
			fill := strings.Repeat("x", 6<<10)
			return dialAccept(r, "A: "+fill, "B: "+fill, "C: "+fill, "D: "+fill, "E: "+fill) + "\x81\x05hello"
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, res := mustDial(t, "ws://"+dialPeer(t, dialAnswer(answer)), direct())
			wantHello(t, c)
			if res.StatusCode != 101 {
				t.Errorf("response %d", res.StatusCode)
			}
		})
	}
}

// memPeer is a NetDial to a peer in memory that f plays, for tests under
// testing/synctest.
func memPeer(f func(nc *memconn.Conn)) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := memconn.Pipe()
		go func() {
			defer server.Close()
			f(server)
		}()
		return client, nil
	}
}

func TestDialReadsAnAnswerOneByteAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := direct()
		o.NetDial = memPeer(func(nc *memconn.Conn) {
			r, err := http.ReadRequest(newReader(nc))
			if err != nil {
				t.Error(err)
				return
			}
			for _, b := range []byte("HTTP/1.1 103 Early Hints\r\n\r\n" + dialHello(r)) {
				nc.Write([]byte{b})
				synctest.Wait() // until Dial has taken it
			}
			io.Copy(io.Discard, nc)
		})
		c, _, err := Dial(t.Context(), "ws://mem/", o)
		if err != nil {
			t.Fatal(err)
		}
		wantHello(t, c)
		c.CloseNow()
	})
}

func TestDialReturnsTheBeginningOfARefusal(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 4096)
	for _, c := range []struct {
		name, answer string
		status       int
		body         string
		hint         string
	}{
		{"length", "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 5\r\n\r\nlogin", 401, "login", "Authorization"},
		{"chunked", "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 403, "abcde", "Origin"},
		{"no body", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, "", "path"},
		{"status without a body", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", ""},
		{"200", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhtml", 200, "html", "path"},
		{"426", "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 14\r\nContent-Length: 0\r\n\r\n", 426, "", "version 13"},
		{"long", "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 65536\r\n\r\n" + long, 500, long[:1024], ""},
		{"long, chunked", "HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n" + long + "\r\n0\r\n\r\n", 500, long[:1024], ""},
		{"HTTP/1.0", "HTTP/1.0 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nnow", 503, "now", "later"},
		{"a phrase of its own", "HTTP/1.1 400 what \"is\" this\r\nContent-Length: 0\r\n\r\n", 400, "", ""},
		{"interim answer first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno", 400, "no", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := dialPeer(t, dialAnswer(func(*http.Request) string { return c.answer }))
			_, res, err := Dial(t.Context(), "ws://"+addr+"/path", direct())
			var de *DialError
			if res == nil || !errors.As(err, &de) || de.Status != c.status || de.URL != "ws://"+addr+"/path" || res.StatusCode != c.status {
				t.Fatalf("%v, %v", res, err)
			}
			if b := readAll(t, res); b != c.body || res.ContentLength != int64(len(b)) {
				t.Errorf("body %.40q of %d bytes (ContentLength %d)", b, len(b), res.ContentLength)
			}
			if msg := err.Error(); !strings.HasPrefix(msg, "pushwire: dial ws://") || !strings.Contains(msg, fmt.Sprint(c.status)) || !strings.Contains(msg, c.hint) {
				t.Error(msg)
			}
			res.Body.Close()
		})
	}
}

func TestDialWaitsOnlyShortlyForTheBodyOfARefusal(t *testing.T) {
	for name, c := range map[string]struct{ answer, body string }{
		"half of it":   {"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nabc", "abc"},
		"until close":  {"HTTP/1.1 403 Forbidden\r\n\r\nabc", "abc"},
		"half a chunk": {"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabc", "abc"},
		"none":         {"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := direct()
				o.NetDial = memPeer(func(nc *memconn.Conn) { dialAnswer(func(*http.Request) string { return c.answer })(nc) })
				began := time.Now()
				_, res, err := Dial(t.Context(), "ws://mem/", o)
				if res == nil || err == nil || readAll(t, res) != c.body {
					t.Errorf("%v, %v", res, err)
				}
				if d := time.Since(began); d != refusalTime {
					t.Errorf("took %v, want %v", d, refusalTime)
				}
			})
		})
	}
}

func TestDialBoundsTheMemoryForAnAnswer(t *testing.T) {
	for name, answer := range map[string]string{
		"line":  "HTTP/1.1 500 No\r\nX: " + endless("x"),
		"head":  "HTTP/1.1 500 No\r\n" + endless("X: 0123456789\r\n"),
		"1xx":   endless("HTTP/1.1 100 Continue\r\n\r\n"),
		"body":  "HTTP/1.1 500 No\r\n\r\n" + endless("x"),
		"chunk": "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n" + endless("x"),
	} {
		b := []byte(answer)
		addr := dialPeer(t, func(nc net.Conn) {
			if _, err := http.ReadRequest(newReader(nc)); err == nil {
				nc.Write(b)
			}
		})
		const runs = 5
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			if _, _, err := Dial(t.Context(), "ws://"+addr, direct()); err == nil {
				t.Fatalf("%s: a connection was made", name)
			}
		}
		runtime.ReadMemStats(&after)
		// The peer's own memory is in the figure.
		if got := (after.TotalAlloc - before.TotalAlloc) / runs; got > 256<<10 {
			t.Errorf("%s: %d bytes allocated for an answer without end", name, got)
		} else {
			t.Logf("%s: %d bytes allocated for an answer without end", name, got)
		}
	}
}
