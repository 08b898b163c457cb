package pushservice

// One concern, a user agent's connection, in one file: the user agent at the top
// is what all of its conversations are written with.

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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

// One day in the life of a user agent.
func TestAgentGetsItsMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var acks []Ack
		var made []string
		s := newService(t, &Options{Trace: &Trace{
			Acked:      func(a Ack) { acks = append(acks, a) },
			Subscribed: func(agent, endpoint string) { made = append(made, agent+" "+endpoint) },
		}})
		u, uaid := hello(t, s, "")
		push := u.register(channel1, "")
		if again := u.register(channel1, ""); again != push {
			t.Errorf("registering again gave %s, want %s", again, push)
		}
		if d := cmp.Diff([]string{uaid + " " + push}, made); d != "" {
			t.Errorf("new subscriptions (-want +got):\n%s", d)
		}
		loc := want(t, s, 201, "POST", push, "\x00body", "Content-Encoding", "aes128gcm", "Urgency", "high", "Topic", "t").Header.Get("Location")
		m := u.want(typeOfMessage)
		ttl := int64(60)
		wanted := serverMessage{
			Type: typeOfMessage, ChannelID: channel1, Version: strings.TrimPrefix(loc, testOrigin+pathMessage), TTL: &ttl,
			Data: base64.RawURLEncoding.EncodeToString([]byte("\x00body")), Headers: &serverHeaders{Encoding: "aes128gcm"},
		}
		if d := cmp.Diff(wanted, m); d != "" {
			t.Errorf("the notification (-want +got):\n%s", d)
		}
		u.silence("it was sent once", time.Minute-time.Second)
		u.ack(m, AckDelivered)
		synctest.Wait()
		if n := s.Stats().Messages; n != 0 {
			t.Errorf("%d messages wait after the acknowledgement", n)
		}
		// A message without a body has neither data nor headers.
		want(t, s, 201, "POST", push, "")
		if m = u.want(typeOfMessage); m.Data != "" || m.Headers != nil {
			t.Errorf("an empty message is %+v", m)
		}
		u.ack(m, AckUndecryptable)
		// aesgcm, and what of it goes on (RFC 8292, 4.2).
		want(t, s, 201, "POST", push, "x", "Content-Encoding", "aesgcm", "Encryption", "keyid=p256dh;salt=abc", "Crypto-Key", "keyid=p256dh;dh=def, p256ecdsa=ghi")
		m = u.want(typeOfMessage)
		if d := cmp.Diff(&serverHeaders{Encoding: "aesgcm", Encryption: "salt=abc", CryptoKey: "dh=def"}, m.Headers); d != "" {
			t.Errorf("aesgcm (-want +got):\n%s", d)
		}
		u.ack(m, AckNotDelivered)
		synctest.Wait()
		var codes []AckCode
		for _, a := range acks {
			if a.Agent != uaid {
				t.Errorf("%+v is of another user agent", a)
			}
			codes = append(codes, a.Code)
		}
		if d := cmp.Diff([]AckCode{100, 101, 102}, codes); d != "" {
			t.Errorf("acknowledgements (-want +got):\n%s", d)
		}
		u.send(`{"messageType":"unregister","channelID":"` + channel1 + `","code":200}`)
		if m := u.want(typeUnregister); m.Status != 200 || m.ChannelID != channel1 {
			t.Errorf("unregister was answered with %+v", m)
		}
		want(t, s, 410, "POST", push, "x")
		u.send(`{"messageType":"unregister","channelID":"` + channel2 + `"}`) // never there
		if m := u.want(typeUnregister); m.Status != 200 {
			t.Errorf("unregister was answered with %+v", m)
		}
		u.send(`{}`)
		if p := u.read(); p != "{}" {
			t.Errorf("the ping was answered with %s", p)
		}
		u.gone()
		if st := s.Stats(); st.Agents != 0 {
			t.Errorf("a user agent without a subscription is kept: %+v", st)
		}
	})
}

// Nothing comes before the answer to hello, be it a message or a broadcast:
// user agents drop what they do not expect.
func TestNothingBeforeHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		u, uaid := hello(t, s, "")
		push := u.register(channel1, "")
		u.gone()
		want(t, s, 201, "POST", push, "1")
		client, server := pushwire.Pipe(&pushwire.Config{Ping: -1})
		u = &ua{t, s, client}
		sess := &session{s: s, c: server, agent: nil, inflight: make(map[string]time.Time)}
		if err := sess.enter(uaid); err != nil {
			t.Fatal(err)
		}
		want(t, s, 201, "POST", push, "2")
		sess.wake()
		if err := s.Broadcast("a", "1"); err != nil {
			t.Fatal(err)
		}
		u.silence("the hello is not answered yet", time.Second)
		if sess.greet(t.Context(), map[string]string{"a": "0"}) != nil {
			t.Fatal("hello was not answered")
		}
		if m := u.want(typeHello); m.Broadcasts["a"] != "1" {
			t.Errorf("hello was answered with %+v", m)
		}
		u.want(typeOfMessage)
		u.want(typeOfMessage)
		sess.end()
		client.CloseNow()
		server.CloseNow()
	})
}

// What is not acknowledged comes again on the next connection, in order, until
// it expires; what was sent meanwhile comes too.
func TestMessagesSurviveAReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		u, uaid := hello(t, s, "")
		push := u.register(channel1, "")
		for _, body := range []string{"1", "2", "3"} {
			want(t, s, 201, "POST", push, body)
			m := u.want(typeOfMessage)
			if body == "2" {
				u.ack(m, AckDelivered)
			}
			if body == "3" {
				u.send(`{"messageType":"nack","version":"` + m.Version + `","code":301}`)
			}
		}
		synctest.Wait()
		u.gone()
		want(t, s, 201, "POST", push, "4")
		want(t, s, 201, "POST", push, "5", "TTL", "5")
		want(t, s, 201, "POST", push, "6", "TTL", "0") // nobody is there
		time.Sleep(10 * time.Second)
		u, again := hello(t, s, uaid)
		if again != uaid {
			t.Fatalf("the user agent is %s now", again)
		}
		for _, wanted := range []string{"1", "3", "4"} {
			m := u.want(typeOfMessage)
			if got, _ := base64.RawURLEncoding.DecodeString(m.Data); string(got) != wanted {
				t.Fatalf("got %q, want %q", got, wanted)
			}
			u.ack(m, AckDelivered)
		}
		u.silence("nothing else waits", time.Second)
		u.gone()
		u, _ = hello(t, s, uaid)
		u.silence("all were acknowledged", time.Second)
		want(t, s, 201, "POST", push, "7", "TTL", "0")
		u.want(typeOfMessage)
		u.gone()
		if n := s.Stats().Messages; n != 0 {
			t.Errorf("TTL 0 outlived its connection: %d messages", n)
		}
		u, _ = hello(t, s, uaid)
		u.silence("TTL 0 is sent once", time.Second)
	})
}

// A connection ends that leaves a message without acknowledgement; a message
// is given up that no connection survives.
func TestUnresponsiveAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, &Options{AckTimeout: time.Minute, MaxAttempts: 2})
		u, uaid := hello(t, s, "")
		push := u.register(channel1, "")
		set, _ := link(want(t, s, 202, "POST", push, "1", "Prefer", "respond-async", "TTL", "1000").Header, relReceipt)
		m := u.want(typeOfMessage)
		time.Sleep(59 * time.Second)
		want(t, s, 201, "POST", push, "2", "TTL", "1000")
		second := u.want(typeOfMessage)
		u.ack(second, AckDelivered)
		time.Sleep(time.Second)
		u.wantClose(frame.CodeGoingAway, "not acknowledged")
		u, _ = hello(t, s, uaid)
		// Connections that end at once prove nothing.
		for range 5 {
			if again := u.want(typeOfMessage); again.Version != m.Version {
				t.Errorf("then came %+v", again)
			}
			u.gone()
			u, _ = hello(t, s, uaid)
		}
		u.want(typeOfMessage)
		time.Sleep(attemptTime)
		u.gone()
		u, _ = hello(t, s, uaid)
		u.silence("two attempts were made", time.Second)
		if got := receipts(t, want(t, s, 200, "GET", set, "")); len(got.list) != 1 || got.list[0].Status != 410 {
			t.Errorf("receipts: %+v", got)
		}
		// In time, it goes on for ever.
		for range 5 {
			want(t, s, 201, "POST", push, "x", "TTL", "1000")
			m := u.want(typeOfMessage)
			time.Sleep(59 * time.Second)
			u.ack(m, AckDelivered)
		}
		u.silence("all is well", 10*time.Minute)
	})
}

// A message that the user agent reports as failed keeps no connection waiting.
// It may still be acknowledged, comes again on the next connection, and is given
// up when it fails always.
func TestNack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var nacks []Ack
		s := newService(t, &Options{
			AckTimeout: time.Minute, MaxAttempts: 2, Rate: -1, Burst: -1,
			Trace: &Trace{Nacked: func(a Ack) { nacks = append(nacks, a) }},
		})
		nack := func(u *ua, m serverMessage, code int) {
			t.Helper()
			u.send(fmt.Sprintf(`{"messageType":"nack","version":%q,"code":%d}`, m.Version, code))
			synctest.Wait()
		}
		u, uaid := hello(t, s, "")
		push := u.register(channel1, "")
		send := func(body string) (receipts string) {
			t.Helper()
			receipts, _ = link(want(t, s, 202, "POST", push, body, "TTL", "100000", "Prefer", "respond-async").Header, relReceipt)
			return receipts
		}
		outcome := func(receipt string) int {
			t.Helper()
			res := do(t, s, "GET", receipt, "", "Prefer", "wait=0")
			if res.StatusCode == 204 {
				return 0
			}
			return receipts(t, res).list[0].Status
		}
		other, _ := hello(t, s, "")
		// As Firefox does it, the acknowledgement and a report, and the other
		// way round.
		for _, ackFirst := range []bool{true, false} {
			receipt := send("x")
			m := u.want(typeOfMessage)
			if ackFirst {
				u.ack(m, AckDelivered)
			}
			nack(other, m, 301) // not its message
			nack(u, m, 301)
			if !ackFirst {
				u.ack(m, AckDelivered)
			}
			synctest.Wait()
			if got := outcome(receipt); got != 204 {
				t.Errorf("acknowledged first: %v: the receipt says %d", ackFirst, got)
			}
		}
		// The report alone.
		receipt := send("y")
		m := u.want(typeOfMessage)
		for range 3 { // which is one attempt
			nack(u, m, 302)
		}
		u.silence("it was answered, and nothing is overdue", time.Hour)
		if got := outcome(receipt); got != 0 || s.Stats().Messages != 1 {
			t.Errorf("a report ended it: the receipt says %d", got)
		}
		u.gone()
		u, _ = hello(t, s, uaid)
		if again := u.want(typeOfMessage); again.Version != m.Version {
			t.Errorf("then came %+v", again)
		}
		nack(u, m, 7)
		u.gone()
		u, _ = hello(t, s, uaid)
		u.silence("two attempts were made", time.Second)
		if got := outcome(receipt); got != 410 {
			t.Errorf("the receipt says %d", got)
		}
		var got []string
		for _, a := range nacks {
			got = append(got, fmt.Sprint(a.Agent == uaid, a.Code))
		}
		if d := cmp.Diff([]string{
			"false 301", "true 301", "false 301", "true 301", "true 302", "true 302", "true 302", "true 0",
		}, got); d != "" {
			t.Errorf("reports (-want +got):\n%s", d)
		}
		// A full window of failures lets the next message come.
		for range window + 1 {
			want(t, s, 201, "POST", push, "z")
		}
		for range window {
			m = u.want(typeOfMessage)
		}
		u.silence("the window is full", time.Second)
		nack(u, m, 303)
		u.want(typeOfMessage)
	})
}

// At most window messages are in flight; the rest follows the
// acknowledgements.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, &Options{Rate: -1, Burst: -1, AckTimeout: -1})
		u, _ := hello(t, s, "")
		push := u.register(channel1, "")
		const n = 2*window + 10
		for i := range n {
			want(t, s, 201, "POST", push, fmt.Sprint(i))
		}
		var held []serverMessage
		for range window {
			held = append(held, u.want(typeOfMessage))
		}
		u.silence("the window is full", time.Second)
		for i := window; i < n; i++ {
			u.ack(held[i-window], AckDelivered)
			m := u.want(typeOfMessage)
			if got, _ := base64.RawURLEncoding.DecodeString(m.Data); string(got) != fmt.Sprint(i) {
				t.Fatalf("got %q, want %d", got, i)
			}
			held = append(held, m)
		}
	})
}

// Messages that are over, in whatever way, leave their places in the window to
// others without a word of the user agent.
func TestWindowOfWhatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, &Options{Rate: -1, Burst: -1, AckTimeout: -1})
		u, _ := hello(t, s, "")
		push := u.register(channel1, "")
		first := want(t, s, 201, "POST", push, "acknowledged by HTTP", "TTL", "100000").Header.Get("Location")
		for range window - 1 {
			want(t, s, 201, "POST", push, "expires", "TTL", "60")
		}
		for i := range 3 {
			want(t, s, 201, "POST", push, fmt.Sprint(i), "TTL", "100000")
		}
		for range window {
			u.want(typeOfMessage)
		}
		u.silence("the window is full", time.Second)
		next := func(wanted string) {
			t.Helper()
			if got, _ := base64.RawURLEncoding.DecodeString(u.want(typeOfMessage).Data); string(got) != wanted {
				t.Errorf("got %q, want %q", got, wanted)
			}
		}
		want(t, s, 204, "DELETE", first, "")
		next("0")
		time.Sleep(time.Minute)
		next("1")
		next("2")
	})
}

// A second connection of the same user agent takes over; another's uaid that is
// not known gets a new one; acknowledgements count for one's own messages only.
func TestAgentsAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		u, uaid := hello(t, s, "")
		push := u.register(channel1, "")
		other, otherID := hello(t, s, "00000000000000000000000000000000")
		if otherID == uaid || otherID == "00000000000000000000000000000000" {
			t.Errorf("the other one is %s", otherID)
		}
		otherPush := other.register(channel1, "") // channels are the user agent's own
		if otherPush == push {
			t.Error("both have the same push resource")
		}
		want(t, s, 201, "POST", push, "x")
		m := u.want(typeOfMessage)
		other.ack(m, AckDelivered)
		other.silence("a message of somebody else", time.Second)
		if n := s.Stats().Messages; n != 1 {
			t.Errorf("another user agent's acknowledgement counted: %d messages", n)
		}
		second, _ := hello(t, s, uaid)
		u.wantClose(frame.CodePolicy, "took over")
		synctest.Wait()
		if again := second.want(typeOfMessage); again.Version != m.Version {
			t.Errorf("the new connection got %+v", again)
		}
		second.ack(m, AckDelivered)
		want(t, s, 201, "POST", push, "y")
		second.want(typeOfMessage)
	})
}

func TestRestrictedRegister(t *testing.T) {
	s := newService(t, &Options{MaxSubscriptions: 2})
	u, _ := hello(t, s, "")
	_, key := newSigner(t)
	push := u.register(channel1, key)
	if again := u.register(channel1, key+"="); again != push {
		t.Errorf("the same key, padded, gave another subscription")
	}
	_, otherKey := newSigner(t)
	for _, row := range []struct {
		channel, key string
		status       int
	}{
		{channel1, otherKey, 409}, {channel1, "", 409}, {channel2, "", 200}, {strings.Replace(channel1, "5d", "00", 1), "", 500},
	} {
		u.send(`{"messageType":"register","channelID":"` + row.channel + `","key":"` + row.key + `"}`)
		if m := u.want(typeRegister); m.Status != row.status || (m.Endpoint != "") != (row.status == 200) || m.ChannelID != row.channel {
			t.Errorf("%s: answered with %+v", row.key, m)
		}
	}
	want(t, s, 401, "POST", push, "x")
}

// Whoever does not keep to the protocol is closed with 1008 and a reason.
func TestBreaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		for _, row := range []struct{ first, then, reason string }{
			{`{"messageType":"register","channelID":"` + channel1 + `"}`, "", "hello"},
			{`{}`, "", "hello"},
			{`[]`, "", "JSON"},
			{`{"messageType":1}`, "", "messageType"},
			{"", `{"messageType":"hello"}`, "once"},
			{"", `{"messageType":"what"}`, "what"},
			{"", `{"messageType":"register"}`, "channelID"},
			{"", `{"messageType":"register","channelID":"x"}`, "UUID"},
			{"", `{"messageType":"register","channelID":"` + channel1 + `","key":"AAAA"}`, "P-256"},
			{"", `{"messageType":"ack"}`, "updates"},
			{"", `{"messageType":"ack","updates":[{"version":"x"}]}`, "update"},
			{"", `{"messageType":"nack","code":301}`, "version"},
			{"", `{"messageType":"nack","version":"` + strings.Repeat("v", 65) + `"}`, "version"},
			{"", `{"broadcasts":{"` + strings.Repeat("b", 257) + `":"1"}}`, "broadcast"},
			{"", strings.Repeat("é", 1) + `{}`, "JSON"},
		} {
			var u *ua
			if row.first != "" {
				u = connect(t, s)
				u.send(row.first)
			} else {
				u, _ = hello(t, s, "")
				u.send(row.then)
			}
			u.wantClose(frame.CodePolicy, row.reason)
		}
		u := connect(t, s)
		begin := time.Now()
		u.wantClose(frame.CodePolicy, "hello")
		if d := time.Since(begin); d != helloTimeout {
			t.Errorf("without a hello it took %v", d)
		}
	})
}

func TestBroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(s.Broadcast("a", "1"))
		must(s.Broadcast("b", "1"))
		u := connect(t, s)
		u.send(`{"messageType":"hello","use_webpush":true,"broadcasts":{"a":"0","b":"1","c":"7"}}`)
		if d := cmp.Diff(map[string]string{"a": "1"}, u.want(typeHello).Broadcasts); d != "" {
			t.Errorf("hello (-want +got):\n%s", d)
		}
		must(s.Broadcast("c", "8"))
		must(s.Broadcast("d", "1")) // nobody follows it
		if d := cmp.Diff(map[string]string{"c": "8"}, u.want(typeOfBroadcast).Broadcasts); d != "" {
			t.Errorf("c (-want +got):\n%s", d)
		}
		u.send(`{"messageType":"broadcast_subscribe","broadcasts":{"d":"0"}}`)
		if d := cmp.Diff(map[string]string{"d": "1"}, u.want(typeOfBroadcast).Broadcasts); d != "" {
			t.Errorf("d (-want +got):\n%s", d)
		}
		u.gone()
		if n := len(s.broadcasts.by); n != 0 {
			t.Errorf("%d broadcasts are still followed", n)
		}
		if s.Broadcast("", "1") == nil || s.Broadcast(strings.Repeat("x", 300), "1") == nil || s.Broadcast("e", strings.Repeat("x", 300)) == nil {
			t.Error("broadcasts out of bounds are taken")
		}
	})
}

// The opening handshake, over a socket: pages are refused, the subprotocol is
// agreed, and Shutdown closes with 1001.
func TestAgentHandshake(t *testing.T) {
	s := newService(t, nil)
	srv := serveOn(t, s)
	url := "ws" + strings.TrimPrefix(srv, "http") + "/"
	for origin, status := range map[string]int{
		"": 101, "ws://127.0.0.1": 101, "http://127.0.0.1": 403, "https://evil.example": 403, "null": 403, "HTTP://a": 403,
	} {
		o := &pushwire.DialOptions{Protocols: []string{Subprotocol}}
		if origin != "" {
			o.Header = map[string][]string{"Origin": {origin}}
		}
		c, res, err := pushwire.Dial(t.Context(), url, o)
		if res == nil || res.StatusCode != status {
			t.Errorf("Origin %q: %v, want %d", origin, err, status)
		}
		if c != nil {
			if c.Protocol() != Subprotocol {
				t.Errorf("Origin %q: subprotocol %q", origin, c.Protocol())
			}
			c.CloseNow()
		}
	}
	c, _, err := pushwire.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Write(t.Context(), frame.Text, []byte(`{"messageType":"hello"}`)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	go shutdown(t, s)
	if _, _, err := c.Read(t.Context()); pushwire.CodeOf(err) != frame.CodeGoingAway {
		t.Errorf("at the shutdown: %v", err)
	}
}

// A hook that panics ends its connection and not the process.
func TestHookPanics(t *testing.T) {
	s := newService(t, &Options{Trace: &Trace{Subscribed: func(_, _ string) { panic("a mistake of the application") }}})
	url := "ws" + strings.TrimPrefix(serveOn(t, s), "http") + "/"
	log.SetOutput(io.Discard) // of pushwire.Handler, which says so
	defer log.SetOutput(os.Stderr)
	c, _, err := pushwire.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []string{`{"messageType":"hello"}`, `{"messageType":"register","channelID":"` + channel1 + `"}`} {
		if err := c.Write(t.Context(), frame.Text, []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := c.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, p, err := c.Read(t.Context()); pushwire.CodeOf(err) != frame.CodeInternal {
		t.Errorf("got %q, %v", p, err)
	}
}
