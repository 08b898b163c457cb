package pushwire_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/internal/memconn"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// handshakeTime is what the whole opening handshake may take.
const handshakeTime = 10 * time.Second

// A head that drips in, a byte each second, is cut after the handshake time,
// however regularly the bytes come and wherever it stops.
func TestSlowHandshakeIsCutAfterTheHandshakeTime(t *testing.T) {
	for _, sent := range []int{0, 1, 5, 9, 1 << 20} {
		t.Run(fmt.Sprintf("%d bytes", sent), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := memconn.Pipe()
				p := testpeer.New(t, a, testpeer.Client)
				p.Timeout = time.Hour
				start := time.Now()
				got := make(chan error, 1)
				go func() {
					_, _, err := pushwire.AcceptConn(context.Background(), b, nil)
					got <- err
				}()
				dripped := make(chan struct{})
				go func() {
					defer close(dripped)
					for i := 0; i < sent; i++ {
						if _, err := a.Write([]byte{req()[i%len(req())]}); err != nil {
							return
						}
						time.Sleep(900 * time.Millisecond)
					}
				}()
				head := p.WantStatus("the time is over", 408)
				if d := time.Since(start); d != handshakeTime {
					t.Errorf("the answer came after %v, want %v", d, handshakeTime)
				}
				p.ReadBody(int(head.ContentLength))
				p.WantEOF("the connection is closed")
				p.Close()
				var he *handshake.Error
				if err := <-got; !errors.As(err, &he) || he.Token != "handshake_timeout" {
					t.Errorf("AcceptConn returned %v", err)
				}
				<-dripped
			})
		})
	}
}

// The TLS handshake has its part of the same time.
func TestSlowTLSHandshakeIsCutAfterTheHandshakeTime(t *testing.T) {
	_, cert := testCert(t)
	synctest.Test(t, func(t *testing.T) {
		a, b := memconn.Pipe()
		io.WriteString(a, "\x16\x03\x01\x02")
		start := time.Now()
		_, _, err := pushwire.AcceptConn(context.Background(), tls.Server(b, &tls.Config{Certificates: []tls.Certificate{cert}}), nil)
		if d := time.Since(start); err == nil || d != handshakeTime {
			t.Errorf("after %v: %v", d, err)
		}
		if _, err := io.ReadAll(a); err != nil {
			t.Errorf("the peer sees %v, want the end", err)
		}
		a.Close()
	})
}

// Hundreds of slow handshakes hold up nobody else, and all are cut.
func TestServeServesOthersWhileHandshakesDrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slow = 300
		l := newMemListener()
		served := make(chan struct{})
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			defer close(served)
			if err := pushwire.Serve(ctx, l, echoFunc, nil); err != nil {
				t.Errorf("Serve: %v", err)
			}
		}()
		start := time.Now()
		var ended sync.WaitGroup
		for i := range slow {
			nc := l.dial()
			ended.Go(func() {
				io.WriteString(nc, req()[:i%len(req())])
				io.Copy(io.Discard, nc)
				if d := time.Since(start); d > handshakeTime+2*time.Second {
					t.Errorf("a slow connection was closed after %v", d)
				}
				nc.Close()
			})
		}
		synctest.Wait()
		p := testpeer.New(t, l.dial(), testpeer.Client)
		p.Handshake()
		p.Send(1, []byte("hello"))
		p.WantMessage("a good client among slow ones", 1, []byte("hello"))
		if d := time.Since(start); d != 0 {
			t.Errorf("the good client had to wait %v", d)
		}
		ended.Wait()
		p.Send(1, []byte("still here"))
		p.WantMessage("and afterwards", 1, []byte("still here"))
		cancel()
		p.WantClose("the server goes down", 1001)
		p.SendClose(1001, "")
		p.WantEOF("")
		p.Close()
		<-served
	})
}

// memListener makes connections in memory.
type memListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newMemListener() *memListener {
	return &memListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *memListener) dial() net.Conn {
	a, b := memconn.Pipe()
	l.conns <- b
	return a
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *memListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *memListener) Addr() net.Addr { return memconn.Addr("mem") }

// A head of 64 KiB with one byte in each Read is refused at the limit, and one
// of 32 KiB taken, in time that grows with the bytes and not with their
// square: a parser that began again with each byte would look at 500 million.
// What counts is the lowest of several times: others may have the processor
// meanwhile, but not all the time.
func TestLongHeadsByteByByteTakeLinearTime(t *testing.T) {
	for _, k := range []struct {
		size   int
		status int
	}{{32 << 10, 101}, {64 << 10, 431}} {
		t.Run(fmt.Sprintf("%d KiB", k.size>>10), func(t *testing.T) {
			lowest := time.Hour
			for tries := 0; tries < 9 && lowest > time.Second; tries++ {
				a, b := memconn.PipeSize(128 << 10)
				b.SetReadChunk(1)
				p := testpeer.New(t, a, testpeer.Client)
				p.WriteString(ofSize(k.size))
				start := time.Now()
				done := make(chan struct{})
				go func() {
					defer close(done)
					if c, _, err := pushwire.AcceptConn(context.Background(), b, nil); err == nil {
						c.CloseNow()
					}
				}()
				p.WantStatus("the whole head", k.status)
				lowest = min(lowest, time.Since(start))
				p.Close()
				<-done
			}
			if lowest > time.Second {
				t.Errorf("it took %v", lowest)
			}
		})
	}
}

// A client that goes away inside its head is nobody's business but its own:
// no answer, an error that tells so, and the connection is closed.
func TestHandshakeThatEndsInTheMiddle(t *testing.T) {
	head := req()
	for at := range head {
		synctest.Test(t, func(t *testing.T) {
			a, b := memconn.Pipe()
			got := make(chan error, 1)
			go func() {
				_, _, err := pushwire.AcceptConn(context.Background(), b, nil)
				got <- err
			}()
			io.WriteString(a, head[:at])
			a.CloseWrite()
			if answer, err := io.ReadAll(a); len(answer) > 0 || err != nil {
				t.Fatalf("after %d bytes: %q, %v", at, answer, err)
			}
			var he *handshake.Error
			if err := <-got; !errors.Is(err, io.EOF) || errors.As(err, &he) || pushwire.CodeOf(err) != frame.CodeAbnormal {
				t.Fatalf("after %d bytes: %v", at, err)
			}
		})
	}
}

// The frames that come with the head, and those that come just behind it, are
// delivered: on every path, wherever the segments are cut.
func TestFramesThatArriveWithTheHandshakeAreDelivered(t *testing.T) {
	r := handshakeRow{head: req(), status: 101}
	b := r.bytes()
	cuts := []int{len(r.head) - 1}
	for at := len(r.head); at <= len(b); at++ {
		cuts = append(cuts, at)
	}
	for _, d := range doorways {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS %v", d.name, secure), func(t *testing.T) {
				dial := d.open(t, &pushwire.AcceptOptions{}, secure)
				for _, at := range cuts {
					p := testpeer.New(t, dial(t), testpeer.Client)
					p.WriteRaw(b[:at])
					p.WriteRaw(b[at:])
					r.check(t, p, d.web)
				}
			})
		}
	}
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("AcceptConn, TLS %v", secure), func(t *testing.T) {
			for _, at := range cuts {
				a, s := memconn.Pipe()
				var client, server net.Conn = a, s
				if secure {
					pool, cert := testCert(t)
					client = tls.Client(a, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
					server = tls.Server(s, &tls.Config{Certificates: []tls.Certificate{cert}})
				}
				done := make(chan struct{})
				go func() {
					defer close(done)
					c, _, err := pushwire.AcceptConn(context.Background(), server, nil)
					if err != nil {
						t.Error(err)
						return
					}
					echo(context.Background(), c)
				}()
				p := testpeer.New(t, client, testpeer.Client)
				p.WriteRaw(b[:at])
				p.WriteRaw(b[at:])
				r.check(t, p, false)
				p.Close()
				<-done
			}
		})
	}
}

// Frames that come with the head and break the rules get their close frame
// too.
func TestBadFrameWithTheHandshakeGetsItsCloseFrame(t *testing.T) {
	for _, d := range doorways {
		t.Run(d.name, func(t *testing.T) {
			dial := d.open(t, &pushwire.AcceptOptions{}, false)
			for _, k := range []struct {
				f    testpeer.Frame
				code int
			}{{textFrame("not masked"), 1002}, {withRSV(4, testpeer.Frame{Fin: true, Opcode: 1, Mask: true}), 1002}, {testpeer.Frame{Opcode: 1, Mask: true, Payload: []byte("\xff")}, 1007}} {
				p := testpeer.New(t, dial(t), testpeer.Client)
				p.WriteRaw(k.f.Append([]byte(req())))
				p.WantStatus("the handshake is good", 101)
				p.WantClose(k.f.String(), k.code)
				p.WantEOF("the server closes")
			}
		})
	}
}

// What is no TLS, sent to a TLS port, opens no connection and ends at once.
func TestPlainBytesOnATLSPort(t *testing.T) {
	_, cert := testCert(t)
	quiet := &tls.Config{Certificates: []tls.Certificate{cert}}
	called := func(context.Context, *pushwire.Conn, *handshake.Request) { t.Error("a connection was opened") }
	srv := httptest.NewUnstartedServer(pushwire.Handler(called, nil))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLS = quiet
	srv.StartTLS()
	defer srv.Close()
	for _, server := range []struct{ name, addr string }{
		{"Handler", srv.Listener.Addr().String()},
		{"Serve", serve(t, tls.NewListener(listen(t), quiet), called, nil)},
	} {
		for _, k := range []struct {
			name, send string
			http       bool // net/http tells an HTTP client what is wrong; so do we
		}{
			{"a handshake", req(), true},
			{"a frame", "\x81\x85\x00\x00\x00\x00hello", false},
			{"nonsense", strings.Repeat("\x00", 100), false},
			{"half a hello", "\x16\x03\x01\x02\x00", false},
		} {
			t.Run(server.name+"/"+k.name, func(t *testing.T) {
				p := testpeer.Dial(t, server.addr)
				p.WriteString(k.send)
				p.NetConn().(*net.TCPConn).CloseWrite()
				if k.http {
					if head := p.ReadHead(); !strings.HasPrefix(head, "HTTP/1.0 400 ") && !strings.HasPrefix(head, "HTTP/1.1 400 ") {
						t.Errorf("a plain HTTP request was answered\n%s", head)
					}
				}
				p.NetConn().SetReadDeadline(time.Now().Add(testpeer.Timeout))
				if b, err := io.ReadAll(p.NetConn()); isTimeoutErr(err) || strings.Contains(string(b), " 101 ") {
					t.Errorf("%q, %v", b, err)
				}
			})
		}
	}
}

func isTimeoutErr(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// What Dial's own table of answers (TestDialRefusesMalformedAnswers) does not
// hold: the grammar of lines, and every answer byte by byte.
func TestDialReadsAnswersByteByByteAndRefusesBrokenLines(t *testing.T) {
	good := func(key string) string { return testpeer.ResponseHead(key) }
	change := func(from, to string) func(string) string {
		return func(key string) string { return strings.Replace(good(key), from, to, 1) }
	}
	for _, k := range []struct {
		name   string
		answer func(key string) string
		token  string // "" for an answer that is good
	}{
		{"a good answer", good, ""},
		{"no reason phrase", change(" Switching Protocols", ""), ""},
		{"a folded field", change("Upgrade: websocket\r\n", "Upgrade: websocket\r\n folded\r\n"), "handshake_field_folded"},
		{"bare LF", change("Upgrade: websocket\r\n", "Upgrade: websocket\n"), "handshake_bare_lf"},
		{"bare CR", change("Upgrade: websocket", "Upgrade: web\rsocket"), "handshake_bare_cr"},
		{"two status lines", change("\r\n", "\r\nHTTP/1.1 101 Switching Protocols\r\n"), "handshake_field_colon"},
		{"a name that is no token", change("Upgrade:", "Up grade:"), "handshake_field_name"},
		{"a control byte", change("websocket", "web\x1bsocket"), "handshake_control_byte"},
		{"a status of four digits", change(" 101 ", " 1010 "), "handshake_status_line"},
		{"a status of two digits", change(" 101 ", " 10 "), "handshake_status_line"},
		{"a negative status", change(" 101 ", " -01 "), "handshake_status_line"},
		{"a tab for a space", change("HTTP/1.1 101", "HTTP/1.1\t101"), "handshake_status_line"},
		{"a 64 KiB head", func(key string) string {
			return testpeer.ResponseHead(key, strings.Split(strings.Repeat("X: "+strings.Repeat("f", 1019)+"\n", 64), "\n")[:64]...)
		}, "handshake_bytes_too_many"},
	} {
		for _, chunk := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s/%d", k.name, chunk), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a, b := memconn.PipeSize(128 << 10)
					b.SetReadChunk(chunk)
					type result struct {
						c   *pushwire.Conn
						err error
					}
					got := make(chan result, 1)
					go func() {
						c, _, err := pushwire.Dial(context.Background(), "ws://localhost/", &pushwire.DialOptions{
							NetDial: func(context.Context, string, string) (net.Conn, error) { return b, nil },
						})
						got <- result{c, err}
					}()
					p := testpeer.New(t, a, testpeer.Server)
					key := testpeer.ParseRequest(p.ReadHead()).Header.Get("Sec-WebSocket-Key")
					p.WriteString(k.answer(key) + "\x81\x05hello")
					r := <-got
					if k.token == "" {
						if r.err != nil {
							t.Fatal(r.err)
						}
						if _, m, err := r.c.Read(context.Background()); string(m) != "hello" {
							t.Errorf("%q, %v", m, err)
						}
						r.c.CloseNow()
						return
					}
					var he *handshake.Error
					if !errors.As(r.err, &he) || he.Token != k.token {
						t.Errorf("Dial returned %v, want token %s", r.err, k.token)
					}
					p.WantEOF("the connection is closed")
				})
			})
		}
	}
}
