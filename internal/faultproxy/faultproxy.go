package faultproxy

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the settings of a proxy; nil is one without faults.
type Options struct {
	// Plan is asked about each connection, in the order in which they come.
	Plan func() Plan
}

// Proxy stands before one server, until Close.
type Proxy struct {
	server string
	plan   func() Plan
	l      net.Listener
	wg     sync.WaitGroup
	done   chan struct{} // closed by Close
	calm   atomic.Bool

	conns  atomic.Int64
	bytes  atomic.Int64
	counts [Kinds]atomic.Int64

	mu     sync.Mutex
	open   map[*net.TCPConn]bool
	closed bool
}

// Start starts a proxy on a loopback port before the server at host:port.
func Start(server string, o *Options) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{server: server, l: l, done: make(chan struct{}), open: make(map[*net.TCPConn]bool)}
	if o != nil {
		p.plan = o.Plan
	}
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is where the proxy listens, host:port.
func (p *Proxy) Addr() string { return p.l.Addr().String() }

// Calm lets everything through from now on. A direction that has ended stays
// so.
func (p *Proxy) Calm() { p.calm.Store(true) }

// Cut resets every connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.SetLinger(0)
		c.Close()
	}
}

// Close cuts all connections and waits for all that the proxy has running.
func (p *Proxy) Close() error {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	p.mu.Unlock()
	if again {
		return nil
	}
	close(p.done)
	p.l.Close()
	p.Cut()
	p.wg.Wait()
	return nil
}

// Counts returns how many connections there were, how many bytes came through
// and how often each fault happened.
func (p *Proxy) Counts() (conns, bytes int64, faults map[Fault]int64) {
	faults = make(map[Fault]int64)
	for f := range p.counts {
		if n := p.counts[f].Load(); n > 0 {
			faults[Fault(f)] = n
		}
	}
	return p.conns.Load(), p.bytes.Load(), faults
}

func (p *Proxy) accept() {
	for {
		nc, err := p.l.Accept()
		if err != nil {
			select {
			case <-p.done:
				return
			case <-time.After(time.Millisecond): // no descriptor, perhaps
				continue
			}
		}
		p.conns.Add(1)
		var plan Plan
		if p.plan != nil && !p.calm.Load() {
			plan = p.plan()
		}
		p.wg.Go(func() { p.serve(nc.(*net.TCPConn), plan) })
	}
}

// serve passes one connection on.
func (p *Proxy) serve(client *net.TCPConn, plan Plan) {
	if !p.hold(client) {
		return
	}
	defer p.release(client)
	nc, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	server := nc.(*net.TCPConn)
	if !p.hold(server) {
		return
	}
	defer p.release(server)
	ended := make(chan struct{}) // one direction has ended the connection
	var once sync.Once
	end := func() { once.Do(func() { close(ended) }) }
	var both sync.WaitGroup
	pass := func(to, from *net.TCPConn, steps []Step) {
		d := direction{p: p, to: to, from: from, steps: steps, ended: ended}
		if d.run() == cut {
			end()
			to.Close()
			from.Close()
		}
	}
	both.Go(func() { pass(server, client, plan.Up) })
	both.Go(func() { pass(client, server, plan.Down) })
	both.Wait()
	end()
}

func (p *Proxy) hold(c *net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.Close()
		return false
	}
	p.open[c] = true
	return true
}

func (p *Proxy) release(c *net.TCPConn) {
	c.Close()
	p.mu.Lock()
	delete(p.open, c)
	p.mu.Unlock()
}
