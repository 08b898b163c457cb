package storm

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/internal/faultproxy"
	"github.com/pushwire/pushwire/topic"
)

var (
	faultsFor   = flag.Duration("faults.for", 3*time.Second, "how long the network of TestFaults breaks")
	faultsConns = flag.Int("faults.conns", 100, "how many clients TestFaults has")
	otherFor    = flag.Duration("faults.other", time.Second, "how long it breaks in each of TestFaultsUnderOtherRuntimes")
	seed        = flag.Uint64("seed", 1, "of what happens at random")
)

// Times that are short, so that a connection that is lost is known to be soon.
var hasty = pushwire.Config{
	Ping: time.Second, PongTimeout: 2 * time.Second, WriteTimeout: 5 * time.Second, CloseTimeout: 2 * time.Second,
	Deflate: &pushwire.Deflate{},
}

// site is a server of talks and of one topic, plain and by TLS, with a proxy
// before each.
type site struct {
	log   topic.Log
	group httpstream.Group
	talks tally
	ways  []*way
}

// way is one of the two ways to a site.
type way struct {
	secure bool
	srv    *httptest.Server
	proxy  *faultproxy.Proxy
	tr     *http.Transport
}

// talkMessages come to some 35 KB, so that about a third of the talks has a
// clean end on the network of TestFaults.
const talkMessages = 20

func newSite(t *testing.T, plan func() faultproxy.Plan) *site {
	s := &site{log: topic.Log{MaxItems: 1 << 20, MaxBytes: 1 << 30}}
	mux := http.NewServeMux()
	mux.Handle("/talk", pushwire.Handler(func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
		s.talks.talk(context.Background(), "server", c, talkMessages, false)
	}, &pushwire.AcceptOptions{Config: hasty}))
	mux.Handle("/topic", httpstream.Handler(&s.log, &httpstream.Options{
		Group: &s.group, MaxWait: 2 * time.Second, Heartbeat: 500 * time.Millisecond, WriteTimeout: 5 * time.Second,
		Socket: &pushwire.AcceptOptions{Config: hasty},
	}))
	for _, secure := range []bool{false, true} {
		w := &way{secure: secure, srv: httptest.NewUnstartedServer(mux)}
		w.srv.Config.ErrorLog = log.New(io.Discard, "", 0) // TLS handshakes that were cut
		w.srv.Config.ReadHeaderTimeout = 5 * time.Second
		if secure {
			w.srv.StartTLS()
		} else {
			w.srv.Start()
		}
		var err error
		if w.proxy, err = faultproxy.Start(w.srv.Listener.Addr().String(), &faultproxy.Options{Plan: plan}); err != nil {
			t.Fatal(err)
		}
		w.tr = &http.Transport{DialContext: w.dial, MaxIdleConnsPerHost: 1000, TLSHandshakeTimeout: 5 * time.Second}
		if secure {
			w.tr.TLSClientConfig = w.trust()
		}
		s.ways = append(s.ways, w)
	}
	return s
}

// dial connects to the proxy, whatever the address.
func (w *way) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, w.proxy.Addr())
}

func (w *way) trust() *tls.Config {
	if !w.secure {
		return nil
	}
	return w.srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
}

func (w *way) String() string {
	if w.secure {
		return "TLS"
	}
	return "plain"
}

func (s *site) close() {
	for _, w := range s.ways {
		w.proxy.Cut()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s.group.Shutdown(ctx)
	for _, w := range s.ways {
		w.tr.CloseIdleConnections()
		w.proxy.Close()
		w.srv.CloseClientConnections()
		w.srv.Close()
	}
	s.log.Close()
}

// talker opens one talk after the other until over is closed.
func (s *site) talker(w *way, y *tally, rnd *rand.Rand, over <-chan struct{}) {
	who := "client over " + w.String()
	for {
		select {
		case <-over:
			return
		default:
		}
		cfg := hasty
		if rnd.IntN(2) == 0 {
			cfg.Deflate = nil
		}
		// Both the handshake's 10 s and keepalive's have to end it before that.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		dialing, stop := context.WithTimeout(ctx, 5*time.Second)
		c, _, err := pushwire.Dial(dialing, strings.Replace(w.srv.URL, "http", "ws", 1)+"/talk",
			&pushwire.DialOptions{Config: cfg, NetDial: w.dial, TLS: w.trust()})
		stop()
		if err != nil {
			y.failedHandshakes.Add(1)
			time.Sleep(time.Duration(rnd.IntN(50)) * time.Millisecond)
		} else {
			y.talk(ctx, who, c, talkMessages, true)
		}
		cancel()
	}
}

// follower follows the topic over one transport and checks that each item
// comes, once and in order, until it has all.
type follower struct {
	transport httpstream.Transport
	way       *way
	items     atomic.Int64
	lost      atomic.Int64 // connections
}

func itemData(i int) []byte {
	return fmt.Appendf(nil, "%d %s", i, filler[i%36:i%36+i*i%300])
}

func (f *follower) run(ctx context.Context, rnd *rand.Rand, items func() (n int, all bool)) error {
	o := &httpstream.FollowOptions{
		Transports: []httpstream.Transport{f.transport},
		HTTP:       &http.Client{Transport: f.way.tr},
		Dial:       &pushwire.DialOptions{Config: hasty, NetDial: f.way.dial, TLS: f.way.trust()},
		Wait:       2 * time.Second, Interval: 100 * time.Millisecond, Idle: 3 * time.Second, Setup: 3 * time.Second,
		Backoff: func(attempt int, _ time.Duration) time.Duration {
			return time.Duration(rnd.IntN(20*min(attempt, 10))) * time.Millisecond
		},
		OnState: func(s httpstream.State) {
			if !s.Connected {
				f.lost.Add(1)
			}
		},
	}
	next := 0
	for it, err := range httpstream.Follow(ctx, f.way.srv.URL+"/topic", o) {
		if err != nil {
			return fmt.Errorf("after %d items: %w", next, err)
		}
		if string(it.Data) != string(itemData(next)) {
			return fmt.Errorf("item %d: got %.30q", next, it.Data)
		}
		next++
		f.items.Add(1)
		if n, all := items(); all && next == n {
			return nil
		}
	}
	return errors.New("the loop ended by itself")
}

// Clients over ws, wss, event streams and long polls, plain and by TLS, on a
// network that delays, splits, stalls, truncates, resets and half-closes at
// random: what a talk delivers is exact and in order up to the fault, a clean
// end has lost nothing, and those who follow the topic get every item.
func TestFaults(t *testing.T) {
	s := newSite(t, faultproxy.Random(*seed, faultproxy.Rates{Life: 30_000, Mild: 5_000}))
	defer s.close()
	s.storm(t, *faultsFor, *faultsConns)
}

func (s *site) storm(t *testing.T, span time.Duration, clients int) {
	over := make(chan struct{})
	var published atomic.Int64 // and negative once it is all
	items := func() (int, bool) {
		n := int(published.Load())
		return max(n, -n), n < 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), span+2*time.Minute)
	defer cancel()

	var talks tally
	var all sync.WaitGroup
	var followers []*follower
	transports := []httpstream.Transport{httpstream.TransportSocket, httpstream.TransportEventStream, httpstream.TransportLongPoll}
	for i := range clients {
		rnd := rand.New(rand.NewPCG(*seed, uint64(i)))
		w := s.ways[i%len(s.ways)]
		if kind := i / len(s.ways) % (len(transports) + 1); kind == len(transports) {
			all.Go(func() { s.talker(w, &talks, rnd, over) })
		} else {
			f := &follower{transport: transports[kind], way: w}
			followers = append(followers, f)
			all.Go(func() {
				if err := f.run(ctx, rnd, items); err != nil {
					t.Errorf("following over %v, %v: %v", f.transport, f.way, err)
				}
			})
		}
	}
	// The rate that two processors manage for so many.
	tick := time.NewTicker(time.Second / time.Duration(max(2, min(100, 10_000/clients))))
	// On a slow machine few talk meanwhile, and it may be that nothing happens to
	// them: then it takes longer, up to ten times.
	enough := func() bool {
		ends, _ := talks.seen()
		return talks.received.Load() > 0 && talks.clean.Load() > 0 && ends[frame.CodeAbnormal] > 0
	}
	for begin := time.Now(); time.Since(begin) < span || !enough() && time.Since(begin) < 10*span; <-tick.C {
		n := int(published.Load())
		s.log.Append("", itemData(n))
		published.Store(int64(n) + 1)
	}
	tick.Stop()
	close(over)
	for _, w := range s.ways {
		w.proxy.Calm()
	}
	n, _ := items()
	published.Store(int64(-n - 1))
	s.log.Append("", itemData(n)) // so that who waits sees that it is all, which it is by now
	calm := time.Now()
	all.Wait()
	t.Logf("all %d clients were done %v after the network had calmed down", clients, time.Since(calm).Round(time.Millisecond))

	for _, y := range []*tally{&talks, &s.talks} {
		t.Log(y)
		_, bad := y.seen()
		for _, err := range bad {
			t.Error(err)
		}
	}
	if talks.received.Load() == 0 || talks.clean.Load() == 0 || talks.clean.Load() == talks.talks.Load() {
		t.Error("no talk came to anything, or to each nothing happened")
	}
	byTransport := make(map[httpstream.Transport][2]int64)
	for _, f := range followers {
		b := byTransport[f.transport]
		byTransport[f.transport] = [2]int64{b[0] + f.items.Load(), b[1] + f.lost.Load()}
	}
	for _, tr := range transports {
		t.Logf("%v: %d items delivered of %d published, %d connections or attempts lost", tr, byTransport[tr][0], n+1, byTransport[tr][1])
	}
	seen := make(map[faultproxy.Fault]int64)
	for _, w := range s.ways {
		conns, bytes, faults := w.proxy.Counts()
		t.Logf("%v: %d connections, %d bytes, faults: %v", w, conns, bytes, faults)
		for f, n := range faults {
			seen[f] += n
		}
	}
	for f := range faultproxy.Kinds {
		if seen[f] == 0 && clients >= 100 { // fewer may have no luck
			t.Errorf("no %v happened: this tests less than it says", f)
		}
	}
}

// The checker is no good if it takes everything.
func TestCheckersSeeWhatIsWrong(t *testing.T) {
	typ, p := numbered(7)
	other := append([]byte(nil), p...)
	other[len(other)-1]++
	if wrong(7, typ, p) != nil {
		t.Error("the right message is refused")
	}
	for name, err := range map[string]error{
		"one bit": wrong(7, typ, other), "one byte less": wrong(7, typ, p[:len(p)-1]), "the wrong type": wrong(7, typ+1, p), "another message": wrong(8, typ, p),
	} {
		if err == nil {
			t.Errorf("%s is not seen", name)
		}
	}
	var y tally
	y.ended("", &pushwire.CloseError{Code: 1002})
	y.ended("", io.EOF)
	if len(y.bad) != 2 {
		t.Errorf("ends that must not be: %v", y.bad)
	}
	y = tally{}
	client, server := pushwire.Pipe(nil)
	go func() {
		for range server.Messages(context.Background()) {
		}
	}()
	go func() {
		typ, p := numbered(0)
		server.Write(context.Background(), typ, p)
		server.Write(context.Background(), typ, p)
	}()
	y.talk(context.Background(), "", client, 2, true)
	server.CloseNow()
	if len(y.bad) != 1 || y.received.Load() != 1 {
		t.Errorf("a message that came twice: %v, %d", y.bad, y.received.Load())
	}
}
