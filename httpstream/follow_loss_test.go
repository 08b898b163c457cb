package httpstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/internal/leftout"
	"github.com/pushwire/pushwire/topic"
)

// lossItems is how many items each run of TestNoLoss has to bring.
const lossItems = 10_000

// stage is the genuine Handler on a server that can be stopped and started,
// and a network that can be cut.
type stage struct {
	t       *testing.T
	net     stageNet
	log     atomic.Pointer[topic.Log]
	refused atomic.Uint32 // bits of transports that get 404, as of something between
	group   *Group
	srv     *http.Server
	served  chan struct{}
	tr      *http.Transport
	pace    time.Duration // between two blows of fate

	cuts, restarts, switches int
	blows                    atomic.Int32 // cuts and restarts so far
	dials                    int          // that each tenth of the items waits for on a real network

	mu   sync.Mutex // of who appends, and of who takes the log away
	done bool       // all is appended
}

type stageNet interface {
	listen() (net.Listener, error)
	dial(ctx context.Context, network, addr string) (net.Conn, error)
	cut()
}

// tcpNet is the loopback interface.
type tcpNet struct {
	addr  string // of the first listen, and of all
	mu    sync.Mutex
	conns map[net.Conn]bool
	dials int
}

func (n *tcpNet) listen() (net.Listener, error) {
	if n.addr != "" {
		return net.Listen("tcp", n.addr)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		n.addr = l.Addr().String()
	}
	return l, err
}

func (n *tcpNet) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", n.addr)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns[nc] = true
	n.dials++
	return nc, nil
}

func (n *tcpNet) dialed() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials
}

// cut resets every connection: what is on the way is gone.
func (n *tcpNet) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for nc := range n.conns {
		nc.(*net.TCPConn).SetLinger(0)
		nc.Close()
	}
	clear(n.conns)
}

// simListener is one life of the server in a netsim.
type simListener struct {
	n    *netsim
	done chan struct{}
	once sync.Once
}

func (n *netsim) listen() (net.Listener, error) {
	n.set(nil, false)
	return &simListener{n: n, done: make(chan struct{})}, nil
}

func (l *simListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.n.accept:
		return nc, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *simListener) Close() error {
	l.once.Do(func() {
		l.n.set(errors.New("connection refused"), false)
		close(l.done)
	})
	return nil
}

func (l *simListener) Addr() net.Addr { return l.n.Addr() }

func (s *stage) start() {
	l, err := s.net.listen()
	if err != nil {
		s.t.Error(err)
		return
	}
	s.group = &Group{}
	h := Handler(s.log.Load(), &Options{Group: s.group})
	s.srv = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.refused.Load()&(1<<transportOf(r)) != 0 {
			http.NotFound(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})}
	s.served = make(chan struct{})
	go func(srv *http.Server, served chan struct{}) {
		srv.Serve(l)
		close(served)
	}(s.srv, s.served)
}

// stop ends the server, in good order or not.
func (s *stage) stop(orderly bool) {
	if !orderly {
		s.net.cut()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	s.group.Shutdown(ctx)
	cancel()
	s.srv.Close()
	<-s.served
}

// fate strikes until ctx ends. It cuts connections, restarts the server and,
// if it may, takes transports away and gives them back. anew is called while
// the server is down.
func (s *stage) fate(ctx context.Context, seed uint64, switching bool, anew func()) {
	rnd := rand.New(rand.NewPCG(seed, 6202))
	for sleep(ctx, s.pace/2+time.Duration(rnd.Int64N(int64(s.pace)))) {
		switch n := rnd.IntN(10); {
		case n < 4:
			s.cuts++
			s.blows.Add(1)
			s.net.cut()
		case n < 6:
			s.restarts++
			s.blows.Add(1)
			s.stop(n == 4)
			sleep(ctx, time.Duration(rnd.Int64N(int64(s.pace))))
			if anew != nil {
				anew()
			}
			s.start()
		case switching:
			// One of them works, each in its turn, and at every other time no
			// other does.
			works := Transports()[s.switches/2%len(Transports())]
			all := uint32(1<<len(transportNames) - 1)
			if s.switches%2 == 1 {
				all = rnd.Uint32()
			}
			s.refused.Store(all &^ (1 << works))
			s.switches++
			s.net.cut()
		}
	}
	s.refused.Store(0)
}

// onStage runs f with a stage in a bubble, and over loopback.
func onStage(t *testing.T, f func(t *testing.T, s *stage)) {
	run := func(t *testing.T, n stageNet, pace time.Duration) {
		s := &stage{t: t, net: n, pace: pace}
		s.tr = &http.Transport{DialContext: n.dial}
		s.log.Store(&topic.Log{MaxItems: 1 << 20, MaxBytes: 1 << 30})
		s.start()
		defer func() {
			s.log.Load().Close()
			s.stop(false)
			s.tr.CloseIdleConnections()
			s.net.cut()
		}()
		f(t, s)
	}
	t.Run("bubble", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { run(t, newNetsim(), 500*time.Millisecond) })
	})
	t.Run("loopback", func(t *testing.T) {
		if testing.Short() {
			leftout.Skip(t, "TestNoLoss over loopback, by -short")
		}
		run(t, &tcpNet{conns: make(map[net.Conn]bool)}, 30*time.Millisecond)
	})
}

// options are those of a follower that is in as much of a hurry as fate is.
func (s *stage) options(ts []Transport, connected map[Transport]int) *FollowOptions {
	return &FollowOptions{
		Transports: ts,
		HTTP:       &http.Client{Transport: s.tr},
		Interval:   s.pace / 10,
		ClimbAfter: s.pace,
		Backoff: func(int, time.Duration) time.Duration {
			return rand.N(s.pace / 10)
		},
		OnState: func(st State) {
			if st.Connected {
				connected[st.Transport]++
			}
		},
	}
}

// publishing appends numbers to whatever log there is, at a pace that leaves
// time for some blows of fate.
func (s *stage) publishing(ctx context.Context) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		const bursts = 100
		for b := range bursts {
			if b%10 == 9 && !s.struck(ctx, b/10+1) {
				return
			}
			s.mu.Lock()
			for i := range lossItems / bursts {
				s.log.Load().Append("", fmt.Append(nil, b*(lossItems/bursts)+i+1))
			}
			s.done = b == bursts-1
			s.mu.Unlock()
			if !sleep(ctx, s.pace/2) {
				return
			}
		}
	}()
	return done
}

// struck waits until fate has done what so many tenths of the items want: on a
// machine that is slow today it may be behind.
func (s *stage) struck(ctx context.Context, tenths int) bool {
	n, real := s.net.(*tcpNet)
	for real && s.dials > 0 && (int(s.blows.Load()) < 2*tenths || n.dialed() < s.dials*tenths) {
		if !sleep(ctx, s.pace/10) {
			return false
		}
	}
	return true
}

// drama runs fate and a publisher beside f and waits for their ends.
func (s *stage) drama(switching bool, anew func(), f func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 2000*s.pace)
	published := s.publishing(ctx)
	fated := make(chan struct{})
	go func() {
		s.fate(ctx, 1, switching, anew)
		close(fated)
	}()
	defer func() {
		cancel()
		<-published
		<-fated
	}()
	f(ctx)
}

// TestNoLoss is what the package is for: all items, each one once, in order,
// over every transport and over any mixture of them, whatever happens to
// connections and servers, as long as the log has them.
func TestNoLoss(t *testing.T) {
	sets := map[string][]Transport{"all": nil}
	for _, transport := range Transports() {
		sets[transport.String()] = []Transport{transport}
	}
	for name, set := range sets {
		t.Run(name, func(t *testing.T) {
			onStage(t, func(t *testing.T, s *stage) {
				connected := make(map[Transport]int)
				polls := len(set) == 1 && set[0] >= TransportLongPoll
				if s.dials = 3; polls {
					s.dials = 1
				}
				s.drama(set == nil, nil, func(ctx context.Context) {
					n := 0
					for it, err := range Follow(ctx, "ws://stage/topic", s.options(set, connected)) {
						if err != nil {
							t.Fatalf("after %d items: %v", n, err)
						}
						if n++; string(it.Data) != fmt.Sprint(n) {
							t.Fatalf("item %d is %q (%s)", n, it.Data, it.Cursor)
						}
						if n == lossItems {
							break
						}
					}
					if n != lossItems {
						t.Errorf("%d items", n)
					}
				})
				total := 0
				for _, n := range connected {
					total += n
				}
				t.Logf("%d cuts, %d restarts, %d switches; connected %v", s.cuts, s.restarts, s.switches, connected)
				least, kinds := 20, len(Transports())
				if polls {
					least = 3
				}
				if n, real := s.net.(*tcpNet); real {
					kinds = 3 // on a machine that is slow today
					if polls {
						// net/http repeats a poll by itself whose connection
						// had ended, and it is the connections that tell.
						total, least = n.dials, 5 // there are 10 at least, mostly 14 to 30
					}
				}
				if total < least || s.cuts+s.restarts < 20 || set == nil && len(connected) < kinds {
					t.Errorf("fate was too kind: %d connections, connected %v", total, connected)
				}
			})
		})
	}
}

// With a log that is too small there are gaps, and every one is told before
// the item behind it.
func TestNoLossInSilence(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.stop(false)
		s.log.Store(&topic.Log{MaxItems: 150})
		s.start()
		connected := make(map[Transport]int)
		gaps, items := 0, 0
		s.drama(true, nil, func(ctx context.Context) {
			at := uint64(0)
			told := false // a gap, just now
			for it, err := range Follow(ctx, "http://stage/topic", s.options(nil, connected)) {
				var gone *topic.GoneError
				switch {
				case errors.As(err, &gone):
					_, oldest, _ := gone.Oldest.Split()
					if oldest < at {
						t.Errorf("back from %d to %d", at, oldest)
					}
					at, told = oldest, true
					gaps++
					continue
				case err != nil:
					t.Fatal(err)
				}
				_, seq, _ := it.Cursor.Split()
				if seq != at+1 && !(items == 0 && !told) || string(it.Data) != fmt.Sprint(seq) {
					t.Fatalf("after %d comes %d, %q", at, seq, it.Data)
				}
				at, told = seq, false
				items++
				if seq == lossItems {
					break
				}
				if items%1000 == 0 {
					sleep(ctx, 2*s.pace) // and falls behind
				}
			}
			if at != lossItems {
				t.Errorf("it ended at %d", at)
			}
		})
		t.Logf("%d items, %d gaps; %d cuts, %d restarts, %d switches", items, gaps, s.cuts, s.restarts, s.switches)
		if gaps == 0 {
			t.Error("there was no gap to tell of")
		}
	})
}

// A server that loses its log when it restarts has another epoch, and that is
// told before anything of it comes.
func TestNoLossAcrossEpochs(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		anew := func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.done {
				return // the last item has to be there
			}
			s.log.Load().Close()
			s.log.Store(&topic.Log{MaxItems: 1 << 20})
		}
		connected := make(map[Transport]int)
		epochs := 0
		s.drama(true, anew, func(ctx context.Context) {
			var epoch string
			var at uint64
			number := 0
			for it, err := range Follow(ctx, "http://stage/topic", s.options(nil, connected)) {
				var gone *topic.GoneError
				switch {
				case errors.As(err, &gone):
					now, seq, _ := gone.Oldest.Split()
					if now == epoch {
						t.Errorf("a gap in one epoch: %v", gone)
					}
					epoch, at = now, seq
					epochs++
					continue
				case err != nil:
					t.Fatal(err)
				}
				now, seq, _ := it.Cursor.Split()
				if epoch == "" {
					epoch, at = now, seq-1
				}
				if now != epoch || seq != at+1 {
					t.Fatalf("after %s-%d comes %s", epoch, at, it.Cursor)
				}
				at = seq
				var n int
				fmt.Sscan(string(it.Data), &n)
				if n <= number {
					t.Fatalf("after %d comes %d", number, n)
				}
				if number = n; n == lossItems {
					break
				}
			}
		})
		t.Logf("%d epochs; %d cuts, %d restarts, %d switches", epochs, s.cuts, s.restarts, s.switches)
		if epochs == 0 {
			t.Error("there was no other epoch")
		}
	})
}
