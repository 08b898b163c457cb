//go:build linux

package pushwire

import (
	"context"
	"io"
	"net"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/pushwire/pushwire/frame"
)

// BenchmarkBroadcastCores sends messages of 512 bytes to a group of 4,000
// sockets on one processor and on all, in turns, and prints the medians of the
// time until Broadcast returns and of the processor time, for a connection.
// The limit is a loop that writes the same bytes to 4,000 other sockets. The far
// ends are read in between and not counted.
func BenchmarkBroadcastCores(b *testing.B) {
	const members, size = 4000, 512
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	open := func() (near, far net.Conn) {
		far, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { far.Close() })
		if near, err = l.Accept(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { near.Close() })
		return near, far
	}
	var g Group
	var groupFar, bare, bareFar []net.Conn
	for range members { // in turns, so that neither set is the older one
		near, far := open()
		c := NewConn(near, frame.Server, nil)
		b.Cleanup(func() { c.CloseNow() })
		if err := g.Add(c); err != nil {
			b.Fatal(err)
		}
		go c.Read(context.Background()) // waits, as in a server
		groupFar = append(groupFar, far)
		near, far = open()
		bare, bareFar = append(bare, near), append(bareFar, far)
	}
	m := Prepare(frame.Text, make([]byte, size))
	broadcast := func() {
		if sent, dropped := g.Broadcast(m); sent != members || dropped != 0 {
			b.Fatalf("%d took it, %d did not", sent, dropped)
		}
	}
	ways := []*struct {
		name  string
		procs int
		send  func()
		far   []net.Conn

		wall, cpu []time.Duration
	}{
		{name: "loop", procs: 1, far: bareFar, send: func() {
			for _, nc := range bare {
				if _, err := nc.Write(m.plain.frame); err != nil {
					b.Fatal(err)
				}
			}
		}},
		{name: "one", procs: 1, far: groupFar, send: broadcast},
		{name: "all", procs: runtime.NumCPU(), far: groupFar, send: broadcast},
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	buf := make([]byte, len(m.plain.frame))
	for turn := 0; b.Loop(); turn++ {
		for k := range ways {
			w := ways[(turn+k)%len(ways)]
			runtime.GOMAXPROCS(w.procs)
			began, cpu := time.Now(), usedCPU(b)
			w.send()
			w.wall, w.cpu = append(w.wall, time.Since(began)), append(w.cpu, usedCPU(b)-cpu)
			for _, far := range w.far {
				if _, err := io.ReadFull(far, buf); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	each := func(all []time.Duration) float64 {
		slices.Sort(all)
		return float64(all[len(all)/2]) / 1e3 / members
	}
	for _, w := range ways {
		b.ReportMetric(each(w.wall), w.name+"-wall-us/conn")
		b.ReportMetric(each(w.cpu), w.name+"-cpu-us/conn")
	}
	b.ReportMetric(0, "ns/op")
}

// usedCPU is the processor time of this process.
func usedCPU(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
