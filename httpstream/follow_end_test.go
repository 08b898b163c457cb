package httpstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire/topic"
)

// What can't work is told at once, and nobody is asked.
func TestFollowTakesNoNonsense(t *testing.T) {
	for name, tt := range map[string]struct {
		url string
		o   FollowOptions
		say string
	}{
		"a scheme":       {"ftp://mem/", FollowOptions{}, "ftp"},
		"no host":        {"http:///topic", FollowOptions{}, "no host"},
		"not absolute":   {"/topic", FollowOptions{}, "scheme"},
		"not a URL":      {"http://a b/%", FollowOptions{}, "not valid"},
		"a password":     {"foo://me:secret@mem/", FollowOptions{}, "foo"},
		"a cursor":       {"http://mem/", FollowOptions{After: "here"}, "cursor"},
		"no transports":  {"http://mem/", FollowOptions{Transports: []Transport{}}, "no transport"},
		"not one":        {"http://mem/", FollowOptions{Transports: []Transport{77}}, "transport 77"},
		"the same twice": {"http://mem/", FollowOptions{Transports: []Transport{1, 2, 1}}, "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			for _, err := range Follow(t.Context(), tt.url, &tt.o) {
				if n++; err == nil || !strings.Contains(err.Error(), tt.say) || strings.Contains(err.Error(), "secret") {
					t.Error(err)
				}
			}
			if n != 1 {
				t.Errorf("%d steps", n)
			}
		})
	}
}

// The end of the context ends the loop wherever it is, with its cause.
func TestFollowEndsWithItsContext(t *testing.T) {
	enough := errors.New("enough")
	silence := func(_ Transport, w http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }
	for name, instead := range map[string]func(Transport, http.ResponseWriter, *http.Request) bool{
		"while it waits for items": nil,
		"while it connects":        silence,
		"while it pauses": func(_ Transport, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Retry-After", "200")
			w.WriteHeader(503)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			overAllTransports(t, func(t *testing.T, w *world, transport Transport) {
				w.server.instead = instead
				ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Second, enough)
				defer cancel()
				n := 0
				for _, err := range Follow(ctx, "http://mem/", w.options(transport)) {
					if n++; !errors.Is(err, enough) {
						t.Error(err)
					}
				}
				if n != 1 || time.Since(began) != 100*time.Second {
					t.Errorf("%d steps, after %v", n, time.Since(began))
				}
			})
		})
	}
}

// Who leaves the loop leaves nothing behind: the bubble would not end.
func TestFollowCanBeLeft(t *testing.T) {
	for name, leave := range map[string]func(){
		"by break": nil,
		"by panic": func() { panic("boom") },
	} {
		t.Run(name, func(t *testing.T) {
			overAllTransports(t, func(t *testing.T, w *world, transport Transport) {
				publish(w.log, 1, 3)
				// One below the best, so that climbing goes on beside it.
				w.server.instead = func(t Transport, rw http.ResponseWriter, r *http.Request) bool {
					if t < transport {
						rw.WriteHeader(http.StatusNotFound)
					}
					return t < transport
				}
				defer func() {
					if r := recover(); r != nil && r != "boom" {
						panic(r)
					}
				}()
				for range Follow(t.Context(), "http://mem/", w.options()) {
					if leave != nil {
						leave()
					}
					break
				}
			})
		})
	}
}

// Retry-After, and retry in an event stream, are the least that is waited.
func TestFollowWaitsAsLongAsItIsAsked(t *testing.T) {
	overAllTransports(t, func(t *testing.T, w *world, transport Transport) {
		publish(w.log, 1, 1)
		n := 0
		w.server.instead = func(_ Transport, rw http.ResponseWriter, r *http.Request) bool {
			if n++; n > 3 {
				return false
			}
			rw.Header().Set("Retry-After", "7")
			rw.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		items, err := w.follow(w.options(transport), 1, nil)
		if err != nil {
			t.Error(err)
		}
		wantInOrder(t, items, 1)
		if d := time.Since(began); d < 21*time.Second || d > 25*time.Second {
			t.Errorf("three times 7 s took %v", d)
		}
	})
	t.Run("retry", func(t *testing.T) {
		inWorld(t, func(t *testing.T, w *world) {
			n := 0
			w.server.instead = func(_ Transport, rw http.ResponseWriter, r *http.Request) bool {
				if n++; n > 1 {
					publish(w.log, 1, 1)
					return false
				}
				rw.Header().Set("Content-Type", typeEvents)
				io.WriteString(rw, "id: "+string(w.server.resolve(""))+"\nretry: 9000\n\n")
				return true
			}
			w.follow(w.options(TransportEventStream), 1, nil)
			if d := time.Since(began); d < 9*time.Second || d > 10*time.Second {
				t.Errorf("it came back after %v", d)
			}
		})
	})
}

// But no server, nor who answers in its place, can send a client away for good.
func TestFollowIsNotSentAway(t *testing.T) {
	for name, answer := range map[string]func(w *world, rw http.ResponseWriter){
		"Retry-After":             func(_ *world, rw http.ResponseWriter) { refuseUntil(rw, "9223372036") },
		"Retry-After, no integer": func(_ *world, rw http.ResponseWriter) { refuseUntil(rw, "99999999999999999999999999") },
		"Retry-After, a date":     func(_ *world, rw http.ResponseWriter) { refuseUntil(rw, "Sat, 01 Jan 2250 00:00:00 GMT") },
		"retry": func(w *world, rw http.ResponseWriter) {
			rw.Header().Set("Content-Type", typeEvents)
			io.WriteString(rw, "id: "+string(w.server.resolve(""))+"\nretry: 9223372036854\n\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				n := 0
				w.server.instead = func(_ Transport, rw http.ResponseWriter, r *http.Request) bool {
					if n++; n > 1 {
						publish(w.log, 1, 1)
						return false
					}
					answer(w, rw)
					return true
				}
				w.follow(w.options(TransportEventStream), 1, nil)
				if d := time.Since(began); d < 5*time.Minute || d > 5*time.Minute+time.Second {
					t.Errorf("it came back after %v", d)
				}
			})
		})
	}
}

func refuseUntil(rw http.ResponseWriter, after string) {
	rw.Header().Set("Retry-After", after)
	rw.WriteHeader(http.StatusServiceUnavailable)
}

// A connection without a sign of life is lost after Idle, and not before: a
// heartbeat is one.
func TestFollowNoticesSilence(t *testing.T) {
	for _, transport := range []Transport{TransportSocket, TransportEventStream, TransportStream} {
		t.Run(transport.String(), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				publish(w.log, 1, 1)
				o := w.options(transport)
				time.AfterFunc(10*time.Minute, func() { w.net.set(nil, true) })
				time.AfterFunc(12*time.Minute, func() {
					w.net.set(nil, false)
					w.net.cut()
					publish(w.log, 2, 2)
				})
				items, err := w.follow(o, 2, nil)
				if err != nil {
					t.Error(err)
				}
				wantInOrder(t, items, 2)
				for i, s := range w.states {
					if !s.Connected {
						if at := w.at[i] - 10*time.Minute; at < 0 || at > DefaultIdle+time.Second {
							t.Errorf("it was lost %v after the last sign of life: %v", at, s.Err)
						}
						break
					}
				}
			})
		})
	}
}

// What is too large ends the loop, with bounded memory: nothing behind it can
// be read.
func TestFollowBoundsWhatItReceives(t *testing.T) {
	overAllTransports(t, func(t *testing.T, w *world, transport Transport) {
		publish(w.log, 1, 2)
		o := w.options(transport)
		o.MaxMessage = 1000
		n := 0
		var last error
		for _, err := range Follow(t.Context(), "http://mem/", o) {
			if n++; n == 2 {
				w.log.Append("", bytes.Repeat([]byte("x"), 100_000))
			}
			last = err
		}
		if n != 3 || last == nil {
			t.Errorf("%d steps, %v", n, last)
		}
	})
}

// Header, Host, user information and cookies are on every request.
func TestFollowSaysWhoItIs(t *testing.T) {
	overAllTransports(t, func(t *testing.T, w *world, transport Transport) {
		publish(w.log, 1, 1)
		jar, _ := cookiejar.New(nil)
		// net/http looks cookies up by the Host that was set, Dial by the URL.
		for _, host := range []string{"mem", "inner.example"} {
			jar.SetCookies(&url.URL{Scheme: "http", Host: host}, []*http.Cookie{{Name: "session", Value: "s1"}})
		}
		o := w.options(transport)
		o.HTTP = &http.Client{Transport: w.http.Transport, Jar: jar}
		o.Header = http.Header{"x-tenant": {"t1"}, "Host": {"inner.example"}}
		var got []string
		w.server.instead = func(_ Transport, rw http.ResponseWriter, r *http.Request) bool {
			user, password, _ := r.BasicAuth()
			session, _ := r.Cookie("session")
			got = []string{user, password, r.Header.Get("X-Tenant"), r.Host, session.String(), r.URL.Query().Get("sig")}
			return false
		}
		for range Follow(t.Context(), "ws://me:secret@mem/topic?sig=a%2Fb&after=nonsense#x", o) {
			break
		}
		if d := cmp.Diff([]string{"me", "secret", "t1", "inner.example", "session=s1", "a/b"}, got); d != "" {
			t.Error(d)
		}
		if o.Header.Get("Accept") != "" {
			t.Error("the caller's header was modified")
		}
	})
}

// A client's settings for TLS hold for WebSockets too, HTTP/2 included, and a
// certificate that is not trusted ends the loop.
func TestFollowOverTLS(t *testing.T) {
	var l topic.Log
	defer l.Close()
	l.Append("", []byte("1"))
	srv := httptest.NewUnstartedServer(Handler(&l, nil))
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	for _, transport := range Transports() {
		o := &FollowOptions{Transports: []Transport{transport}, HTTP: srv.Client()}
		for it, err := range Follow(t.Context(), srv.URL, o) {
			if err != nil || string(it.Data) != "1" {
				t.Errorf("%v: %v", transport, err)
			}
			break
		}
		n := 0
		o.HTTP = &http.Client{Transport: &http.Transport{}}
		for _, err := range Follow(t.Context(), srv.URL, o) {
			var untrusted *tls.CertificateVerificationError
			if n++; !errors.As(err, &untrusted) {
				t.Errorf("%v: %v", transport, err)
			}
		}
		if n != 1 {
			t.Errorf("%v: %d steps without trust", transport, n)
		}
	}
}

// A box that cuts long polls gets shorter ones.
func TestLongPollsBecomeShorter(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.server.instead = func(_ Transport, rw http.ResponseWriter, r *http.Request) bool {
			cut := time.AfterFunc(10*time.Second, w.net.cut)
			context.AfterFunc(r.Context(), func() { cut.Stop() })
			time.Sleep(time.Millisecond) // so that a poll of 10 s is cut, and not answered at the same moment
			return false
		}
		time.AfterFunc(70*time.Second, func() { publish(w.log, 1, 1) })
		items, err := w.follow(w.options(TransportLongPoll), 1, nil)
		if err != nil {
			t.Error(err)
		}
		wantInOrder(t, items, 1)
		var waits []string
		for _, r := range w.server.of(TransportLongPoll) {
			waits = append(waits, r.wait)
		}
		// net/http repeats the first that is cut, so it seems to take 20 s.
		if d := cmp.Diff([]string{"0", "30", "30", "0", "10", "10", "0", "5"}, waits[:min(8, len(waits))]); d != "" {
			t.Error(d)
		}
	})
}

func TestTransportNames(t *testing.T) {
	for _, transport := range Transports() {
		if got, ok := ParseTransport(transport.String()); !ok || got != transport {
			t.Errorf("%v is parsed as %v, %v", transport, got, ok)
		}
	}
	for _, name := range []string{"", "WebSocket", "transport 0"} {
		if _, ok := ParseTransport(name); ok {
			t.Errorf("%q is a transport", name)
		}
	}
	if s := Transport(0).String(); s != "transport 0" {
		t.Error(s)
	}
}
