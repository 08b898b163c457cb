package faultproxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pushwire/pushwire/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// through connects a client and a server over a proxy with one plan.
func through(t *testing.T, plan Plan) (client, server *net.TCPConn, p *Proxy) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, err = Start(l.Addr().String(), &Options{Plan: func() Plan { return plan }})
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		s.Close()
		p.Close()
	})
	for _, nc := range []net.Conn{c, s} {
		nc.SetDeadline(time.Now().Add(10 * time.Second))
	}
	return c.(*net.TCPConn), s.(*net.TCPConn), p
}

func sample(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}

// What a fault leaves of 1,000 bytes each way, and how either end comes to
// know.
func TestFaults(t *testing.T) {
	const all, at = 1000, 600
	for _, k := range []struct {
		name             string
		up               Step
		server           int   // bytes that the server gets
		serverEnd        error // and what comes behind them
		client           int   // at most, of the other direction, which is not limited by the plan
		clientEndsBefore time.Duration
	}{
		{name: "none", up: Step{After: all + 1}, server: all, serverEnd: io.EOF, client: all},
		{name: "delay", up: Step{After: at, Fault: Delay, For: 20 * time.Millisecond}, server: all, serverEnd: io.EOF, client: all},
		{name: "single bytes", up: Step{After: at, Fault: Bytes, Count: 100}, server: all, serverEnd: io.EOF, client: all},
		{name: "truncate", up: Step{After: at, Fault: Truncate}, server: at, serverEnd: io.EOF},
		{name: "reset", up: Step{After: at, Fault: Reset}, server: at, serverEnd: syscall.ECONNRESET},
		{name: "stall", up: Step{After: at, Fault: Stall, For: 50 * time.Millisecond}, server: at, serverEnd: syscall.ECONNRESET},
		{name: "half-close", up: Step{After: at, Fault: HalfClose, For: 50 * time.Millisecond}, server: at, serverEnd: io.EOF, client: all},
	} {
		t.Run(k.name, func(t *testing.T) {
			client, server, p := through(t, Plan{Up: []Step{k.up}})
			want := sample(all)
			var wg sync.WaitGroup
			defer wg.Wait()
			wg.Go(func() {
				client.Write(want)
				if k.server == all {
					client.CloseWrite()
				}
			})
			got := make([]byte, 0, 2*all)
			var err error
			for err == nil {
				var n int
				n, err = server.Read(got[len(got):cap(got)])
				got = got[:len(got)+n]
			}
			// A reset may overtake what came before it.
			if k.serverEnd == io.EOF && len(got) != k.server || len(got) > k.server || !bytes.Equal(got, want[:len(got)]) {
				t.Errorf("the server got %d bytes, want %d of the same", len(got), k.server)
			}
			if !errors.Is(err, k.serverEnd) {
				t.Errorf("the server sees %v, want %v", err, k.serverEnd)
			}
			if k.client > 0 { // the other direction is open
				wg.Go(func() {
					server.Write(want)
					server.CloseWrite()
				})
				back, err := io.ReadAll(client)
				if !bytes.Equal(back, want) || err != nil {
					t.Errorf("the client got %d bytes, %v, want %d", len(back), err, all)
				}
			} else if back, _ := io.ReadAll(client); len(back) > 0 {
				t.Errorf("the client got %d bytes", len(back))
			}
			if _, _, counts := p.Counts(); k.up.After < all && counts[k.up.Fault] != 1 {
				t.Errorf("the faults were %v", counts)
			}
		})
	}
}

// Single bytes come in pieces of one: a reader that is quick sees each.
func TestSingleBytesComeOneAtATime(t *testing.T) {
	client, server, _ := through(t, Plan{Up: []Step{{Fault: Bytes, Count: 100}}})
	client.Write(sample(100))
	reads := 0
	for got := 0; got < 100; reads++ {
		n, err := server.Read(make([]byte, 1000))
		if err != nil {
			t.Fatal(err)
		}
		got += n
	}
	if reads < 10 { // the kernel joins those for which the reader is late
		t.Errorf("100 bytes came in %d reads", reads)
	}
}

func TestPlansAreRepeatable(t *testing.T) {
	const n = 2000
	a, b, other := Random(1, Rates{}), Random(1, Rates{}), Random(2, Rates{})
	seen, same := make(map[Fault]int), 0
	for range n {
		x, y, z := a(), b(), other()
		if !slices.Equal(x.Up, y.Up) || !slices.Equal(x.Down, y.Down) {
			t.Fatal("two sources of one seed differ")
		}
		if slices.Equal(x.Up, z.Up) {
			same++
		}
		for i, s := range x.Up {
			seen[s.Fault]++
			if s.Fault.ends() != (i == len(x.Up)-1) {
				t.Fatalf("step %d of %d is %v", i, len(x.Up), s.Fault)
			}
		}
	}
	if same > 0 {
		t.Errorf("%d of %d plans do not depend on the seed", same, n)
	}
	for f := range Kinds {
		if seen[f] < n/10 {
			t.Errorf("%v came %d times in %d plans", f, seen[f], n)
		}
	}
}

// In calm nothing happens any more, whatever the plan says, and Cut and Close
// end what there is.
func TestCalmCutAndClose(t *testing.T) {
	client, server, p := through(t, Plan{Up: []Step{{After: 10, Fault: Reset}}})
	p.Calm()
	want := sample(100)
	client.Write(want)
	if got := make([]byte, 100); func() bool { _, err := io.ReadFull(server, got); return err != nil }() || !bytes.Equal(got, want) {
		t.Fatal("a fault in calm")
	}
	p.Cut()
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after Cut the client sees %v", err)
	}
	p.Close()
	p.Close()
	if nc, err := net.Dial("tcp", p.Addr()); err == nil {
		nc.Close()
		t.Error("a closed proxy still listens")
	}
}
