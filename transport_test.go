package pushwire_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/internal/memconn"
)

// A mode is a way to connect two Conns. Tests of behaviour run on all of
// them; a test whose subject is one transport names it.
type mode string

const (
	mem  mode = "mem"  // memconn: no descriptor, Read blocks with a small buffer
	tcp  mode = "tcp"  // loopback, waits for readability
	tls_ mode = "tls"  // TLS 1.3 over loopback
	web  mode = "http" // tcp, accepted by net/http through middleware that only unwraps

	memDeflate mode = "mem, compressed" // all messages are, however short
	webDeflate mode = "http, compressed"
)

var allModes = []mode{mem, tcp, tls_, web, memDeflate, webDeflate}

// base is the transport of a mode.
func (m mode) base() mode {
	switch m {
	case memDeflate:
		return mem
	case webDeflate:
		return web
	}
	return m
}

// config is cfg as the mode wants it; nil is the default.
func (m mode) config(cfg *pushwire.Config) *pushwire.Config {
	if cfg == nil {
		cfg = &pushwire.Config{}
	}
	if m == m.base() || cfg.Deflate != nil {
		return cfg
	}
	c := *cfg
	c.Deflate = &pushwire.Deflate{Threshold: -1}
	return &c
}

// pair is two connected Conns of one test.
type pair struct {
	t              *testing.T
	client, server *pushwire.Conn
}

// run runs f on each of the modes with the given configurations; nil is the
// default. Both Conns are ended with the test.
func run(t *testing.T, modes []mode, client, server *pushwire.Config, f func(t *testing.T, p pair)) {
	t.Helper()
	for _, m := range modes {
		t.Run(string(m), func(t *testing.T) {
			t.Helper()
			p := connect(t, m, client, server)
			f(t, p)
		})
	}
}

func connect(t *testing.T, m mode, ccfg, scfg *pushwire.Config) pair {
	t.Helper()
	p := pair{t: t}
	ccfg, scfg = m.config(ccfg), m.config(scfg)
	m = m.base()
	switch m {
	case mem, tcp, tls_:
		a, b := netPair(t, m)
		p.client = pushwire.NewConn(a, frame.Client, ccfg)
		p.server = pushwire.NewConn(b, frame.Server, scfg)
	case web:
		got := make(chan *pushwire.Conn, 1)
		var held sync.WaitGroup
		held.Add(1)
		h := pushwire.Handler(func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
			got <- c
			held.Wait()
		}, &pushwire.AcceptOptions{Config: *scfg})
		srv := httptest.NewServer(unwrapOnly(h))
		t.Cleanup(func() { held.Done(); srv.Close() })
		c, _, err := pushwire.Dial(t.Context(), "ws"+srv.URL[len("http"):], &pushwire.DialOptions{Config: *ccfg})
		if err != nil {
			t.Fatalf("dial: %v", err)
		}
		p.client, p.server = c, <-got
	}
	t.Cleanup(func() {
		p.client.CloseNow()
		p.server.CloseNow()
	})
	return p
}

// netPair connects two net.Conns.
func netPair(t *testing.T, m mode) (client, server net.Conn) {
	t.Helper()
	if m == mem {
		a, b := memconn.Pipe()
		return a, b
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if m != tls_ {
		return client, server
	}
	pool, cert := testCert(t)
	ct := tls.Client(client, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
	st := tls.Server(server, &tls.Config{Certificates: []tls.Certificate{cert}})
	done := make(chan error, 1)
	go func() { done <- st.Handshake() }()
	if err := ct.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return ct, st
}

// unwrapOnly hides the Hijacker of the ResponseWriter behind Unwrap, as
// middleware does that knows http.ResponseController alone.
func unwrapOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(wrapped{w}, r)
	})
}

type wrapped struct{ w http.ResponseWriter }

func (w wrapped) Header() http.Header         { return w.w.Header() }
func (w wrapped) Write(p []byte) (int, error) { return w.w.Write(p) }
func (w wrapped) WriteHeader(status int)      { w.w.WriteHeader(status) }
func (w wrapped) Unwrap() http.ResponseWriter { return w.w }

var testCert = func() func(t *testing.T) (*x509.CertPool, tls.Certificate) {
	var once sync.Once
	var pool *x509.CertPool
	var cert tls.Certificate
	var err error
	return func(t *testing.T) (*x509.CertPool, tls.Certificate) {
		t.Helper()
		once.Do(func() { pool, cert, err = makeCert() })
		if err != nil {
			t.Fatal(err)
		}
		return pool, cert
	}
}()

// makeCert makes a certificate for 127.0.0.1 and a pool that trusts it.
func makeCert() (*x509.CertPool, tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, tls.Certificate{}, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pushwire test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return nil, tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, tls.Certificate{}, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return pool, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
