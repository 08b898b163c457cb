package storm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

// A talk is a connection on which both ends send the same number of numbered
// messages, at the same time, and check what they get.

// filler is what messages are cut from: letters, so that it is good as text.
var filler = bytes.Repeat([]byte("abcdefghijklmnopqrstuvwxyz0123456789"), 4<<10)

// numbered returns message i of a talk: most are short, some are of many
// segments. It is not to be changed.
func numbered(i int) (pushwire.Type, []byte) {
	r := rand.New(rand.NewPCG(uint64(i), 0))
	size := r.IntN(400)
	switch r.IntN(40) {
	case 0:
		size = r.IntN(100_000)
	case 1, 2, 3:
		size = r.IntN(8_000)
	}
	t := frame.Text
	if i%2 == 1 {
		t = frame.Binary
	}
	head := fmt.Appendf(nil, "%d:", i)
	return t, append(head, filler[i%36:i%36+size]...)
}

// wrong is a message that is not the one that had to come.
func wrong(i int, t pushwire.Type, p []byte) error {
	wt, want := numbered(i)
	if t == wt && bytes.Equal(p, want) {
		return nil
	}
	return fmt.Errorf("message %d is a %v of %d bytes (%.20q), want a %v of %d bytes", i, t, len(p), p, wt, len(want))
}

// tally counts what happened in talks.
type tally struct {
	talks, clean     atomic.Int64
	sent, received   atomic.Int64
	failedHandshakes atomic.Int64

	mu    sync.Mutex
	codes map[frame.Code]int
	bad   []error
}

func (y *tally) fail(format string, args ...any) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if len(y.bad) < 20 {
		y.bad = append(y.bad, fmt.Errorf(format, args...))
	}
}

// seen returns the ends by code so far, and what was wrong. Connections of a
// server may still be on their way out.
func (y *tally) seen() (codes map[frame.Code]int, bad []error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	return maps.Clone(y.codes), slices.Clone(y.bad)
}

// ended counts the end of a connection, and judges it: the network loses
// connections, and never makes our peers break the protocol.
func (y *tally) ended(who string, err error) {
	code := pushwire.CodeOf(err)
	y.mu.Lock()
	if y.codes == nil {
		y.codes = make(map[frame.Code]int)
	}
	y.codes[code]++
	y.mu.Unlock()
	switch {
	case !errors.Is(err, net.ErrClosed):
		y.fail("%s: a connection ended with an error that is none of its end: %v", who, err)
	case code != frame.CodeNormal && code != frame.CodeAbnormal && code != frame.CodeGoingAway:
		y.fail("%s: a connection ended with %v", who, err)
	}
}

// talk sends n messages and reads as many, then closes if it is the one who
// does, or waits for the peer to.
func (y *tally) talk(ctx context.Context, who string, c *pushwire.Conn, n int, closes bool) {
	defer c.CloseNow()
	y.talks.Add(1)
	var writing sync.WaitGroup
	defer writing.Wait()
	writing.Go(func() {
		for i := range n {
			t, p := numbered(i)
			if err := c.Write(ctx, t, p); err != nil {
				return
			}
			y.sent.Add(1)
		}
	})
	got := 0
	for m, err := range c.Messages(ctx) {
		if err != nil {
			if ctx.Err() != nil {
				y.fail("%s: a connection hangs after %d messages", who, got)
				return
			}
			y.ended(who, err)
			var ce *pushwire.CloseError
			if errors.As(err, &ce) && ce.Code == frame.CodeNormal && ce.Err == nil {
				if y.clean.Add(1); got != n {
					y.fail("%s: a clean end after %d messages of %d", who, got, n)
				}
			}
			return
		}
		if err := wrong(got, m.Type, m.Data); err != nil {
			y.fail("%s: %v", who, err)
			return
		}
		y.received.Add(1)
		if got++; got == n && closes {
			writing.Wait() // the peer has to get all of ours
			if c.Close(frame.CodeNormal, "") == nil {
				y.clean.Add(1)
			}
			y.ended(who, c.Err())
			return
		}
	}
}

func (y *tally) String() string {
	y.mu.Lock()
	defer y.mu.Unlock()
	return fmt.Sprintf("%d talks, %d of them to a clean end, %d handshakes that failed; %d messages sent, %d received and right; ends by code: %v",
		y.talks.Load(), y.clean.Load(), y.failedHandshakes.Load(), y.sent.Load(), y.received.Load(), y.codes)
}
