//go:build linux

package choosing

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/topic"
)

// A message that is not the next one, not whole, or from the future fails the
// measurement.
func TestTake(t *testing.T) {
	whole := func(at int64) string { return pad(at, messageSize) }
	past := now() - int64(time.Second)
	for name, v := range map[string]struct {
		after, cursor topic.Cursor
		data          string
		good          bool
	}{
		"the next one":                  {"a-7", "a-8", whole(past), true},
		"the first one after now":       {topic.Now, "a-8", whole(past), true},
		"the same again":                {"a-7", "a-7", whole(past), false},
		"one is missing":                {"a-7", "a-9", whole(past), false},
		"the next one of another epoch": {"a-7", "b-8", whole(past), false},
		"too short":                     {"a-7", "a-8", whole(past)[1:], false},
		"too long":                      {"a-7", "a-8", whole(past) + "x", false},
		"no time":                       {"a-7", "a-8", strings.Repeat("x", messageSize), false},
		"from the future":               {"a-7", "a-8", whole(past + int64(time.Hour)), false},
	} {
		c := &client{cell: &cell{record: true}, after: v.after}
		err := c.take(item{Cursor: v.cursor, Data: &v.data})
		if (err == nil) != v.good {
			t.Errorf("%s: %v", name, err)
		}
		if v.good && (len(c.cell.latency) != 1 || c.cell.latency[0] < time.Second || c.after != v.cursor) {
			t.Errorf("%s: took %v, and the client is at %q", name, c.cell.latency, c.after)
		}
	}
}

// pad is the data of a message, of a size.
func pad(at int64, size int) string {
	s := fmt.Sprintf("%019d ", at)
	return s + strings.Repeat("x", size-len(s))
}

// Each kind reads what its transport sends, in pieces of any size: where the
// topic is, a heartbeat, and a message.
func TestKinds(t *testing.T) {
	data := pad(now(), messageSize)
	line := `{"cursor":"a-8","data":"` + data + `"}`
	for name, v := range map[string]struct {
		kind   kind
		stream string
	}{
		"JSON lines":   {jsonLines, `{"cursor":"a-7"}` + "\n" + `{"cursor":"a-7"}` + "\n" + line + "\n"},
		"event stream": {eventStream, "id: a-7\n\n:\n\nid: a-8\ndata: " + data + "\n\n"},
		"WebSocket": {webSocket, string(frame.AppendMessage(nil, frame.Server, frame.Text, 0, []byte(`{"cursor":"a-7"}`))) +
			string(frame.AppendMessage(nil, frame.Server, frame.Ping, 0, []byte("?"))) +
			string(frame.AppendMessage(nil, frame.Server, frame.Text, 0, []byte(line)))},
	} {
		for size := 1; size <= len(v.stream); size++ {
			var sent bytes.Buffer
			c := &client{cell: &cell{}, after: topic.Now, conn: writer{&sent}}
			c.in = bufio.NewReader(&pieces{v.stream, size})
			opened := 0
			open := func() { opened++ }
			var err error
			switch v.kind {
			case jsonLines:
				err = c.lines(c.in, open)
			case eventStream:
				err = c.events(c.in, open)
			case webSocket:
				err = c.messages(open)
				if want := "?"; !strings.HasSuffix(unmasked(t, sent.Bytes()), want) {
					t.Fatalf("%s in pieces of %d: the ping was answered %q", name, size, sent.Bytes())
				}
			}
			if err != io.EOF || opened != 1 || c.cell.messages != 1 || c.after != "a-8" {
				t.Fatalf("%s in pieces of %d: %v, opened %d times, %d messages, at %q", name, size, err, opened, c.cell.messages, c.after)
			}
		}
	}
}

// unmasked is the payload of a client's pong.
func unmasked(t *testing.T, p []byte) string {
	t.Helper()
	d := frame.Decoder{Role: frame.Server}
	ev, _, err := d.Next(p)
	if err != nil || ev.Type != frame.Pong {
		t.Fatalf("%v, %v", ev, err)
	}
	return string(ev.Payload)
}

// pieces is a reader that gives a few bytes at a time.
type pieces struct {
	rest string
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.rest == "" {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(p.size, len(p.rest))])
	p.rest = p.rest[n:]
	return n, nil
}

// writer is a net.Conn that only writes.
type writer struct{ io.Writer }

func (writer) Read([]byte) (int, error)         { return 0, io.EOF }
func (writer) Close() error                     { return nil }
func (writer) LocalAddr() net.Addr              { return nil }
func (writer) RemoteAddr() net.Addr             { return nil }
func (writer) SetDeadline(time.Time) error      { return nil }
func (writer) SetReadDeadline(time.Time) error  { return nil }
func (writer) SetWriteDeadline(time.Time) error { return nil }

// Requests are whole, say which transport they want, and with the fields of
// Chromium nothing is left of the places that a host goes to.
func TestRequests(t *testing.T) {
	for _, f := range []Fields{Chromium, Bare} {
		for _, tr := range Transports {
			if tr.kind == nobody {
				continue
			}
			wait := time.Duration(-1)
			if tr.kind == longPoll {
				wait = 22716 * time.Millisecond
			}
			p := tr.kind.request(f, "127.0.0.1:80", "/news/3", "a-7", wait)
			r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(p)))
			if err != nil {
				t.Fatalf("%s, %s: %v", tr.Name, f, err)
			}
			want := "/news/3?after=a-7"
			if tr.kind == longPoll {
				want += "&wait=22.716"
			}
			if r.URL.String() != want || r.Host != "127.0.0.1:80" {
				t.Errorf("%s, %s: %s at %s", tr.Name, f, r.URL, r.Host)
			}
			if tr.kind == webSocket && r.Header.Get("Upgrade") != "websocket" || tr.kind != webSocket && r.Header.Get("Accept") != accept[tr.kind] {
				t.Errorf("%s, %s: %v", tr.Name, f, r.Header)
			}
			if f == Chromium && (r.UserAgent() == "" || !strings.Contains(string(p), ": http://127.0.0.1:80")) || bytes.Contains(p, []byte("HOST")) || bytes.Contains(p, []byte("ACCEPT")) {
				t.Errorf("%s: %q", tr.Name, p)
			}
		}
	}
}

// A quantile is one of the values.
func TestQuantile(t *testing.T) {
	var all []time.Duration
	for i := range 101 {
		all = append(all, time.Duration(i)*time.Millisecond)
	}
	for _, percent := range []int{0, 50, 99, 100} {
		if got := quantile(all, percent); got != float64(percent) {
			t.Errorf("%d of 100: %v", percent, got)
		}
	}
	if got := quantile(all[7:8], 99); got != 7 {
		t.Errorf("of one value: %v", got)
	}
}
