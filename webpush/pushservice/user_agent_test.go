package pushservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

// ua is a user agent's end of a connection, for one test's goroutine.
type ua struct {
	t *testing.T
	s *Service
	c *pushwire.Conn
}

// connect opens a connection in memory, without the opening handshake.
func connect(t *testing.T, s *Service) *ua {
	t.Helper()
	client, server := pushwire.Pipe(&pushwire.Config{Ping: -1, MaxMessage: maxAgentMessage})
	if err := s.group.Add(server); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.serveAgent(server.Context(), server, &handshake.Request{Host: "push.test"})
	}()
	u := &ua{t, s, client}
	t.Cleanup(func() { client.CloseNow() })
	return u
}

// hello connects and says hello, and returns the uaid that the service gives.
func hello(t *testing.T, s *Service, uaid string) (*ua, string) {
	t.Helper()
	u := connect(t, s)
	u.send(`{"messageType":"hello","use_webpush":true,"uaid":"` + uaid + `"}`)
	m := u.want(typeHello)
	if m.Status != 200 || !m.UseWebPush || m.UAID == "" {
		t.Fatalf("hello was answered with %+v", m)
	}
	return u, m.UAID
}

func (u *ua) send(s string) {
	u.t.Helper()
	if err := u.c.Write(u.t.Context(), frame.Text, []byte(s)); err != nil {
		u.t.Fatalf("%s: %v", s, err)
	}
}

// read returns the next message as it is.
func (u *ua) read() string {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), time.Minute)
	defer cancel()
	_, p, err := u.c.Read(ctx)
	if err != nil {
		u.t.Fatalf("no message came: %v", err)
	}
	return string(p)
}

// want returns the next message, which has to be of that type.
func (u *ua) want(typ string) serverMessage {
	u.t.Helper()
	p := u.read()
	var m serverMessage
	if err := json.Unmarshal([]byte(p), &m); err != nil || m.Type != typ {
		u.t.Fatalf("got %s, want %s", p, typ)
	}
	return m
}

// silence fails if a message comes within d, which is time of the bubble.
func (u *ua) silence(why string, d time.Duration) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), d)
	defer cancel()
	if _, p, err := u.c.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
		u.t.Fatalf("%s: got %q, %v", why, p, err)
	}
}

// wantClose waits for the service to end the connection.
func (u *ua) wantClose(code frame.Code, reason string) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), time.Minute)
	defer cancel()
	_, p, err := u.c.Read(ctx)
	var ce *pushwire.CloseError
	if !errors.As(err, &ce) || ce.Code != code || !strings.Contains(ce.Reason, reason) {
		u.t.Fatalf("got %q, %v; want the close code %v with %q", p, err, code, reason)
	}
}

const channel1, channel2 = "5d3a0b44-8f7c-4b5a-9d7e-0123456789ab", "5D3A0B44-8F7C-4B5A-9D7E-0123456789AC"

func (u *ua) register(channel, key string) string {
	u.t.Helper()
	u.send(`{"messageType":"register","channelID":"` + channel + `","key":"` + key + `"}`)
	m := u.want(typeRegister)
	if m.Status != 200 || m.ChannelID != channel || !strings.HasPrefix(m.Endpoint, testOrigin+pathPush) {
		u.t.Fatalf("register was answered with %+v", m)
	}
	return m.Endpoint
}

func (u *ua) ack(m serverMessage, code AckCode) {
	u.t.Helper()
	u.send(fmt.Sprintf(`{"messageType":"ack","updates":[{"channelID":%q,"version":%q,"code":%d}]}`, m.ChannelID, m.Version, code))
}

func (u *ua) gone() {
	u.t.Helper()
	u.c.CloseNow()
	synctest.Wait()
}
