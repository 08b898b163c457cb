//go:build linux

package push

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/webpush"
)

const (
	serviceEnv = "PUSHWIRE_BENCH_PUSH_SERVICE"

	checked = 20 // messages of each sender that the service looks into
)

// secrets are what the service needs to look into messages, in its environment.
type secrets struct{ Private, Auth []byte }

// service is a running push service. One goroutine uses it.
type service struct {
	Addr, CA string // as it says when it has started

	cmd *exec.Cmd
	in  io.WriteCloser
}

// startService starts it on a core.
func startService(core int, keys *webpush.UserKeys) (*service, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(secrets{keys.Private.Bytes(), keys.Auth[:]})
	if err != nil {
		return nil, err
	}
	s := &service{cmd: exec.Command(exe)}
	s.cmd.Env = append(os.Environ(), serviceEnv+"="+string(text))
	s.cmd.Stderr = os.Stderr
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.StartPinned(s.cmd, core); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(out).Decode(s); err != nil {
		s.stop()
		return nil, fmt.Errorf("the service did not start: %w", err)
	}
	return s, nil
}

// stop ends the service and waits for its end.
func (s *service) stop() error {
	s.in.Close()
	return s.cmd.Wait()
}

// serve is the service process. It ends with its input.
func serve(text string) error {
	var sec secrets
	if err := json.Unmarshal([]byte(text), &sec); err != nil {
		return err
	}
	private, err := ecdh.P256().NewPrivateKey(sec.Private)
	if err != nil {
		return err
	}
	pair, ca, err := certificate()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var seen atomic.Int64
	h := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil && seen.Add(1) <= checked {
			var plain []byte
			plain, err = webpush.Decrypt(private, sec.Auth, body)
			if err == nil && string(plain) != string(Payload) {
				err = fmt.Errorf("%d bytes of something else", len(plain))
			}
			if err == nil {
				_, err = webpush.VerifyVAPID(r.Header.Get("Authorization"), "https://"+r.Host, time.Now())
			}
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Location", "/message/1")
		w.WriteHeader(http.StatusCreated)
	}
	s := &http.Server{Handler: http.HandlerFunc(h), TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}}}
	go s.ServeTLS(l, "", "")
	if err := json.NewEncoder(os.Stdout).Encode(service{Addr: l.Addr().String(), CA: ca}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// certificate signs itself for 127.0.0.1.
func certificate() (tls.Certificate, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, "", err
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, "", err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
}

// newJob returns a job with a subscription at addr and the keys to it.
func newJob(addr string) (Job, *webpush.UserKeys, error) {
	keys, err := webpush.NewUserKeys()
	if err != nil {
		return Job{}, nil, err
	}
	key, err := webpush.GenerateKey()
	if err != nil {
		return Job{}, nil, err
	}
	private, _ := key.Private()
	sub, err := json.Marshal(keys.Subscription("https://" + addr + "/push/" + base64.RawURLEncoding.EncodeToString(make([]byte, 24))))
	return Job{Subscription: sub, Payload: Payload, Public: key.PublicKey(), Private: private, Subject: subject, TTL: ttl}, keys, err
}
