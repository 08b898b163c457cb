package pushwire

import (
	"context"
	"errors"

	"github.com/pushwire/pushwire/frame"
)

// Prepared is a message that was encoded once to be sent to many connections.
// It is immutable: any goroutine may use it.
type Prepared struct {
	typ     Type
	frame   []byte // as a server sends it
	payload []byte // the end of frame
}

// Prepare encodes a message once for any number of [Conn.Send] and
// [Group.Broadcast]. p is copied. It panics unless t is frame.Text or
// frame.Binary.
func Prepare(t Type, p []byte) *Prepared {
	if t != frame.Text && t != frame.Binary {
		panic(ErrType.Error())
	}
	f := frame.AppendMessage(nil, frame.Server, t, 0, p)
	return &Prepared{typ: t, frame: f, payload: f[len(f)-len(p):]}
}

// costMin is what a short message counts in a queue, in bytes: its place there
// is not free.
const costMin = 64

func (m *Prepared) cost() int { return max(len(m.payload), costMin) }

func (m *Prepared) header() frame.Header {
	return frame.Header{Fin: true, Opcode: m.typ, Length: int64(len(m.payload))}
}

// appendTo encodes m for role; a client's frames are masked, each with a key
// of its own.
func (m *Prepared) appendTo(dst []byte, role frame.Role) []byte {
	if role == frame.Server {
		return append(dst, m.frame...)
	}
	return frame.AppendMessage(dst, role, m.typ, 0, m.payload)
}

// ErrQueueFull is returned by [Conn.Send] when the policy DropNewest dropped
// the message. The connection is as it was.
var ErrQueueFull = errors.New("pushwire: the send queue is full and the message was dropped (the peer reads too slowly for Config.Queue)")

var errEvicted = errors.New("pushwire: the send queue is full and the peer is being closed with 1008 (Config.Queue.Policy is Evict)")

// Send queues m and returns. It goes out at once where the transport takes it
// without waiting, else as the peer reads. When the queue of [Config] has no
// room, its policy decides: Block waits, for as long as ctx lives; DropNewest
// returns [ErrQueueFull]; DropOldest makes room; Evict closes the connection
// with 1008. Messages of Send and Write go out in the order of the calls.
func (c *Conn) Send(ctx context.Context, m *Prepared) error {
	for {
		if ctx.Err() != nil {
			return waitError("send", ctx)
		}
		room, err := c.enqueue(m, true)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
		case <-c.Done():
		}
	}
}

// enqueue puts m into the queue as the policy wants it. Where it has to wait
// and may, it returns a channel that is closed when there may be room.
func (c *Conn) enqueue(m *Prepared, wait bool) (room <-chan struct{}, err error) {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.ready(c); err != nil {
		return nil, err
	}
	bound := c.cfg.Queue.bytes()
	for !o.queue.fits(m.cost(), bound) {
		switch policy := c.cfg.Queue.Policy; {
		case policy == DropOldest:
			o.queue.pop()
			c.stats.dropped.Add(1)
			continue
		case policy == Evict:
			c.stats.dropped.Add(1)
			o.queue.clear()
			o.closeSoon(c, frame.CodePolicy, "too slow: the send queue is full")
			return nil, errEvicted
		case policy == Block && wait:
			return o.queue.wait(), nil
		}
		c.stats.dropped.Add(1)
		return nil, ErrQueueFull
	}
	o.queue.push(m)
	c.stats.messagesWritten.Add(1)
	c.kick()
	return nil, nil
}
