//go:build linux

package choosing

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/topic"
)

// client follows one topic. One goroutine runs it; close may be called by
// another one.
type client struct {
	cell  *cell
	path  string
	after topic.Cursor // of the last message; topic.Now before there is a cursor

	conn net.Conn
	in   *bufio.Reader // of conn
	own  int64         // bytes that it has moved; of interest until it is open
}

// counted counts what the client reads and writes: all there is above TCP.
type counted struct {
	net.Conn
	c *client
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.c.cell.received.Add(int64(n))
	c.c.own += int64(n)
	return n, err
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.c.cell.sent.Add(int64(n))
	c.c.own += int64(n)
	return n, err
}

// connect makes the connection, which the client keeps.
func (c *client) connect() error {
	nc, err := net.Dial("tcp4", c.cell.server.addr)
	if err != nil {
		return err
	}
	c.conn = counted{nc, c}
	c.in = bufio.NewReader(c.conn)
	return nil
}

// run follows the topic until the connection is closed. It calls opened once it
// has a cursor: from then on it misses nothing.
func (c *client) run(opened func()) error {
	k := c.cell.transport.kind
	switch k {
	case shortPoll, longPoll:
		// The first one is to learn where the topic is.
		wait := time.Duration(-1)
		if k == longPoll {
			wait = 0
		}
		if err := c.poll(wait); err != nil {
			return err
		}
		opened()
		if k == longPoll {
			return c.longPolls()
		}
		return c.shortPolls()
	}
	if err := c.ask(k, -1); err != nil {
		return err
	}
	status := http.StatusOK
	if k == webSocket {
		status = http.StatusSwitchingProtocols
	}
	resp, err := c.answer(status)
	if err != nil {
		return err
	}
	switch k {
	case jsonLines:
		return c.lines(bufio.NewReader(resp.Body), opened)
	case eventStream:
		return c.events(bufio.NewReader(resp.Body), opened)
	default:
		return c.messages(opened)
	}
}

func (c *client) ask(k kind, wait time.Duration) error {
	c.cell.requests.Add(1)
	_, err := c.conn.Write(k.request(c.cell.plan.Fields, c.cell.server.addr, c.path, c.after, wait))
	return err
}

func (c *client) answer(status int) (*http.Response, error) {
	resp, err := http.ReadResponse(c.in, nil)
	if err == nil && resp.StatusCode != status && !(status == http.StatusOK && resp.StatusCode == http.StatusNoContent) {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		err = fmt.Errorf("the server answered %s, %q", resp.Status, body)
	}
	return resp, err
}

func (c *client) shortPolls() error {
	if c.cell.plan.hold {
		_, err := c.in.ReadByte() // which does not come
		return err
	}
	ticks := time.NewTicker(c.cell.plan.hurried(c.cell.transport.every))
	defer ticks.Stop()
	for range ticks.C {
		if err := c.poll(-1); err != nil {
			return err
		}
	}
	return nil
}

// longPolls asks again and again. The first wait is any part of a whole one, as
// though the client had been there for long: else the waits of all clients
// would end together, and none within a short measurement.
func (c *client) longPolls() error {
	wait := c.cell.plan.hurried(pollWait)
	first := wait
	if !c.cell.plan.hold {
		first = time.Duration(rand.Float64() * float64(wait)).Round(time.Millisecond)
	}
	for {
		if err := c.poll(first); err != nil {
			return err
		}
		first = wait
	}
}

// poll asks once.
func (c *client) poll(wait time.Duration) error {
	if err := c.ask(c.cell.transport.kind, wait); err != nil {
		return err
	}
	resp, err := c.answer(http.StatusOK)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusNoContent {
		return c.place(topic.Cursor(resp.Header.Get("Pushwire-Cursor")))
	}
	var batch struct{ Items []item }
	if err := json.Unmarshal(body, &batch); err != nil {
		return err
	}
	for _, it := range batch.Items {
		if err := c.take(it); err != nil {
			return err
		}
	}
	return nil
}

// lines reads a stream of JSON lines.
func (c *client) lines(r *bufio.Reader, opened func()) error {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if err := c.object(line, &opened); err != nil {
			return err
		}
	}
}

// events reads an event stream, as far as the server makes use of the format.
func (c *client) events(r *bufio.Reader, opened func()) error {
	var it item
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "\n":
			if err := c.maybe(it, &opened); err != nil {
				return err
			}
			it = item{}
		case name == "id":
			it.Cursor = topic.Cursor(value)
		case name == "data":
			it.Data = &value
		case name != "": // a comment has none
			return fmt.Errorf("the line %q is not expected", line)
		}
	}
}

// messages reads a WebSocket connection and answers its pings.
func (c *client) messages(opened func()) error {
	d := frame.Decoder{Role: frame.Client}
	var message []byte
	for {
		if _, err := c.in.Peek(1); err != nil {
			return err
		}
		p, _ := c.in.Peek(c.in.Buffered())
		for size := len(p); ; {
			ev, n, err := d.Next(p)
			if err != nil {
				return err
			}
			p = p[n:]
			if ev.Kind == frame.More {
				c.in.Discard(size)
				break
			}
			switch {
			case ev.Kind == frame.Data:
				message = append(message, ev.Payload...)
				if ev.End {
					if err := c.object(message, &opened); err != nil {
						return err
					}
					message = message[:0]
				}
			case ev.Type == frame.Ping:
				if _, err := c.conn.Write(frame.AppendMessage(nil, frame.Client, frame.Pong, 0, ev.Payload)); err != nil {
					return err
				}
			case ev.Type == frame.Close:
				return fmt.Errorf("the server closed: %q", ev.Payload)
			}
		}
	}
}

// item is a message, or a place in the topic.
type item struct {
	Cursor topic.Cursor
	Data   *string
}

func (c *client) object(line []byte, opened *func()) error {
	var it item
	if err := json.Unmarshal(line, &it); err != nil {
		return err
	}
	return c.maybe(it, opened)
}

// maybe takes what may be a message, a place, or a block that is neither.
func (c *client) maybe(it item, opened *func()) error {
	switch {
	case it.Data != nil:
		return c.take(it)
	case it.Cursor == "":
		return nil
	}
	if err := c.place(it.Cursor); err != nil {
		return err
	}
	if *opened != nil {
		(*opened)()
		*opened = nil
	}
	return nil
}

// place is told where the topic is. After the first time that is where the
// client is.
func (c *client) place(at topic.Cursor) error {
	if c.after == topic.Now {
		c.after = at
	}
	if at != c.after || at.Check() != nil {
		return fmt.Errorf("the server is at %q after %q", at, c.after)
	}
	return nil
}

// take notes that a message has come. It is the next one, whole, and not from
// the future.
func (c *client) take(it item) error {
	if c.after != topic.Now {
		epoch, seq, err := c.after.Split()
		if err != nil {
			return err
		}
		if it.Cursor != topic.At(epoch, seq+1) {
			return fmt.Errorf("%q came after %q", it.Cursor, c.after)
		}
	}
	c.after = it.Cursor
	if it.Data == nil || len(*it.Data) != messageSize {
		return errors.New("the message is not whole")
	}
	text, _, _ := strings.Cut(*it.Data, " ")
	at, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return err
	}
	took := now() - at
	if took < 0 {
		return fmt.Errorf("a message took %v", time.Duration(took))
	}
	c.cell.arrived(time.Duration(took))
	return nil
}
