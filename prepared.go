package pushwire

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/pushwire/pushwire/frame"
)

// Prepared is a message that was encoded once to be sent to many connections.
// It is immutable: any goroutine may use it. For connections with compression
// it is compressed once for each level and size of window among them.
type Prepared struct {
	plain encoded

	mu     sync.Mutex // of who compresses
	packed atomic.Pointer[encoded]
}

// encoded is a message as it goes out. It is immutable.
type encoded struct {
	header  frame.Header
	frame   []byte // as a server sends it
	payload []byte // the end of frame

	// Of compressed ones.
	level, bits uint8
	plain       []byte   // what payload inflates to
	next        *encoded // another variant of the same message
}

// Prepare encodes a message once for any number of [Conn.Send] and
// [Group.Broadcast]. p is copied. It panics unless t is frame.Text or
// frame.Binary.
func Prepare(t Type, p []byte) *Prepared {
	if t != frame.Text && t != frame.Binary {
		panic(ErrType.Error())
	}
	return &Prepared{plain: encode(t, 0, p)}
}

func encode(t Type, rsv byte, p []byte) encoded {
	f := frame.AppendMessage(nil, frame.Server, t, rsv, p)
	return encoded{
		header: frame.Header{Fin: true, RSV: rsv, Opcode: t, Length: int64(len(p))},
		frame:  f, payload: f[len(f)-len(p):],
	}
}

// variant returns m as z, which may be nil, wants it. It is compressed without
// looking back at earlier messages, so that it fits into any context.
func (m *Prepared) variant(z *compression) *encoded {
	if z == nil || m.plain.header.Length < z.threshold {
		return &m.plain
	}
	e := m.find(z)
	if e == nil {
		m.mu.Lock()
		if e = m.find(z); e == nil {
			e = m.pack(z)
			e.next = m.packed.Load()
			m.packed.Store(e)
		}
		m.mu.Unlock()
	}
	if e.header.RSV == 0 {
		return &m.plain
	}
	return e
}

func (m *Prepared) find(z *compression) *encoded {
	e := m.packed.Load()
	for e != nil && (e.level != z.level || e.bits != z.bits) {
		e = e.next
	}
	return e
}

// pack compresses m. Where that does not help, what it returns only says so.
func (m *Prepared) pack(z *compression) *encoded {
	var e encoded
	buf := chunkBuffers.get()
	buf.b = z.pack(buf.b, nil, true, m.plain.payload)
	if len(buf.b) < len(m.plain.payload) {
		e = encode(m.plain.header.Opcode, frame.RSV1, buf.b)
		e.plain = m.plain.payload
	}
	buf.free()
	e.level, e.bits = z.level, z.bits
	return &e
}

// costMin is what a short message counts in a queue, in bytes: its place there
// is not free.
const costMin = 64

func (m *encoded) cost() int { return max(len(m.payload), costMin) }

// appendTo encodes m for role; a client's frames are masked, each with a key
// of its own.
func (m *encoded) appendTo(dst []byte, role frame.Role) []byte {
	if role == frame.Server {
		return append(dst, m.frame...)
	}
	return frame.AppendMessage(dst, role, m.header.Opcode, m.header.RSV, m.payload)
}

// ErrQueueFull is returned by [Conn.Send] when the policy DropNewest dropped
// the message. The connection is as it was.
var ErrQueueFull = errors.New("pushwire: the send queue is full and the message was dropped (the peer reads too slowly for Config.Queue)")

// tooSlow is the reason that an evicted peer gets.
const tooSlow = "too slow: the send queue is full"

var errEvicted = errors.New("the peer is being closed because it reads too slowly (Config.Queue.Policy is Evict)")

// Send queues m and returns. It goes out at once where the transport takes it
// without waiting, else as the peer reads. When the queue of [Config] has no
// room, its policy decides: Block waits, for as long as ctx lives; DropNewest
// returns [ErrQueueFull]; DropOldest makes room; Evict closes the connection
// with 1008. Messages of Send and Write go out in the order of the calls.
func (c *Conn) Send(ctx context.Context, m *Prepared) error {
	e := m.variant(c.out.compression)
	for {
		if ctx.Err() != nil {
			return c.stopped("send", ctx)
		}
		room, err := c.enqueue(e, true)
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
func (c *Conn) enqueue(m *encoded, wait bool) (room <-chan struct{}, err error) {
	o := &c.out
	o.lock()
	defer o.unlock()
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
			o.closeSoon(c, frame.CodePolicy, tooSlow)
			return nil, &CloseError{Code: frame.CodePolicy, Reason: tooSlow, Sent: c.life.sent, Err: errEvicted}
		case policy == Block && wait:
			return o.queue.wait(), nil
		}
		c.stats.dropped.Add(1)
		return nil, ErrQueueFull
	}
	o.queue.push(m)
	c.stats.messagesWritten++
	c.kick()
	return nil, nil
}
