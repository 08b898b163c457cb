package pushservice

import (
	"encoding/base64"
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
)

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
