package pushwire

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/mask"
)

// pings are the pings that wait for their pong. mu guards all fields but muted.
type pings struct {
	mu      sync.Mutex
	last    uint32      // number of the last one
	muted   atomic.Bool // of trace.go: it is here where four bytes are free
	waiting *[]ping     // oldest first; nil for none
}

// ping is one of ours: its payload is nonce and number.
type ping struct {
	payload [8]byte
	at      time.Time
	done    chan struct{} // nil for a keepalive ping
}

// pingsMax bounds the keepalive pings that may wait for a peer that answers
// none. Those of Ping are as many as its callers.
const pingsMax = 64

// Ping sends a ping and waits for its pong. It returns the round trip time.
// Somebody has to read the connection meanwhile, or the pong isn't seen. A
// pong answers all pings before it (RFC 6455, 5.5.3). ctx bounds the wait
// alone.
func (c *Conn) Ping(ctx context.Context) (time.Duration, error) {
	p := c.pings.add(make(chan struct{}))
	defer c.pings.remove(p.payload)
	if _, err := c.writeFrame(ctx, &frame.Header{Fin: true, Opcode: frame.Ping, Length: int64(len(p.payload))}, [][]byte{p.payload[:]}, false); err != nil {
		return 0, err
	}
	select {
	case <-p.done:
		return time.Since(p.at), nil
	case <-c.Done():
		return 0, c.Err()
	case <-ctx.Done():
		return 0, c.stopped("ping", ctx)
	}
}

// add makes a ping that waits for its pong from now on.
func (w *pings) add(done chan struct{}) ping {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last++
	p := ping{at: time.Now(), done: done}
	nonce := mask.NewKey() // so that no peer can answer ahead
	copy(p.payload[:], nonce[:])
	binary.BigEndian.PutUint32(p.payload[4:], w.last)
	waiting := w.list()
	if len(waiting) >= pingsMax { // forget a keepalive ping that was never answered
		if i := slices.IndexFunc(waiting, func(p ping) bool { return p.done == nil }); i >= 0 {
			waiting = slices.Delete(waiting, i, i+1)
		}
	}
	w.keep(append(waiting, p))
	return p
}

// list returns the pings that wait.
func (w *pings) list() []ping {
	if w.waiting == nil {
		return nil
	}
	return *w.waiting
}

// keep makes list return waiting; an idle connection keeps none.
func (w *pings) keep(waiting []ping) {
	switch {
	case len(waiting) == 0:
		w.waiting = nil
	case w.waiting == nil:
		w.waiting = &waiting
	default:
		*w.waiting = waiting
	}
}

func (w *pings) remove(payload [8]byte) {
	w.mu.Lock()
	waiting := w.list()
	for i := range waiting {
		if waiting[i].payload == payload {
			w.keep(append(waiting[:i], waiting[i+1:]...))
			break
		}
	}
	w.mu.Unlock()
}

// answer takes the payload of a pong. One that we did not ask for is allowed
// and means nothing.
//
// RFC 6455, 5.5.3: "If an endpoint receives a Ping frame and has not yet sent
// Pong frame(s) in response to previous Ping frame(s), the endpoint MAY elect
// to send a Pong frame for only the most recently processed Ping frame."
func (w *pings) answer(c *Conn, payload []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	waiting := w.list()
	for i := len(waiting) - 1; i >= 0; i-- {
		p := &waiting[i]
		if string(p.payload[:]) != string(payload) {
			continue
		}
		c.stats.rtt.Store(int64(time.Since(p.at)))
		for _, q := range waiting[:i+1] {
			if q.done != nil {
				close(q.done)
			}
		}
		w.keep(append([]ping(nil), waiting[i+1:]...))
		return
	}
}

var errOnPing = errors.New("Config.OnPing did not return (a panic, or the end of its goroutine)")

// onPing calls Config.OnPing. The caller holds reading.
//
// Should it not return, the message that is being put together on the stack is
// lost, and what comes next would be taken for the whole of it: so the
// connection fails. Most calls that read give the turn to read back by a
// defer. A loop over Messages can't afford one in the frames that wait, so
// that its turn is given here, where the panic starts.
func (c *Conn) onPing(payload []byte) {
	returned := false
	defer func() {
		if returned {
			return
		}
		c.fail(frame.CodeInternal, "", errOnPing)
		if c.in.bare {
			c.in.bare = false
			c.reading.give()
		}
	}()
	c.cfg.OnPing(c, payload)
	returned = true
}

// pong is the payload of one that waits. nil is none.
type pong struct {
	n int
	p [frame.MaxControl]byte
}

func (p *pong) payload() []byte { return p.p[:p.n] }

func (p *pong) size() int {
	if p == nil {
		return 0
	}
	return p.n
}

// pong answers a ping without waiting for the peer. Past a bound of pongs that
// the peer has not taken only the last ping is answered.
//
// RFC 6455, 5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong
// frame in response, unless it already received a Close frame." Our own close
// frame is no excuse, and 5.5.1 forbids but data frames behind it; so pings are
// answered until the peer's close frame ends the reading.
func (c *Conn) pong(payload []byte) {
	o := &c.out
	o.lock()
	defer o.unlock()
	if o.err != nil || c.Err() != nil {
		return
	}
	size := frame.MaxHeader + len(payload)
	if o.lastPong != nil || int(o.pongs)+size > pongsMax || !o.fits(size) {
		if o.lastPong == nil { // once for a flood of them
			o.lastPong = new(pong)
		}
		o.lastPong.n = copy(o.lastPong.p[:], payload)
		return // somebody writes: it is taken along
	}
	b := o.room(size)
	n := len(b.b)
	if c.cfg.Trace != nil {
		c.traceWritten(&frame.Header{Fin: true, Opcode: frame.Pong, Masked: c.wire.role == frame.Client, Length: int64(len(payload))})
	}
	// Not appendFrame, whose frame is larger: answering must not make the stack
	// grow, which would stay so while the goroutine waits.
	b.b = frame.AppendMessage(b.b, c.wire.role, frame.Pong, 0, payload)
	o.pongs += int32(len(b.b) - n)
	if len(c.in.b) > 0 && !o.busy {
		c.cork() // more of the peer's frames are here: their answers join
		return
	}
	c.kick()
}
