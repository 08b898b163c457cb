package pushwire_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
	"github.com/pushwire/pushwire/internal/testpeer"
	"github.com/pushwire/pushwire/mask"
)

// stressText is message k of writer w: short, plain, long, not worth it.
func stressText(w string, k int) string {
	id := fmt.Sprintf("%s %d|", w, k)
	switch k % 7 {
	case 0:
		return id // below the threshold
	case 1:
		return id + string(noise(700+k)) // goes out plain
	case 2:
		return id + strings.Repeat(text(k%5)+string(noise(k%50)), 12) // joins no flush, unless compressed
	case 3:
		return id + string(noise(20_000+k%9)) + text(k) // nor then
	case 4:
		return id + strings.Repeat("z", 70_000+k%1000) // much larger than what becomes of it
	}
	return id + text(k%3)
}

// windowPeer inflates what our end sends as any peer would: by compress/flate
// behind the window that it ought to have, and by an inflater that refuses
// what lies beyond it.
type windowPeer struct {
	bits     int
	takeover bool
	window   string
	z        deflate.Inflater
}

func (p *windowPeer) message(rsv byte, payload []byte) (string, error) {
	if rsv == 0 {
		return string(payload), nil
	}
	var got []byte
	var err error
	p.z.Reset(p.bits, []byte(p.window))
	for rest := payload; err == nil; {
		var out []byte
		var n int
		out, n, err = p.z.Next(rest, true)
		rest = rest[n:]
		got = append(got, out...)
	}
	if err != io.EOF {
		return "", err
	}
	m, err := inflated(payload, p.window)
	if err != nil || m != string(got) {
		return "", fmt.Errorf("compress/flate: %w; the same as ours: %v", err, m == string(got))
	}
	if p.takeover {
		p.window = (p.window + m)[max(0, len(p.window)+len(m)-1<<p.bits):]
	}
	return m, nil
}

// smallPair connects two net.Conns with little room between them.
func smallPair(t *testing.T, m mode) (ours, peers net.Conn) {
	if m == mem {
		a, b := memconn.PipeSize(8 << 10)
		return a, b
	}
	ours, peers = netPair(t, m)
	for _, nc := range []net.Conn{ours, peers} {
		if tc, ok := nc.(*tls.Conn); ok {
			nc = tc.NetConn()
		}
		nc.(*net.TCPConn).SetReadBuffer(32 << 10)
		nc.(*net.TCPConn).SetWriteBuffer(32 << 10)
	}
	return ours, peers
}

// Whatever is written at the same time, by all calls that write, cancelled at
// any moment, dropped from the queue or broken off by Close: the peer's window
// is what we think it is, each message comes as it was given, and none is
// missing of those that were accepted.
func TestDeflateWindowsStayTheSameUnderLoad(t *testing.T) {
	rounds := 0
	for _, m := range []mode{mem, tcp, tls_} {
		for _, role := range bothRoles {
			for _, bits := range []int{8, 15} {
				policy := []pushwire.Policy{pushwire.Block, pushwire.DropOldest}[rounds/2%2]
				rounds++
				t.Run(fmt.Sprintf("%s/%v/%d bits/%v", m, role, bits, policy), func(t *testing.T) {
					t.Parallel()
					ours, nc := smallPair(t, m)
					stress(t, m, role, bits, policy, ours, nc, uint64(rounds))
				})
			}
		}
	}
}

func stress(t *testing.T, m mode, role frame.Role, bits int, policy pushwire.Policy, ours, nc net.Conn, seed uint64) {
	c := pushwire.NewConn(ours, role, &pushwire.Config{
		Deflate: &pushwire.Deflate{ServerBits: bits, ClientBits: bits},
		Queue:   pushwire.Queue{Bytes: 16 << 10, Policy: policy}, Ping: -1,
	})
	defer c.CloseNow()
	defer nc.Close()
	var mu sync.Mutex
	accepted := map[string]bool{}
	var writers sync.WaitGroup
	const messages = 20
	// cut is a context that ends at once, soon, or never. What TLS has begun
	// can't be cut without breaking the connection.
	cut := func(r *rand.Rand) (context.Context, context.CancelFunc) {
		switch r.IntN(4) {
		case 0:
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx, cancel
		case 1, 2:
			if m != tls_ {
				return context.WithTimeout(t.Context(), time.Duration(r.IntN(2000))*time.Microsecond)
			}
		}
		return context.WithCancel(t.Context())
	}
	for i, write := range []func(ctx context.Context, r *rand.Rand, m string) error{
		func(ctx context.Context, r *rand.Rand, text string) error {
			return c.Write(ctx, frame.Binary, []byte(text[:len(text)/2]), []byte(text[len(text)/2:]))
		},
		func(ctx context.Context, r *rand.Rand, text string) error {
			return c.Write(ctx, frame.Binary, []byte(text))
		},
		func(ctx context.Context, r *rand.Rand, text string) error {
			return c.Send(ctx, pushwire.Prepare(frame.Binary, []byte(text)))
		},
		func(ctx context.Context, r *rand.Rand, text string) error {
			w, err := c.Writer(ctx, frame.Binary)
			if err != nil {
				return err
			}
			for rest := text; rest != ""; {
				n := min(len(rest), 1+r.IntN(9000))
				if _, err := io.WriteString(w, rest[:n]); err != nil {
					w.Close()
					return err
				}
				rest = rest[n:]
			}
			return w.Close()
		},
		func(ctx context.Context, r *rand.Rand, text string) error {
			if m != tls_ {
				short, cancel := context.WithTimeout(ctx, 200*time.Microsecond)
				c.Ping(short) // the peer answers none
				cancel()
			}
			return c.Write(ctx, frame.Binary, []byte(text))
		},
	} {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for k := range messages {
				m := stressText(fmt.Sprintf("w%d", i), k)
				ctx, cancel := cut(r)
				if i == 3 { // a message in fragments that is cut ends the connection
					cancel()
					ctx, cancel = context.WithCancel(t.Context())
					if r.IntN(4) == 0 {
						cancel()
					}
				}
				err := write(ctx, r, m)
				cancel()
				if err == nil && (i != 2 || policy == pushwire.Block) {
					mu.Lock()
					accepted[m] = true
					mu.Unlock()
				}
			}
		})
	}
	go echo(t.Context(), c)
	go func() { // bursts, so that answers wait for company
		for k := range messages {
			var b []byte
			for j := range 3 {
				b = testpeer.Frame{Fin: true, Opcode: 2, Mask: role == frame.Server, Payload: []byte(stressText("echo", 3*k+j))}.Append(b)
				b = testpeer.Frame{Fin: true, Opcode: 9, Mask: role == frame.Server, Payload: []byte("ping")}.Append(b)
			}
			if _, err := nc.Write(b); err != nil {
				return
			}
		}
	}()
	go func() {
		writers.Wait()
		c.Close(frame.CodeNormal, "")
	}()
	got := map[string]bool{}
	peer := windowPeer{bits: bits, takeover: true}
	err := readStress(nc, &peer, func(m string) error {
		id, _, _ := strings.Cut(m, "|")
		var w string
		var k int
		if _, err := fmt.Sscanf(id, "%s %d", &w, &k); err != nil || m != stressText(w, k) {
			return fmt.Errorf("%.20q of %d bytes is no message of ours", m, len(m))
		}
		if got[m] {
			return fmt.Errorf("%q came twice", id)
		}
		got[m] = true
		return nil
	})
	if err != nil {
		t.Errorf("after %d messages: %v; %v", len(got), err, c.Err())
		c.CloseNow() // nobody reads any more
	}
	writers.Wait()
	mu.Lock()
	defer mu.Unlock()
	for m := range accepted {
		if !got[m] {
			t.Errorf("%.20q was accepted and did not come", m)
		}
	}
	if len(got) < messages {
		t.Errorf("only %d messages came", len(got))
	}
}

// readStress reads frames slowly until a close frame.
func readStress(nc net.Conn, peer *windowPeer, each func(m string) error) error {
	nc.SetDeadline(time.Now().Add(60 * time.Second))
	r := bufio.NewReaderSize(nc, 4096)
	var rsv byte
	var payload []byte
	for n := 0; ; n++ {
		if n%16 == 0 {
			time.Sleep(3 * time.Millisecond)
		}
		var h frame.Header
		for size := 2; ; size++ {
			b, err := r.Peek(size)
			if err != nil {
				return err
			}
			var k int
			if h, k, err = frame.Parse(b); err != nil {
				return err
			} else if k > 0 {
				r.Discard(k)
				break
			}
		}
		p := make([]byte, h.Length)
		if _, err := io.ReadFull(r, p); err != nil {
			return err
		}
		if h.Masked {
			mask.XOR(p, h.Key, 0)
		}
		switch {
		case h.Opcode == frame.Close:
			return nil
		case h.Opcode.IsControl():
			continue
		case h.Opcode != frame.Continuation:
			rsv, payload = h.RSV, nil
		case h.RSV != 0:
			return fmt.Errorf("RSV %d on a continuation", h.RSV)
		}
		payload = append(payload, p...)
		if !h.Fin {
			continue
		}
		m, err := peer.message(rsv, payload)
		if err == nil {
			err = each(m)
		}
		if err != nil {
			return err
		}
	}
}
