package httpstream_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// exchange is a request and its answer in docs/PROTOCOL.md.
type exchange struct {
	line     int
	shutdown bool     // the server is shutting down
	request  []string // lines, and the body
	head     []string // of the answer
	body     []string
}

// readExchanges takes the blocks of the document that are marked as http.
func readExchanges(t *testing.T, name string) (all []exchange) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var x *exchange
	to := (*[]string)(nil)
	for i, line := range strings.Split(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "```http"):
			x = &exchange{line: i + 1, shutdown: strings.Contains(line, "shutdown")}
			to = &x.request
		case x == nil:
		case line == "```":
			all = append(all, *x)
			x = nil
		case strings.HasPrefix(line, "HTTP/1.1 "):
			to = &x.head
			*to = append(*to, line)
		case line == "" && to == &x.head:
			to = &x.body
		default:
			*to = append(*to, line)
		}
	}
	return all
}

// What the document says is what a server says.
func TestProtocolDocument(t *testing.T) {
	all := readExchanges(t, "../docs/PROTOCOL.md")
	if len(all) < 14 {
		t.Fatalf("%d exchanges", len(all))
	}
	synctest.Test(t, func(t *testing.T) {
		const epoch = "5n3k9q2v0c1rt-"
		var log topic.Log
		log.Append("", []byte("hello"))
		log.Append("price", []byte("3.5"))
		log.Publish(t.Context(), topic.Publication{Data: []byte{0, 0xff}, Binary: true})
		bounds, _ := log.Bounds(t.Context())
		own, _, _ := bounds.Head.Split()
		real := func(s string) string { return strings.ReplaceAll(s, epoch, own+"-") }
		short := func(s string) string { return strings.ReplaceAll(s, own+"-", epoch) }
		var group httpstream.Group
		b := way{}.inBubble(httpstream.Handler(&log, &httpstream.Options{Allow: allowAll, Group: &group}), nil)
		defer b.close()
		for _, x := range all {
			if x.shutdown {
				if _, err := group.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if strings.Contains(strings.Join(x.request, "\n"), "Upgrade: websocket") {
				x.playSocket(t, b, real, short)
			} else {
				x.play(t, b, real, short)
			}
		}
	})
}

// play makes the request byte by byte and compares what the document shows.
func (x *exchange) play(t *testing.T, b *bubble, real, short func(string) string) {
	t.Helper()
	nc, err := b.l.dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	// Blocks end with a line; the document separates requests and answers
	// with an empty one, which belongs to a head without a body.
	request := strings.Join(x.request, "\r\n")
	if strings.HasPrefix(request, "POST") {
		request = strings.TrimSuffix(request, "\r\n")
	} else {
		request += "\r\n"
	}
	io.WriteString(nc, real(request))
	res, err := http.ReadResponse(bufio.NewReader(nc), &http.Request{Method: x.request[0][:strings.Index(x.request[0], " ")]})
	if err != nil {
		t.Fatalf("line %d: %v", x.line, err)
	}
	x.compareHead(t, res, short)
	want := strings.Join(x.body, "\n")
	if len(x.body) > 0 {
		want += "\n"
	}
	got := make([]byte, len(real(want)))
	if res.Header.Get("Content-Length") != "" || len(x.body) == 0 {
		got, err = io.ReadAll(res.Body)
	} else {
		_, err = io.ReadFull(res.Body, got) // it goes on
	}
	if err != nil || short(string(got)) != want {
		t.Errorf("line %d: %v\n got %s\nwant %s", x.line, err, short(string(got)), want)
	}
}

func (x *exchange) compareHead(t *testing.T, res *http.Response, short func(string) string) {
	t.Helper()
	if got := res.Proto + " " + res.Status; got != x.head[0] {
		t.Errorf("line %d: %s, want %s", x.line, got, x.head[0])
	}
	for _, field := range x.head[1:] {
		name, want, _ := strings.Cut(field, ": ")
		got := short(res.Header.Get(name))
		if name == "Connection" && res.Close {
			got = "close" // ReadResponse takes it away
		}
		if among := "12345"; name == "Retry-After" && len(got) == 1 && strings.Contains(among, got) && strings.Contains(among, want) {
			got = want // it is chosen at random
		}
		if got != want {
			t.Errorf("line %d: %s: %q, want %q", x.line, name, got, want)
		}
	}
}

func (x *exchange) playSocket(t *testing.T, b *bubble, real, short func(string) string) {
	t.Helper()
	target := strings.Fields(x.request[0])[1]
	c, res, err := pushwire.Dial(t.Context(), "ws://example.com"+real(target), &pushwire.DialOptions{NetDial: b.l.dial})
	if err != nil {
		t.Fatalf("line %d: %v", x.line, err)
	}
	defer c.CloseNow()
	res.Header.Set("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") // for the key of RFC 6455; ours is another
	x.compareHead(t, res, short)
	for _, want := range x.body {
		typ, data, err := c.Read(t.Context())
		got := "text " + string(data)
		if typ == frame.Binary {
			got = fmt.Sprintf("binary %q", short(string(data)))
		}
		if err != nil || short(got) != want {
			t.Errorf("line %d: %v\n got %s\nwant %s", x.line, err, short(got), want)
		}
	}
}
