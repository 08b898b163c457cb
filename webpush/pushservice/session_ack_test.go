package pushservice

import (
	"encoding/base64"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire/frame"
)

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
