package pushwire

import (
	"context"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/feed"
)

// BenchmarkBroadcast sends messages of 512 bytes to groups of 2,000 sockets in
// turns, so that what the machine does meanwhile is the same for all: one group
// is plain, the others compress. It prints the median for a connection, and how
// it compares with the plain group. The far ends are read in between and not
// counted.
func BenchmarkBroadcast(b *testing.B) {
	const members, size = 2000, 512
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	type group struct {
		name  string
		conns Group
		far   []net.Conn
		took  []time.Duration
	}
	groups := []*group{{name: "plain"}, {name: "nocontext"}, {name: "context"}, {name: "context15"}}
	deflates := []*Deflate{nil, {ServerNoContext: true, ClientNoContext: true}, {}, {ServerBits: 15, ClientBits: 15}}
	for i, g := range groups {
		for range members {
			far, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer far.Close()
			near, err := l.Accept()
			if err != nil {
				b.Fatal(err)
			}
			c := NewConn(near, frame.Server, &Config{Deflate: deflates[i]})
			defer c.CloseNow()
			if err := g.conns.Add(c); err != nil {
				b.Fatal(err)
			}
			go c.Read(context.Background()) // waits, as in a server
			g.far = append(g.far, far)
		}
	}
	texts := feed.Messages(1, 32, size)
	buf := make([]byte, 4*size) // a text may be a little longer
	round := func(i int, g *group) {
		m := Prepare(frame.Text, texts[i%len(texts)])
		began := time.Now()
		if sent, _ := g.conns.Broadcast(m); sent != members {
			b.Fatalf("%s: %d of %d took it", g.name, sent, members)
		}
		g.took = append(g.took, time.Since(began))
		want := len(m.plain.frame)
		if e := m.packed.Load(); e != nil && e.header.RSV != 0 {
			want = len(e.frame)
		}
		for _, far := range g.far {
			if _, err := io.ReadFull(far, buf[:want]); err != nil {
				b.Fatal(err)
			}
		}
	}
	i := 0
	for b.Loop() {
		for k := range groups {
			round(i, groups[(i+k)%len(groups)])
		}
		i++
	}
	var plain float64
	for _, g := range groups {
		slices.Sort(g.took)
		us := float64(g.took[len(g.took)/2]) / 1e3 / members
		if g.name == "plain" {
			plain = us
		}
		b.ReportMetric(us, g.name+"-us/conn")
		b.ReportMetric(us/plain, g.name+"/plain")
	}
	b.ReportMetric(0, "ns/op")
}
