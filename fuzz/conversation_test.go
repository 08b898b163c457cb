package fuzz

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime/metrics"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
)

// ends are the ways in which the hostile peer stops, once it has sent all.
type end byte

const (
	endHalf   end = iota // it sends no more, and goes on reading
	endSilent            // it says no more: keepalive has to notice
	endClose             // the application closes with 1000, unanswered
	endReset             // it is gone at once
)

// A conversation is one run of a whole Conn against bytes.
type conversation struct {
	wire  []byte // what the peer sends
	plan  []byte // into what pieces, with what pauses, and how the application reads
	chunk int    // bytes that one read of the Conn gets at most; 0 is no limit
	end   end

	// open makes the Conn under test over nc.
	open func(nc net.Conn) (*pushwire.Conn, error)

	// prepare makes the bytes to send of wire when the peer has read what
	// comes first; nil takes them as they are.
	prepare func(first []byte) []byte
}

// outcome is what there is to see when all is over.
type outcome struct {
	c         *pushwire.Conn
	err       error // of open
	cause     error // of the Conn's context
	delivered []message
	answers   []byte // all that the peer got
	sent      []byte
	allocated uint64 // bytes, from the first to the last of the conversation
}

// patience is longer than every time limit of a Conn with the defaults.
const patience = 2 * time.Minute

// run plays the conversation. It is to be called in a bubble.
func (v *conversation) run(t *testing.T) (out outcome) {
	before := allocated()
	ours, theirs := memconn.Pipe()
	ours.SetReadChunk(v.chunk)
	var all sync.WaitGroup
	ready := make(chan struct{})
	all.Go(func() {
		defer close(ready)
		out.c, out.err = v.open(ours)
	})
	all.Go(func() {
		if <-ready; out.err == nil {
			v.echo(t, &out)
		}
	})
	var mu sync.Mutex
	all.Go(func() {
		buf := make([]byte, 1024)
		for {
			n, err := theirs.Read(buf)
			mu.Lock()
			out.answers = append(out.answers, buf[:n]...)
			mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	out.sent = v.wire
	if v.prepare != nil {
		synctest.Wait()
		mu.Lock()
		out.sent = v.prepare(bytes.Clone(out.answers))
		mu.Unlock()
	}
	v.send(theirs, out.sent)
	switch v.end {
	case endHalf:
		theirs.CloseWrite()
	case endClose:
		synctest.Wait()
		select {
		case <-ready:
			if out.err == nil {
				all.Go(func() { out.c.Close(frame.CodeNormal, "bye") })
			}
		default:
		}
	case endReset:
		theirs.Close()
	}
	time.Sleep(patience)
	synctest.Wait()
	select {
	case <-ready:
		if out.err == nil && out.c.Err() == nil {
			t.Error("the connection lives on")
		}
	default:
		t.Error("the handshake is not over")
	}
	out.allocated = allocated() - before
	theirs.Close()
	if out.c != nil {
		out.c.CloseNow()
	}
	ours.Close()
	all.Wait()
	if out.c != nil {
		out.cause = context.Cause(out.c.Context())
	}
	return out
}

// send sends b as the plan says: five bits of a byte for the size of a piece,
// three for the pause behind it. All pauses together are shorter than the time
// for a handshake.
func (v *conversation) send(nc *memconn.Conn, b []byte) {
	var paused time.Duration
	for _, step := range v.plan {
		if len(b) == 0 {
			return
		}
		n := min(1+int(step&31), len(b))
		if _, err := nc.Write(b[:n]); err != nil {
			return
		}
		b = b[n:]
		pause := time.Duration(0)
		switch step >> 5 {
		case 5:
			synctest.Wait()
		case 6:
			pause = time.Millisecond
		case 7:
			pause = time.Second
		}
		if paused+pause < 5*time.Second {
			paused += pause
			time.Sleep(pause)
		}
	}
	nc.Write(b)
}

// echo is the application: it reads in the ways of the plan, last step first,
// and sends every message back.
func (v *conversation) echo(t *testing.T, out *outcome) {
	ctx, c := context.Background(), out.c
	interrupted := 0
	for i := len(v.plan); ; i-- {
		how := byte(0)
		if len(v.plan) > 0 && interrupted < mostInterrupted {
			how = v.plan[((i%len(v.plan))+len(v.plan))%len(v.plan)]
		}
		typ, data, err := readOne(ctx, c, how)
		if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, net.ErrClosed) {
			interrupted++
			continue // and nothing is lost
		}
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%v does not match net.ErrClosed", err)
			}
			return
		}
		if typ != frame.Text && typ != frame.Binary {
			t.Errorf("a message of type %v", typ)
		}
		out.delivered = append(out.delivered, message{typ == frame.Text, string(data)})
		if err := c.Write(ctx, typ, data); err != nil {
			if v.end != endReset || !errors.Is(err, net.ErrClosed) { // the Conn reads on: there may be a close frame
				t.Errorf("Write: %v", err)
			}
		}
	}
}

// mostInterrupted is how many calls end by their context. Each takes most of a
// KiB, for the context above all: of a thousand, while a peer is silent, the
// bound on memory would see nothing else.
const mostInterrupted = 200

// readOne reads a message in one of five ways.
func readOne(ctx context.Context, c *pushwire.Conn, how byte) (pushwire.Type, []byte, error) {
	switch how % 5 {
	case 1:
		typ, p, err := c.ReadAppend(ctx, make([]byte, 2, 2+int(how)))
		return typ, p[min(2, len(p)):], err
	case 2:
		typ, r, err := c.Reader(ctx)
		if err != nil {
			return 0, nil, err
		}
		var data []byte
		for p := make([]byte, 1+int(how)/8); ; {
			n, err := r.Read(p)
			data = append(data, p[:n]...)
			if err == io.EOF {
				return typ, data, nil
			}
			if err != nil {
				return 0, nil, err
			}
		}
	case 3:
		short, cancel := context.WithTimeout(ctx, time.Duration(1+how)*10*time.Millisecond)
		defer cancel()
		return c.Read(short)
	case 4:
		for m, err := range c.Messages(ctx) {
			return m.Type, bytes.Clone(m.Data), err
		}
		return 0, nil, c.Err()
	}
	return c.Read(ctx)
}

// allocated returns how many bytes the process has allocated.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
