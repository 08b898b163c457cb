package pushwire

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pushwire/pushwire/frame"
)

// Type says whether a message is text or binary.
type Type = frame.Opcode

// Message is one message of [Conn.Messages].
type Message struct {
	Type Type
	Data []byte
}

// Conn is a WebSocket connection.
//
// All methods may be called from any goroutine. Messages of concurrent writers
// go out whole; concurrent readers get one message each. Somebody has to read
// (Read, ReadAppend, Reader, Messages or Discard), or the peer's pings, pongs
// and close frames are not seen.
//
// An idle Conn has no goroutine and no buffer of its own; what it borrows it
// gives back before it waits. Its keepalive shares the timer of its server
// (Handler, Serve) or Group; only a Conn that stands alone has one.
type Conn struct {
	cfg      *Config // fixed, not changed by anybody
	protocol *string // fixed; nil for none

	base context.Context                // fixed: gives the values of the connection's context
	full atomic.Pointer[endableContext] // context.go; nil until somebody waits for the end

	wire wire

	reading turn  // who holds it may use in
	in      input // read.go

	out output // output.go

	life life // the end; close.go

	pings pings // ping.go
	keep  kept  // keepalive.go

	polled atomic.Pointer[polled] // its place in a Poller, which alone reads then; nil for none (poller.go)

	groups struct { // that the Conn is a member of; group.go
		mu   sync.Mutex
		list []*Group
	}

	ticket atomic.Pointer[ticket] // of the server's Gate, until the transport is closed; nil for none

	stats counters
}

// newConn makes a Conn over nc, whose opening handshake is done. unread are
// the bytes that came after the handshake; newConn takes the slice over. base
// gives the values of the connection's context. The pings come from k, or from
// a keepalive of its own if k is nil.
func newConn(base context.Context, nc net.Conn, role frame.Role, cfg *Config, a agreed, unread []byte, k *keepalive) *Conn {
	var c *Conn
	if k == nil && cfg.pingEvery() != never {
		c, k = newAlone()
	} else {
		c = new(Conn)
	}
	c.cfg, c.base, c.protocol = cfg, base, a.protocol
	c.ticket.Store(a.ticket)
	c.wire.init(nc, role)
	c.startDeflate(a.deflate)
	if len(unread) > 0 {
		c.in.borrow(c)
		c.in.b = unread
	}
	c.startKeepalive(k)
	return c
}

// NewConn makes a Conn over nc, on which somebody else has done the opening
// handshake; role is the local end. cfg may be nil for the defaults and must
// not be changed afterwards. The Conn takes nc over.
func NewConn(nc net.Conn, role frame.Role, cfg *Config) *Conn {
	if cfg == nil {
		cfg = &defaultAccept.Config
	}
	return newConn(context.Background(), nc, role, cfg, assumed(cfg), nil, nil)
}

// Done is closed when the connection has ended, for whatever reason: the
// closing handshake is over, or it broke. [Conn.Err] then tells why.
func (c *Conn) Done() <-chan struct{} { return c.endable().ctx.Done() }

// Err returns nil while the connection lives and afterwards the error that
// every call returns: a [*CloseError], or [ErrDetached].
func (c *Conn) Err() error { return c.life.get() }

// Context returns a context that ends with the connection and whose cause is
// then [Conn.Err]. For a Conn that was accepted it carries the values of the
// request's context.
func (c *Conn) Context() context.Context { return (*connContext)(c) }

// Protocol returns the negotiated subprotocol, "" for none.
func (c *Conn) Protocol() string {
	if c.protocol == nil {
		return ""
	}
	return *c.protocol
}

// Role returns which end the local one is.
func (c *Conn) Role() frame.Role { return c.wire.role }

// RemoteAddr returns the address of the peer, or of a proxy in between.
func (c *Conn) RemoteAddr() net.Addr { return c.wire.nc.RemoteAddr() }

// LocalAddr returns the local address.
func (c *Conn) LocalAddr() net.Addr { return c.wire.nc.LocalAddr() }

// Stats are counts since the connection began. Bytes are those on the wire,
// below TLS none are counted.
type Stats struct {
	BytesRead, BytesWritten       uint64
	MessagesRead, MessagesWritten uint64
	Dropped                       uint64        // messages that the queue's policy dropped
	Queued                        int           // payload bytes that wait in the queue of Send now
	RTT                           time.Duration // of the last answered ping, 0 before the first
}

// counters are what Stats tells, but for the messages read, which the turn counts.
type counters struct {
	bytesRead, bytesWritten atomic.Uint64
	messagesWritten         uint64 // guarded by output.mu, which is held anyway: an atomic is 0.06 of BenchmarkBurst
	dropped                 atomic.Uint64
	rtt                     atomic.Int64
}

// Stats returns the counts of now.
func (c *Conn) Stats() Stats {
	o := &c.out
	queued := 0
	o.mu.Lock() // nothing is borrowed to look at the queue
	written := c.stats.messagesWritten
	if o.outgoing != nil {
		queued = o.queue.bytes
	}
	o.mu.Unlock()
	return Stats{
		BytesRead:       c.stats.bytesRead.Load(),
		BytesWritten:    c.stats.bytesWritten.Load(),
		MessagesRead:    c.reading.count(),
		MessagesWritten: written,
		Dropped:         c.stats.dropped.Load(),
		Queued:          queued,
		RTT:             time.Duration(c.stats.rtt.Load()),
	}
}

// counts counts the message whose last frame is h, which goes out, or none where
// h is no last frame. The caller holds output.mu.
func (s *counters) counts(h *frame.Header) {
	if h.Fin && !h.Opcode.IsControl() {
		s.messagesWritten++
	}
}
