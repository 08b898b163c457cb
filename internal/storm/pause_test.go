package storm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/httpstream"
)

// A server that does not run for a while, as one on a machine that sleeps,
// finds that its clock has jumped: all its times are over at once, and its
// clients have left or are about to. Who follows its topic has every item
// afterwards, and it takes new connections at once.
func TestServerWhoseClockJumps(t *testing.T) {
	if !canLimit {
		t.Log("left out: processes can't be stopped on this system")
		return
	}
	const items, pause = 30, 4 * time.Second // longer than any time of hasty but WriteTimeout
	c := startChild(t, "0 gate")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for i, tr := range []httpstream.Transport{
		httpstream.TransportSocket, httpstream.TransportEventStream, httpstream.TransportStream, httpstream.TransportLongPoll, httpstream.TransportShortPoll,
	} {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			rnd := rand.New(rand.NewPCG(*seed, uint64(i)))
			next, lost := 0, 0
			for it, err := range httpstream.Follow(ctx, "http://"+c.web+"/topic", &httpstream.FollowOptions{
				Transports: []httpstream.Transport{tr}, HTTP: client, Dial: &pushwire.DialOptions{Config: hasty},
				Idle: 2 * time.Second, Setup: 2 * time.Second, Wait: time.Second, Interval: 100 * time.Millisecond,
				Backoff: func(int, time.Duration) time.Duration { return time.Duration(rnd.IntN(200)) * time.Millisecond },
				OnState: func(s httpstream.State) {
					if !s.Connected {
						lost++
					}
				},
			}) {
				if err != nil || string(it.Data) != string(itemData(next)) {
					t.Errorf("%v: item %d: got %.20q, %v", tr, next, it.Data, err)
					return
				}
				if next++; next == items {
					t.Logf("%v: all %d items, %d connections or attempts lost", tr, items, lost)
					return
				}
			}
		})
	}
	idle, _, err := pushwire.Dial(ctx, "ws://"+c.raw, &pushwire.DialOptions{Config: hasty})
	if err != nil {
		t.Fatal(err)
	}
	defer idle.CloseNow()
	idle.Discard(ctx)
	for i := range items {
		if i == items/2 {
			if err := hold(c.cmd.Process); err != nil {
				t.Fatal(err)
			}
			time.Sleep(pause)
			if err := goOn(c.cmd.Process); err != nil {
				t.Fatal(err)
			}
			if err := echoes(c.web); err != nil {
				t.Errorf("a new connection behind the pause: %v", err)
			}
		}
		if n, _ := strconv.Atoi(c.ask("item")); n != i+1 {
			t.Fatalf("item %d", n)
		}
		time.Sleep(10 * time.Millisecond)
	}
	all.Wait()
	select {
	case <-idle.Done():
		if code := pushwire.CodeOf(idle.Err()); code != 1006 {
			t.Errorf("the idle connection: %v", fmt.Errorf("%v: %w", code, idle.Err()))
		}
	default:
		t.Error("keepalive of the client did not notice that the server stood still")
	}
}
