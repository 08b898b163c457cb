package webpush

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

func TestGuardAddresses(t *testing.T) {
	for _, tt := range []struct{ addr, what string }{
		{"1.1.1.1", ""}, {"8.8.8.8", ""}, {"9.255.255.255", ""}, {"11.0.0.0", ""}, {"100.63.255.255", ""}, {"100.128.0.0", ""}, {"172.15.255.255", ""}, {"172.32.0.0", ""},
		{"192.0.1.0", ""}, {"192.167.255.255", ""}, {"192.169.0.0", ""}, {"198.17.255.255", ""}, {"198.20.0.0", ""}, {"223.255.255.255", ""}, {"169.253.255.255", ""},
		{"2606:4700::1111", ""}, {"2a00:1450:4001::200e", ""}, {"2001:4860:4860::8888", ""}, {"3ffe:ffff::1", ""}, {"2001:200::1", ""},
		{"::ffff:8.8.8.8", ""}, {"64:ff9b::8.8.8.8", ""},

		{"0.0.0.0", "this network"}, {"0.1.2.3", "this network"},
		{"10.0.0.1", "private"}, {"10.255.255.255", "private"}, {"172.16.0.1", "private"}, {"172.31.255.255", "private"}, {"192.168.1.1", "private"},
		{"100.64.0.1", "of a provider's own network"}, {"100.127.255.255", "of a provider's own network"},
		{"127.0.0.1", "this machine"}, {"127.255.255.254", "this machine"},
		{"169.254.169.254", "link-local"},
		{"192.0.0.1", "reserved for protocols"}, {"192.0.2.1", "for documentation"}, {"198.51.100.1", "for documentation"}, {"203.0.113.1", "for documentation"},
		{"192.88.99.1", "a former 6to4 relay"}, {"198.18.0.1", "for benchmarks"}, {"198.19.255.255", "for benchmarks"},
		{"224.0.0.1", "multicast"}, {"239.255.255.255", "multicast"}, {"240.0.0.1", "reserved"}, {"255.255.255.255", "reserved"},

		{"::", "not given out"}, {"::1", "this machine"}, {"::127.0.0.1", "not given out"}, {"::8.8.8.8", "not given out"},
		{"::ffff:127.0.0.1", "this machine"}, {"::ffff:10.0.0.1", "private"}, {"::ffff:0.0.0.0", "this network"}, {"::ffff:169.254.169.254", "link-local"},
		{"64:ff9b::127.0.0.1", "this machine, through NAT64"}, {"64:ff9b::a00:1", "private, through NAT64"}, {"64:ff9b::169.254.169.254", "link-local, through NAT64"},
		{"64:ff9b:1::8.8.8.8", "not given out"}, // RFC 8215: a network's own translation
		{"fc00::1", "private"}, {"fd12:3456:789a::1", "private"},
		{"fe80::1", "link-local"}, {"fe80::1%lo", "link-local"}, {"febf::1", "link-local"}, {"fec0::1", "not given out"},
		{"ff02::1", "multicast"}, {"2001:db8::1", "for documentation"}, {"3fff:fff::1", "for documentation"}, {"2001::1", "reserved for protocols"}, {"2001:1ff::", "reserved for protocols"},
		{"2002:7f00:1::", "6to4"}, {"100::1", "not given out"}, {"5f00::1", "not given out"}, {"4000::", "not given out"}, {"1fff:ffff::", "not given out"},
	} {
		a := netip.MustParseAddr(tt.addr)
		if got := special(a); got != tt.what {
			t.Errorf("%s is %q, want %q", tt.addr, got, tt.what)
		}
		err := Guard{}.Control("tcp", netip.AddrPortFrom(a, 443).String(), nil)
		var ge *GuardError
		if tt.what == "" && err != nil || tt.what != "" && (!errors.As(err, &ge) || ge.What != tt.what || ge.Addr != a) {
			t.Errorf("%s: %v", tt.addr, err)
		}
		if err := (Guard{Any: true}).Check(a); err != nil {
			t.Errorf("%s with Any: %v", tt.addr, err)
		}
	}
}

func TestGuardAllows(t *testing.T) {
	g := Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}}
	for addr, ok := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "fd00:1::5": true, "8.8.8.8": true,
		"10.2.0.1": false, "127.0.0.1": false, "fd00:2::1": false, "64:ff9b::10.1.2.3": false,
	} {
		if err := g.Check(netip.MustParseAddr(addr)); (err == nil) != ok {
			t.Errorf("%s: %v", addr, err)
		}
	}
	for _, address := range []string{"/run/service.sock", "", "pipe"} {
		if err := g.Control("unix", address, nil); err == nil {
			t.Errorf("%q is let through", address)
		}
		if err := (Guard{Any: true}).Control("unix", address, nil); err != nil {
			t.Errorf("%q with Any: %v", address, err)
		}
	}
}

// local starts a push service on this machine and counts its connections.
func local(t *testing.T, h http.HandlerFunc) (url string, conns *atomic.Int32) {
	t.Helper()
	conns = new(atomic.Int32)
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, conns
}

func created(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusCreated) }

// TestGuardStopsTheDial: no packet reaches a service on this machine, and there
// is one attempt only.
func TestGuardStopsTheDial(t *testing.T) {
	at, conns := local(t, created)
	port := at[strings.LastIndexByte(at, ':'):]
	c := &Client{Key: newKey(t), Subject: sampleContact}
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		a, err := c.Send(t.Context(), newUserKeys(t).Subscription("http://"+host+port+"/push/secret"), &Message{})
		var ge *GuardError
		if a != nil || !errors.As(err, &ge) || !ge.Addr.IsLoopback() && !ge.Addr.Unmap().IsLoopback() || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %+v, %v", host, a, err)
		}
	}
	if n := conns.Load(); n != 0 {
		t.Errorf("%d connections came", n)
	}
	allowed := &Client{Key: newKey(t), Subject: sampleContact, Guard: Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}
	defer allowed.CloseIdleConnections()
	if _, err := allowed.Send(t.Context(), newUserKeys(t).Subscription(at), &Message{}); err != nil || conns.Load() != 1 {
		t.Errorf("allowed: %v, %d connections", err, conns.Load())
	}
}

// TestGuardOfGivenTransports: whatever dials, nothing is sent to an address that
// is not let through.
func TestGuardOfGivenTransports(t *testing.T) {
	d := &net.Dialer{}
	var at string
	for _, tt := range []struct {
		name  string
		t     *http.Transport
		conns int32 // that are made, and closed with nothing sent
	}{
		{"none of its own", &http.Transport{}, 0},
		{"a dialer", &http.Transport{DialContext: d.DialContext}, 1},
		{"an old dialer", &http.Transport{Dial: d.Dial}, 1}, //lint:ignore SA1019 still used by net/http
		{"that of net/http", http.DefaultTransport.(*http.Transport), 1},
		{"a proxy", &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return url.Parse(at) }}, 0},
	} {
		requests := new(atomic.Int32)
		var conns *atomic.Int32
		at, conns = local(t, func(w http.ResponseWriter, r *http.Request) { requests.Add(1); created(w, r) })
		c := &Client{Key: newKey(t), Subject: sampleContact, HTTP: &http.Client{Transport: tt.t}}
		_, err := c.Send(t.Context(), newUserKeys(t).Subscription(at), &Message{})
		var ge *GuardError
		if !errors.As(err, &ge) {
			t.Errorf("%s: %v", tt.name, err)
		}
		// Connections are accepted in order: once this one is, all are.
		res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(at)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if conns.Load() != tt.conns+1 || requests.Load() != 1 {
			t.Errorf("%s: %d connections and %d requests came, with one of each that is the test's own", tt.name, conns.Load(), requests.Load())
		}
	}
	tlsDial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		return d.DialContext(ctx, network, strings.TrimPrefix(at, "http://"))
	}
	for name, tr := range map[string]*http.Transport{
		"a TLS dialer":      {DialTLSContext: tlsDial},
		"an old TLS dialer": {DialTLS: func(network, addr string) (net.Conn, error) { return tlsDial(context.Background(), network, addr) }},
	} {
		c := &Client{Key: newKey(t), Subject: sampleContact, HTTP: &http.Client{Transport: tr}}
		_, err := c.Send(t.Context(), newUserKeys(t).Subscription(sampleEndpoint), &Message{})
		var ge *GuardError
		if !errors.As(err, &ge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	given := &http.Transport{}
	defer given.CloseIdleConnections()
	c := &Client{Key: newKey(t), Subject: sampleContact, HTTP: &http.Client{Transport: given}, Guard: Guard{Any: true}}
	if _, err := c.Send(t.Context(), newUserKeys(t).Subscription(at), &Message{}); err != nil {
		t.Errorf("with Any: %v", err)
	}
	c.CloseIdleConnections()
}

// nameless is a connection that keeps to itself where it leads to.
type nameless struct {
	net.Conn
	addr   net.Addr
	closed *atomic.Bool
}

func (n nameless) RemoteAddr() net.Addr { return n.addr }
func (n nameless) Close() error         { n.closed.Store(true); return n.Conn.Close() }

// TestGuardRefusesTheUnknown: a connection that does not say where it leads to is
// closed with nothing sent, and a dialer that gives none does not panic.
func TestGuardRefusesTheUnknown(t *testing.T) {
	for _, tt := range []struct {
		name string
		addr net.Addr
	}{
		{"none", nil}, {"a nil address", (*net.TCPAddr)(nil)}, {"an address without IP", &net.TCPAddr{Port: 443}},
		{"a Unix socket", &net.UnixAddr{Name: "/run/service", Net: "unix"}}, {"a pipe", memAddr("pipe")}, {"a name", memAddr("push.example.net:443")},
	} {
		for _, overTLS := range []bool{false, true} {
			closed := new(atomic.Bool)
			dial := func(context.Context, string, string) (net.Conn, error) {
				theirs, ours := net.Pipe()
				go func() {
					defer theirs.Close()
					if n, _ := theirs.Read(make([]byte, 1)); n != 0 {
						t.Errorf("%s: something was sent", tt.name)
					}
				}()
				return nameless{ours, tt.addr, closed}, nil
			}
			tr := &http.Transport{DialContext: dial}
			if overTLS {
				tr = &http.Transport{DialTLSContext: dial}
			}
			c := &Client{Key: newKey(t), Subject: sampleContact, HTTP: &http.Client{Transport: tr}}
			_, err := c.Send(t.Context(), newUserKeys(t).Subscription(sampleEndpoint), &Message{})
			var ge *GuardError
			if !errors.As(err, &ge) || strings.Contains(err.Error(), "invalid") || !closed.Load() {
				t.Errorf("%s: %v, closed: %v", tt.name, err, closed.Load())
			}
		}
	}
	tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, nil }}
	c := &Client{Key: newKey(t), Subject: sampleContact, HTTP: &http.Client{Transport: tr}, Retry: Retry{Attempts: 1}}
	if _, err := c.Send(t.Context(), newUserKeys(t).Subscription(sampleEndpoint), &Message{}); !errors.Is(err, errNoConn) {
		t.Errorf("a dialer that gives nothing: %v", err)
	}
}

type memAddr string

func (memAddr) Network() string  { return "mem" }
func (a memAddr) String() string { return string(a) }

// TestGuardSurvivesRebinding: a name that answers with an allowed address the
// first time and with another one the next gains nothing, because what counts
// is the address of each connection.
func TestGuardSurvivesRebinding(t *testing.T) {
	var requests [3]atomic.Int32
	allowed, inner := samePort(t)
	port := strconv.Itoa(allowed.Addr().(*net.TCPAddr).Port)
	serve := func(l net.Listener, n int) {
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests[n].Add(1)
			w.Header().Set("Connection", "close") // so that each message dials anew
			created(w, r)
		})}
		go s.Serve(l)
		t.Cleanup(func() { s.Close() })
	}
	serve(allowed, 2)
	serve(inner, 1)

	var lookups atomic.Int32
	dns := fakeDNS(t, func() netip.Addr {
		if lookups.Add(1) == 1 {
			return netip.MustParseAddr("127.0.0.2")
		}
		return netip.MustParseAddr("127.0.0.1")
	})
	guard := Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}}
	d := &net.Dialer{Control: guard.Control, Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", dns)
	}}}
	tr := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		_, port, _ := net.SplitHostPort(addr)
		return d.DialContext(ctx, "tcp4", net.JoinHostPort("rebind.example.", port))
	}}
	c := &Client{Key: newKey(t), Subject: sampleContact, HTTP: &http.Client{Transport: tr}, Guard: guard}
	defer c.CloseIdleConnections()
	sub := newUserKeys(t).Subscription("http://localhost:" + port + "/")
	if _, err := c.Send(t.Context(), sub, &Message{}); err != nil || requests[2].Load() != 1 {
		t.Errorf("the allowed address: %v, %d requests", err, requests[2].Load())
	}
	_, err := c.Send(t.Context(), sub, &Message{})
	var ge *GuardError
	if !errors.As(err, &ge) || ge.Addr.String() != "127.0.0.1" || requests[1].Load() != 0 {
		t.Errorf("the other one: %v, %d requests", err, requests[1].Load())
	}
	if n := lookups.Load(); n < 2 {
		t.Errorf("%d look-ups: the name was not asked for again", n)
	}
}

// samePort listens at the same port of 127.0.0.2 and of 127.0.0.1.
func samePort(t *testing.T) (two, one net.Listener) {
	t.Helper()
	var err error
	for range 20 {
		if two, err = net.Listen("tcp", "127.0.0.2:0"); err != nil {
			t.Fatalf("this machine has no second loopback address: %v", err)
		}
		if one, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", two.Addr().(*net.TCPAddr).Port)); err == nil {
			return two, one
		}
		two.Close()
	}
	t.Fatal(err)
	return nil, nil
}

// fakeDNS answers every question for an A record by the next address, and all
// others by none.
func fakeDNS(t *testing.T, next func() netip.Addr) (at string) {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			end := 12 // of the question: a name, its type and class
			for end < n && b[end] != 0 {
				end += int(b[end]) + 1
			}
			end += 5
			if end > n {
				continue
			}
			out := append([]byte{}, b[:end]...)
			binary.BigEndian.PutUint16(out[2:], 0x8180) // an answer, without error
			clear(out[6:12])
			if binary.BigEndian.Uint16(b[end-4:]) == 1 {
				out[7] = 1
				ip := next().As4()
				out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				out = append(out, ip[:]...)
			}
			pc.WriteTo(out, from)
		}
	}()
	t.Cleanup(func() { pc.Close(); <-done })
	return pc.LocalAddr().String()
}

// TestGuardKeepsHTTP2: a transport that is guarded speaks HTTP/2 where it did
// before, and one that was set up without does not begin to.
func TestGuardKeepsHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/"+r.Proto)
		created(w, r)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for _, force := range []bool{true, false} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: force}
		c := &Client{Key: newKey(t), Subject: sampleContact, HTTP: &http.Client{Transport: tr}, Guard: Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}
		a, err := c.Send(t.Context(), newUserKeys(t).Subscription(s.URL+"/push/1"), &Message{Payload: []byte("x")})
		if want := map[bool]string{true: s.URL + "/HTTP/2.0", false: s.URL + "/HTTP/1.1"}[force]; err != nil || a.Location != want {
			t.Errorf("%v: %+v, %v", force, a, err)
		}
		c.CloseIdleConnections()
	}
	c := &Client{}
	if !c.guarded(&http.Transport{}).ForceAttemptHTTP2 {
		t.Error("net/http's own readiness is gone")
	}
	if c.guarded(&http.Transport{DialContext: (&net.Dialer{}).DialContext}).ForceAttemptHTTP2 {
		t.Error("a dialer of the application's got HTTP/2")
	}
}
