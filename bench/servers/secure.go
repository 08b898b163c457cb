package servers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"time"
)

// Secure is what the cases over TLS are called.
const Secure = "TLS"

// Securing are the candidates over crypto/tls with its defaults. nbio is not
// among them: its TLS is its own.
var Securing = []PackedCandidate{
	secure(pushwireHandler),
	secure(pushwireServe),
	secure(gorilla),
	secure(coder),
	secure(gwsHTTP),
	secure(gwsServer),
	secure(gobwas),
	secure(raw4K),
}

func secure(c Candidate) PackedCandidate {
	s := PackedCandidate{Candidate: c, Row: c.Name, Context: Secure}
	s.Name += ", " + Secure
	s.InMemory = nil
	s.Serve = func(l net.Listener) error {
		config, err := selfSigned()
		if err != nil {
			return err
		}
		return c.Serve(tls.NewListener(l, config))
	}
	return s
}

// selfSigned makes a certificate for an hour.
func selfSigned() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, nil
}
