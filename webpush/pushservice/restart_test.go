package pushservice

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire/internal/leftout"
)

// What a service was told before it ended is known to the next one on the same
// store: subscriptions, keys, messages in their order, receipts, and what is
// gone.
func TestServiceGoesOnWithItsStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	memory := &Memory{}
	for name, open := range map[string]func(t *testing.T) Store{
		"Memory": func(*testing.T) Store { return memory },
		"File": func(t *testing.T) Store {
			f, err := OpenFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return f
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := New(&Options{Store: open(t)})
				if err != nil {
					t.Fatal(err)
				}
				u, uaid := hello(t, s, "")
				push := u.register(channel1, "")
				_, public := newSigner(t)
				_, restricted, _ := links(t, want(t, s, 201, "POST", pathSubscribe, `{"vapid":"`+public+`"}`, "Content-Type", "application/webpush-options+json"))
				goneSub, gone, _ := subscribed(t, s)
				want(t, s, 204, "DELETE", goneSub, "")
				for _, body := range []string{"1", "2", "3"} {
					want(t, s, 201, "POST", push, body, "TTL", "1000")
					time.Sleep(time.Millisecond)
					if m := u.want(typeOfMessage); body == "2" {
						u.ack(m, AckDelivered)
					}
				}
				res := want(t, s, 202, "POST", push, "receipt", "Prefer", "respond-async", "TTL", "1000")
				set, _ := link(res.Header, relReceipt)
				u.ack(u.want(typeOfMessage), AckDelivered)
				want(t, s, 201, "POST", push, "4", "TTL", "5")
				u.want(typeOfMessage)
				synctest.Wait()
				before := s.Stats()
				shutdown(t, s)
				u.wantClose(1001, "")
				want(t, s, 503, "POST", push, "x")
				want(t, s, 503, "POST", pathSubscribe, "")

				time.Sleep(10 * time.Second)
				s = newService(t, &Options{Store: open(t)})
				synctest.Wait()
				after := s.Stats()
				before.Connected, after.Connected = 0, 0
				before.Messages, before.Bytes = before.Messages-1, before.Bytes-1-messageCost // "4" expired
				if d := cmp.Diff(before, after); d != "" {
					t.Errorf("(-before +after):\n%s", d)
				}
				want(t, s, 410, "POST", gone, "x")
				want(t, s, 401, "POST", restricted, "x")
				if got := receipts(t, want(t, s, 200, "GET", set, "")); len(got.list) != 1 || got.list[0].Status != 204 {
					t.Errorf("receipts: %+v", got)
				}
				u, again := hello(t, s, uaid)
				if again != uaid {
					t.Errorf("the user agent is %s now", again)
				}
				for _, wanted := range []string{"1", "3"} {
					m := u.want(typeOfMessage)
					if got, _ := base64.RawURLEncoding.DecodeString(m.Data); string(got) != wanted {
						t.Errorf("got %q, want %q", got, wanted)
					}
					u.ack(m, AckDelivered)
				}
				u.silence("that was all", time.Second)
				want(t, s, 201, "POST", push, "new")
				u.want(typeOfMessage)
			})
		})
	}
}

const crashEnv = "PUSHSERVICE_TEST_CRASH"

// A process that is killed while it takes messages loses none that it said it
// has.
func TestKilledProcess(t *testing.T) {
	if path := os.Getenv(crashEnv); path != "" {
		crashing(t, path)
		return
	}
	if testing.Short() {
		leftout.Skip(t, "a process that is killed and started again, by -short")
	}
	path := filepath.Join(t.TempDir(), "store")
	confirmed := make(map[string]bool)
	for range 4 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledProcess$")
		cmd.Env = append(os.Environ(), crashEnv+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		n := 0
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if id, ok := strings.CutPrefix(lines.Text(), "kept "); ok {
				confirmed[id] = true
				if n++; n == 50 {
					cmd.Process.Kill()
				}
			}
		}
		cmd.Wait()
		if n < 50 {
			t.Fatalf("the process ended by itself after %d messages", n)
		}
	}
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := newService(t, &Options{Store: f})
	for id := range confirmed {
		want(t, s, 200, "GET", id, "")
	}
	t.Logf("%d messages were confirmed and are there, %d bytes of unfinished writes were cut off", len(confirmed), f.Torn())
}

// crashing takes messages until it is killed.
func crashing(t *testing.T, path string) {
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(&Options{Store: f, Rate: -1, Burst: -1, MaxMessages: -1})
	if err != nil {
		t.Fatal(err)
	}
	_, push, _ := subscribed(t, s)
	for i := range 4 {
		go func() {
			for {
				res := do(t, s, "POST", push, strings.Repeat(fmt.Sprint(i), 1000), "TTL", "100000")
				if res.StatusCode == 201 {
					fmt.Println("kept " + res.Header.Get("Location"))
				}
			}
		}()
	}
	time.Sleep(time.Minute)
}

// Messages that expired while no service was there are removed once all is
// loaded, and not while it is: on the real clock, because that of synctest
// stands still until loading is over.
func TestNothingExpiresWhileAServiceLoads(t *testing.T) {
	const messages = 3000
	now := time.Now()
	changes := []Change{
		put(KindAgent, "a", agentRecord{ID: "a", Seen: now}),
		put(KindSubscription, "s", subscriptionRecord{ID: "s", Push: "p", Agent: "a", Channel: "s", Created: now}),
	}
	for i := range messages {
		id := fmt.Sprint("m", i)
		changes = append(changes, put(KindMessage, id, messageRecord{ID: id, Sub: "s", Created: now.Add(-time.Hour), Expires: now.Add(-time.Minute)}))
	}
	store := &Memory{}
	if err := store.Apply(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	s, err := New(&Options{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	for s.Stats().Messages > 0 {
		time.Sleep(time.Millisecond)
		if time.Since(now) > 20*time.Second {
			t.Fatalf("%d messages are still there", s.Stats().Messages)
		}
	}
	if _, err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
