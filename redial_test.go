package pushwire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/internal/memconn"
)

// redialPeer plays one peer for each attempt and notes the times of attempts.
type redialPeer struct {
	began time.Time
	at    []time.Duration // of each attempt, since began
	play  func(attempt int, nc *memconn.Conn)
}

func newRedialPeer(play func(attempt int, nc *memconn.Conn)) *redialPeer {
	return &redialPeer{began: time.Now(), play: play}
}

func (p *redialPeer) options() *DialOptions {
	o := direct()
	o.Ping = -1
	o.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		n := len(p.at)
		p.at = append(p.at, time.Since(p.began))
		return memPeer(func(nc *memconn.Conn) { p.play(n, nc) })(ctx, network, addr)
	}
	return o
}

// pauses are the times between an attempt and the one before.
func (p *redialPeer) pauses() []time.Duration {
	var d []time.Duration
	for i := 1; i < len(p.at); i++ {
		d = append(d, p.at[i]-p.at[i-1])
	}
	return d
}

// hello accepts and sends a frame, then waits for the end.
func hello(_ int, nc *memconn.Conn) { dialAnswer(dialHello)(nc) }

// refuse answers 503, with more fields.
func refuse(fields string) func(int, *memconn.Conn) {
	return func(_ int, nc *memconn.Conn) {
		answerHead("HTTP/1.1 503 Busy\r\n" + fields + "Content-Length: 0\r\n\r\n")(nc)
	}
}

// RFC 6455, 7.2.3: a random delay first, then truncated binary exponential
// backoff.
func TestRedialBacksOffAtRandomUpToADoublingBound(t *testing.T) {
	want := []time.Duration{
		100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond,
		1600 * time.Millisecond, 3200 * time.Millisecond, 6400 * time.Millisecond, 12800 * time.Millisecond,
		25600 * time.Millisecond, 30 * time.Second, 30 * time.Second, 30 * time.Second,
	}
	const rounds = 2000
	sum := make([]time.Duration, len(want))
	for range rounds {
		var b backoff
		for i, most := range want {
			d := b.next()
			if d < 0 || d >= most {
				t.Fatalf("pause %d is %v, not within 0 and %v", i, d, most)
			}
			sum[i] += d
		}
		b.reset()
		if d := b.next(); d >= want[0] {
			t.Fatalf("pause after a reset: %v", d)
		}
	}
	// Full jitter: half the bound on the average; 2,000 draws stay within
	// 5 % of the bound for certain (7 standard deviations).
	for i, most := range want {
		if mean := sum[i] / rounds; mean < most*45/100 || mean > most*55/100 {
			t.Errorf("pause %d is %v on the average, want about half of %v", i, mean, most)
		}
	}
}

func TestRedialGoesOnAfterFailedAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRedialPeer(func(n int, nc *memconn.Conn) {
			if n < 12 {
				refuse("")(n, nc)
			} else {
				hello(n, nc)
			}
		})
		failed := 0
		for c, err := range Redial(t.Context(), "ws://mem/", p.options()) {
			if err != nil {
				var de *DialError
				if c != nil || !errors.As(err, &de) || de.Status != 503 {
					t.Fatalf("%v, %v", c, err)
				}
				failed++
				continue
			}
			wantHello(t, c)
			break
		}
		if failed != 12 {
			t.Errorf("%d failures were reported, want 12", failed)
		}
		most := redialFirst
		for i, d := range p.pauses() {
			if d > most {
				t.Errorf("pause %d took %v, %v is the most", i, d, most)
			}
			most = min(2*most, redialMost)
		}
		if p.at[0] != 0 {
			t.Errorf("the first attempt came after %v", p.at[0])
		}
	})
}

func TestRedialYieldsAFreshConnectionAfterTheEndOfTheFormer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRedialPeer(func(_ int, nc *memconn.Conn) {
			r, err := http.ReadRequest(newReader(nc))
			if err == nil {
				io.WriteString(nc, dialHello(r)) // and the line breaks
			}
		})
		var former *Conn
		n := 0
		for c, err := range Redial(t.Context(), "ws://mem/", p.options()) {
			if err != nil {
				t.Fatal(err)
			}
			if c == former {
				t.Fatal("the same connection came again")
			}
			wantHello(t, c)
			if _, _, err := c.Read(t.Context()); err == nil {
				t.Error("the connection did not end")
			}
			former = c
			if n++; n == 5 {
				break
			}
		}
		if n != 5 || len(p.at) != 5 {
			t.Errorf("%d connections, %d attempts", n, len(p.at))
		}
	})
}

func TestRedialClosesWhatTheBodyLeavesOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRedialPeer(hello)
		var conns []*Conn
		for c, err := range Redial(t.Context(), "ws://mem/", p.options()) {
			if err != nil {
				t.Fatal(err)
			}
			if len(conns) > 0 && conns[0].Err() == nil {
				t.Error("the former connection is still open")
			}
			if conns = append(conns, c); len(conns) == 2 {
				break
			}
		}
		if conns[1].Err() == nil {
			t.Error("the last connection is still open after the loop")
		}
	})
}

func TestRedialStartsAnewOnceAConnectionHasLived(t *testing.T) {
	for _, c := range []struct {
		lives   time.Duration
		settled bool
	}{
		{redialSettled, true},
		{redialSettled - time.Millisecond, false},
		{0, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newRedialPeer(hello)
			var longest time.Duration
			for c1, err := range Redial(t.Context(), "ws://mem/", p.options()) {
				if err != nil {
					t.Fatal(err)
				}
				if len(p.at) > 1 {
					longest = max(longest, p.pauses()[len(p.at)-2]-c.lives)
				}
				if len(p.at) == 100 {
					break
				}
				pause(t.Context(), c.lives)
				c1.CloseNow()
			}
			if (longest <= redialFirst) != c.settled {
				t.Errorf("connections that lived %v: the longest pause was %v", c.lives, longest)
			}
		})
	}
}

func TestRedialObeysRetryAfterWithinABound(t *testing.T) {
	for _, c := range []struct {
		status, value string
		least, most   time.Duration
	}{
		{"503 Busy", "7", 7 * time.Second, 7*time.Second + redialFirst},
		{"429 Slow down", "7", 7 * time.Second, 7*time.Second + redialFirst},
		{"503 Busy", "0", 0, redialFirst},
		{"503 Busy", "999999", redialRetryAfter, redialRetryAfter + redialFirst},
		{"503 Busy", "99999999999999999999999999", redialRetryAfter, redialRetryAfter + redialFirst},
		{"503 Busy", "Sat, 01 Jan 2000 00:01:00 GMT", time.Minute, time.Minute + redialFirst},
		{"503 Busy", "Sat, 01 Jan 2050 00:00:00 GMT", redialRetryAfter, redialRetryAfter + redialFirst},
		{"503 Busy", "Fri, 31 Dec 1999 00:00:00 GMT", 0, redialFirst},
		{"503 Busy", "-5", 0, redialFirst},
		{"503 Busy", "soon", 0, redialFirst},
		{"500 No", "7", 0, redialFirst},
	} {
		t.Run(c.status+" "+c.value, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // its clock starts on 1 January 2000
				p := newRedialPeer(func(_ int, nc *memconn.Conn) {
					answerHead("HTTP/1.1 " + c.status + "\r\nRetry-After: " + c.value + "\r\nContent-Length: 0\r\n\r\n")(nc)
				})
				for range Redial(t.Context(), "ws://mem/", p.options()) {
					if len(p.at) == 2 {
						break
					}
				}
				if d := p.at[1]; d < c.least || d > c.most {
					t.Errorf("the second attempt came after %v, want %v to %v", d, c.least, c.most)
				}
			})
		})
	}
}

func TestRedialEndsWithItsContext(t *testing.T) {
	silent := func(_ int, nc *memconn.Conn) { io.Copy(io.Discard, nc) }
	for _, c := range []struct {
		name   string
		play   func(int, *memconn.Conn)
		yields int
	}{
		{"before", hello, 0},
		{"during an attempt", silent, 0},
		{"during a pause", refuse("Retry-After: 100\r\n"), 1},
		{"during the body", hello, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const after = 5 * time.Second
				ctx, cancel := context.WithCancel(t.Context())
				if c.name == "before" {
					cancel()
				}
				time.AfterFunc(after, cancel)
				p := newRedialPeer(c.play)
				yields := 0
				for conn, err := range Redial(ctx, "ws://mem/", p.options()) {
					yields++
					if err == nil {
						wantHello(t, conn)
						conn.Read(ctx) // until ctx ends
					}
				}
				if yields != c.yields {
					t.Errorf("%d steps, want %d", yields, c.yields)
				}
				if d := time.Since(p.began); c.name != "before" && d != after || c.name == "before" && d != 0 {
					t.Errorf("the loop took %v", d)
				}
				cancel()
			})
		})
	}
}

func TestRedialBoundsEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		p := newRedialPeer(func(_ int, nc *memconn.Conn) { io.Copy(io.Discard, nc) })
		for _, err := range Redial(ctx, "ws://mem/", p.options()) {
			var ne net.Error
			if !errors.As(err, &ne) || !ne.Timeout() {
				t.Errorf("%v", err)
			}
			break
		}
		if d := time.Since(p.began); d != handshakeTimeout {
			t.Errorf("an attempt at a silent server took %v", d)
		}
	})
}

func TestRedialOnLoopback(t *testing.T) {
	addr := dialPeer(t, func(nc net.Conn) {
		if r, err := http.ReadRequest(newReader(nc)); err == nil {
			io.WriteString(nc, dialHello(r))
		}
	})
	n := 0
	for c, err := range Redial(t.Context(), "ws://"+addr, direct()) {
		if err != nil {
			t.Fatal(err)
		}
		wantHello(t, c)
		if n++; n == 3 {
			break
		}
	}
}
