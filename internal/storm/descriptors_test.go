package storm

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

const request = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// echoes opens a connection to a server of echoes and uses it.
func echoes(addr string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, _, err := pushwire.Dial(ctx, "ws://"+addr, nil)
	if err != nil {
		return err
	}
	defer c.CloseNow()
	if err := c.Write(ctx, frame.Text, []byte("hello")); err != nil {
		return err
	}
	_, p, err := c.Read(ctx)
	if err == nil && string(p) != "hello" {
		err = fmt.Errorf("the echo is %q", p)
	}
	return err
}

// A server whose process has no descriptor left waits for one, at hardly any
// cost, serves those that it has, and takes new ones once there are some. With
// the Gate that it has by default it comes to that only where net/http holds
// connections that have sent no request.
func TestServerWithoutDescriptors(t *testing.T) {
	if !canLimit {
		t.Log("left out: this system has no limit on descriptors for a process")
		return
	}
	const descriptors, flood = 512, 900
	for _, gate := range []string{"open", "gate"} {
		for _, path := range []string{"Serve", "Handler"} {
			t.Run(gate+"/"+path, func(t *testing.T) {
				c := startChild(t, fmt.Sprint(descriptors, " ", gate))
				addr := c.raw
				if path == "Handler" {
					addr = c.web
				}
				first, _, err := pushwire.Dial(t.Context(), "ws://"+addr, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer first.CloseNow()
				first.Discard(t.Context())
				var conns []net.Conn
				defer func() {
					for _, nc := range conns {
						nc.Close()
					}
				}()
				out := false // the server has run out of descriptors
				for range flood {
					nc, err := net.DialTimeout("tcp", addr, 5*time.Second)
					if err != nil {
						break // the queue of the listener is full
					}
					conns = append(conns, nc)
					io.WriteString(nc, request)
					if gate == "gate" && !out {
						out = strings.Contains(c.ask("file"), "too many open files")
					}
				}
				if gate == "gate" {
					// net/http accepts before anybody can ask the gate, so that a
					// machine on which handlers come late may be short for a moment.
					for late := time.Now().Add(5 * time.Second); out && path == "Handler" && time.Now().Before(late); time.Sleep(10 * time.Millisecond) {
						out = strings.Contains(c.ask("file"), "too many open files")
					}
					if out {
						t.Error("the server ran out of descriptors behind its gate")
					}
				} else {
					for range 100 {
						if out = strings.Contains(c.ask("file"), "too many open files"); out {
							break
						}
						time.Sleep(10 * time.Millisecond)
					}
					if !out {
						t.Fatal("the server has descriptors left: this tests nothing")
					}
				}
				before, _ := strconv.Atoi(c.ask("cpu"))
				const window = 400 * time.Millisecond
				time.Sleep(window) // what it does meanwhile is the subject
				after, _ := strconv.Atoi(c.ask("cpu"))
				t.Logf("%d ms of processor time in %v", after-before, window)
				if gate == "open" && after-before > int(window.Milliseconds())/2 {
					t.Errorf("the server spins: %d ms of processor time in %v", after-before, window)
				}
				if _, err := first.Ping(t.Context()); err != nil {
					t.Errorf("the connection from before: %v", err)
				}
				for _, nc := range conns {
					nc.Close()
				}
				// It comes back to accepting within a second, after those that wait.
				for late := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
					err := echoes(addr)
					if err == nil {
						break
					}
					if time.Now().After(late) {
						t.Fatalf("no new connection afterwards: %v", err)
					}
				}
			})
		}
	}
}
