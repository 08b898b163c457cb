package fuzz

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/internal/memconn"
	"github.com/pushwire/pushwire/topic"
)

// broadcastMark begins the messages that are no echo.
const broadcastMark = "broadcast "

// rawClient speaks bytes. The player alone uses it, but for what mu guards.
type rawClient struct {
	nc         *memconn.Conn
	compressed bool

	wire    []byte    // ready, not gone out
	gone    int       // bytes that went out
	ready   []message // in order, and
	until   []int     // where each ends
	behaved bool      // nothing was done that lets a server end it early

	mu      sync.Mutex
	resume  sync.Cond
	stalled bool
	got     []byte
	ended   bool // the server has
}

func dialRaw(l *listener, request string, all *sync.WaitGroup) *rawClient {
	nc := l.connect()
	if nc == nil {
		return nil
	}
	c := &rawClient{nc: nc, behaved: true, wire: []byte(request)}
	c.resume.L = &c.mu
	all.Go(func() {
		buf := make([]byte, 512)
		for {
			n, err := nc.Read(buf)
			c.mu.Lock()
			c.got = append(c.got, buf[:n]...)
			if err != nil {
				c.ended = true
				c.mu.Unlock()
				return
			}
			for c.stalled {
				c.resume.Wait()
			}
			c.mu.Unlock()
		}
	})
	c.send(len(c.wire))
	return c
}

func (c *rawClient) stall(yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stalled = yes
	c.resume.Broadcast()
}

// prepare makes a message ready: number and length of arg.
func (c *rawClient) prepare(arg byte) {
	m := message{text: arg&1 == 0, data: fmt.Sprintf("%d %s", len(c.ready), strings.Repeat("x", int(arg>>1)*int(arg>>6)))}
	first := byte(0x82)
	if m.text {
		first = 0x81
	}
	switch {
	case arg&2 != 0 && len(m.data) > 1: // in two fragments
		half := len(m.data) / 2
		c.wire = append(c.wire, piece(true, first&^0x80, m.data[:half])+piece(true, 0x80, m.data[half:])...)
	case c.compressed:
		c.wire = append(c.wire, piece(true, first|0x40, packed(m.data))...)
	default:
		c.wire = append(c.wire, piece(true, first, m.data)...)
	}
	c.ready = append(c.ready, m)
	c.until = append(c.until, c.gone+len(c.wire))
}

// send lets up to n bytes of what is ready go out, as many as there is room
// for.
func (c *rawClient) send(n int) {
	n = min(n, len(c.wire))
	c.nc.SetWriteDeadline(time.Now().Add(time.Millisecond))
	n, err := c.nc.Write(c.wire[:n])
	c.wire = c.wire[n:]
	c.gone += n
	if err != nil {
		c.behaved = false // too slow, or the server is not there any more
	}
}

// check holds that the echo is the beginning of what went out, and all of it
// where the client has behaved and the connection lives.
func (c *rawClient) check(t *testing.T) {
	c.mu.Lock()
	got, ended := slices.Clone(c.got), c.ended
	whole := c.behaved && !ended && !c.stalled
	c.mu.Unlock()
	v := judge(rules{message: 1 << 20, fragments: 1000, deflate: c.compressed, takeover: true}, afterHead(got))
	if v.fail != 0 {
		t.Errorf("the server's bytes end with %d: %q", v.fail, got)
	}
	var echo []message
	for _, m := range v.messages {
		if !strings.HasPrefix(m.data, broadcastMark) {
			echo = append(echo, m)
		}
	}
	n := 0
	for n < len(c.until) && c.until[n] <= c.gone {
		n++
	}
	if len(echo) > n || !slices.Equal(echo, c.ready[:len(echo)]) {
		t.Errorf("went out: %+v; came back: %+v", c.ready[:n], echo)
	}
	if whole && len(echo) < n {
		t.Errorf("%d messages went out, %d came back: % x", n, len(echo), got)
	}
	if whole && len(got) == 0 {
		t.Error("no answer to the handshake")
	}
}

// follower follows the topic and holds it to its promise.
type follower struct {
	stop context.CancelFunc

	mu      sync.Mutex
	stopped bool
	last    uint64 // the seq of the last item, or where it was told to go on
	began   bool   // last means something
	slow    time.Duration
	wrong   string
	over    bool
}

// follow starts one. transport is one of Transports, 0 for all of them.
func follow(w *world, transport httpstream.Transport) *follower {
	ctx, cancel := context.WithCancel(context.Background())
	f := &follower{stop: cancel}
	tr := &http.Transport{DialContext: w.dialNews}
	o := &httpstream.FollowOptions{
		HTTP: &http.Client{Transport: tr},
		Dial: &pushwire.DialOptions{NetDial: w.dialNews, Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }},
	}
	if transport != 0 {
		o.Transports = []httpstream.Transport{transport}
	}
	w.all.Go(func() {
		defer tr.CloseIdleConnections()
		for it, err := range httpstream.Follow(ctx, "http://a/news", o) {
			f.take(it, err)
			f.mu.Lock()
			slow := f.slow
			f.mu.Unlock()
			time.Sleep(slow)
		}
		f.mu.Lock()
		f.over = true
		f.mu.Unlock()
	})
	return f
}

// take holds one step of the loop against the ones before.
func (f *follower) take(it topic.Item, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var gone *topic.GoneError
	switch {
	case errors.As(err, &gone):
		_, oldest, e1 := gone.Oldest.Split()
		_, head, e2 := gone.Head.Split()
		switch {
		case e1 != nil || e2 != nil || oldest > head:
			f.complain("told of %+v", gone)
		case f.began && oldest <= f.last:
			f.complain("told that what follows %d is lost, and it has had %d", oldest, f.last)
		}
		f.last, f.began = oldest, true
	case err != nil:
		if !f.stopped {
			f.complain("ends with %v", err)
		}
	default:
		_, seq, err := it.Cursor.Split()
		switch {
		case err != nil:
			f.complain("%q: %v", it.Cursor, err)
		case f.began && seq != f.last+1:
			f.complain("after %d comes %d", f.last, seq)
		case string(it.Data) != itemData(seq) || it.Binary != (seq%3 == 0):
			f.complain("item %d holds %q", seq, it.Data)
		}
		f.last, f.began = seq, true
	}
}

func (f *follower) complain(format string, args ...any) {
	if f.wrong == "" {
		f.wrong = fmt.Sprintf(format, args...)
	}
}

// itemData is what the item of a number holds.
func itemData(seq uint64) string {
	return fmt.Sprintf("item %d%s", seq, strings.Repeat(" and more", int(seq%50)))
}

var errPartition = &net.OpError{Op: "dial", Net: "mem", Err: errors.New("the network is down")}
