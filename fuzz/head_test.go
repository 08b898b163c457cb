package fuzz

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/internal/memconn"
)

// FuzzRequestHead: our parser takes a subset of what net/http takes, and means
// the same. Smuggling needs two readers that differ in where a request ends,
// whom it is for or what it asks; so these are compared:
//
//   - ParseRequest with http.ReadRequest: the length of the head, and of a
//     request that could be a handshake that it has no body;
//   - ParseRequest with FromHTTP of that, to every field and to the verdict of
//     Check and of Origins;
//   - a server on AcceptConn with one on net/http: the same status, and the
//     same first message from the bytes behind the head.
func FuzzRequestHead(f *testing.F) {
	const hello = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
	f.Add([]byte(serverHead + hello))
	for _, line := range []string{
		"Content-Length: 0", "Content-Length: 5", "Content-Length: 0, 0", "Content-Length: +5", "Transfer-Encoding: chunked",
		"Transfer-Encoding: chunked\r\nContent-Length: 11", "Transfer-Encoding : chunked", "Transfer-Encoding: xchunked",
		"Host: other.example.com", "X: a\r\n folded", "X: a\nContent-Length: 3", "X\x00: a", "Expect: 100-continue",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Origin: http://server.example.com", "Origin: https://evil.example",
		"Sec-WebSocket-Protocol: a, b", "Trailer: Host", "Connection: close", "Upgrade: h2c", "Content-Length: \v0",
	} {
		f.Add([]byte(strings.Replace(serverHead, "\r\n", "\r\n"+line+"\r\n", 1) + hello))
	}
	for _, first := range []string{"GET http://other.example.com/ HTTP/1.1", "GET  / HTTP/1.1", "GET / HTTP/1.0", "GET * HTTP/1.1", "POST / HTTP/1.1",
		"GET /%zz HTTP/1.1", "GET /a#b HTTP/1.1", "GET //a/ HTTP/1.1", "CONNECT a:1 HTTP/1.1", "PRI * HTTP/2.0", "GET / HTTP/1.1\r"} {
		f.Add([]byte(strings.Replace(serverHead, "GET /chat HTTP/1.1", first, 1) + hello))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		ours, n, _, err := handshake.ParseRequest(in, 0, handshake.Limits{})
		if err != nil || n == 0 {
			return // a subset: nothing to compare
		}
		br := bufio.NewReaderSize(bytes.NewReader(in), len(in)+16)
		ref, err := http.ReadRequest(br)
		if err != nil {
			t.Fatalf("%q was taken, and net/http says %v", in[:n], err)
		}
		if used := len(in) - br.Buffered(); used != n {
			t.Fatalf("the head ends at %d, to net/http at %d", n, used)
		}
		ref.Header.Del("Host")
		theirs, herr := handshake.FromHTTP(ref)
		a, b := ours.Check(), herr
		if b == nil {
			b = theirs.Check()
		}
		if a == nil && b != nil {
			t.Fatalf("Check takes %q, behind net/http it is %v", in[:n], b)
		}
		if a != nil { // no handshake: net/http may see more in it
			return
		}
		if ref.ContentLength != 0 || len(ref.TransferEncoding) > 0 {
			t.Fatalf("a body of %d bytes, %q, has been overlooked", ref.ContentLength, ref.TransferEncoding)
		}
		if d := cmp.Diff(ours, theirs, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("%q (-ours +net/http):\n%s", in[:n], d)
		}
		a, b = handshake.Origins{}.Check(&ours), handshake.Origins{}.Check(&theirs)
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("origin: %v, behind net/http %v", a, b)
		}
		if len(in) < 4096 {
			synctest.Test(t, func(t *testing.T) { sameServers(t, in) })
		}
	})
}

// meeting is what a server made of a connection.
type meeting struct {
	Status  int
	Host    string
	Target  string
	Message string
	Code    frame.Code
}

// sameServers sends in to both kinds of servers.
func sameServers(t *testing.T, in []byte) {
	var met [2]meeting
	for i := range met {
		l := newListener(memconn.DefaultSize)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		f := func(ctx context.Context, c *pushwire.Conn, r *handshake.Request) {
			met[i].Host, met[i].Target = r.Host, r.Target
			_, p, err := c.Read(ctx)
			if err == nil {
				_, _, err = c.Read(ctx)
			}
			met[i].Message, met[i].Code = string(p), pushwire.CodeOf(err)
		}
		stop := func() {}
		if i == 0 {
			go func() {
				defer close(done)
				pushwire.Serve(ctx, l, f, nil)
			}()
		} else {
			close(done)
			stop = serve(&http.Server{Handler: pushwire.Handler(f, nil)}, l)
		}
		nc := l.connect()
		go func() {
			nc.Write(in)
			nc.CloseWrite()
		}()
		b, _ := io.ReadAll(nc)
		if res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil); err == nil {
			met[i].Status = res.StatusCode
		}
		nc.Close()
		cancel()
		stop()
		<-done
		time.Sleep(time.Minute) // whatever lingers
		synctest.Wait()
	}
	if met[1].Status == http.StatusExpectationFailed {
		// RFC 9110, 10.1.1: a server that gets an expectation it does not know
		// "MAY respond with a 417". There is no body that would wait for it.
		return
	}
	if met[0] != met[1] {
		t.Errorf("Serve %+v, net/http %+v, of %q", met[0], met[1], in)
	}
	if met[0].Status != 101 && !slices.Contains([]int{403, 500}, met[0].Status) { // 403 for an origin
		t.Errorf("a request that passed Check: %+v", met[0])
	}
}
