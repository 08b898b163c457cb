package fuzz

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// What a script can do at most, so that one is over soon.
const (
	maxSteps     = 64
	maxClients   = 6
	maxFollowers = 6
	maxTime      = 10 * time.Minute
)

// recovery is the time after which every follower has to have everything: the
// longest pause between two attempts is 30 s, and slow ones have a log to
// read.
const recovery = 5 * time.Minute

// world is all that a script acts on.
type world struct {
	t    *testing.T
	news *topic.Log
	reg  *register
	bad  panics
	all  sync.WaitGroup // goroutines of clients, followers and shutdowns

	published uint64
	clients   []*rawClient
	followers []*follower
	watchers  []*watcher
	spent     time.Duration

	mu        sync.Mutex
	now       *server
	partition bool
	lines     []net.Conn // the followers' connections
}

func (w *world) dialNews(ctx context.Context, _, _ string) (net.Conn, error) {
	w.mu.Lock()
	l, down := w.now.plain, w.partition
	w.mu.Unlock()
	if down {
		return nil, errPartition
	}
	nc := l.connect()
	if nc == nil {
		return nil, errPartition
	}
	w.mu.Lock()
	w.lines = append(w.lines, nc)
	w.mu.Unlock()
	return nc, nil
}

func (w *world) cut() {
	w.mu.Lock()
	lines := w.lines
	w.lines = nil
	w.mu.Unlock()
	for _, nc := range lines {
		nc.Close()
	}
}

func (w *world) publish(n int) {
	for range n {
		seq := w.published + 1
		c, stored, err := w.news.Publish(context.Background(), topic.Publication{Data: []byte(itemData(seq)), Binary: seq%3 == 0})
		if _, got, serr := c.Split(); err != nil || serr != nil || !stored || got != seq {
			w.t.Fatalf("item %d: %q, %v, %v", seq, c, stored, err)
		}
		w.published = seq
	}
}

// sleep lets time go, within what a script has of it.
func (w *world) sleep(d time.Duration) {
	d = min(d, maxTime-w.spent)
	w.spent += d
	time.Sleep(d)
	synctest.Wait()
}

// client is the one that arg chooses, nil if there is none.
func (w *world) client(arg byte) *rawClient {
	if len(w.clients) == 0 {
		return nil
	}
	return w.clients[int(arg)%len(w.clients)]
}

func (w *world) follower(arg byte) *follower {
	if len(w.followers) == 0 {
		return nil
	}
	return w.followers[int(arg)%len(w.followers)]
}

// step does one step.
func (w *world) step(op, arg byte) {
	c := w.client(arg >> 5)
	switch op {
	case stepDial:
		if len(w.clients) < maxClients {
			l := w.now.plain
			if arg&1 != 0 {
				l = w.now.raw
			}
			if c := dialRaw(l, upgrade(arg&2 != 0), &w.all); c != nil {
				c.compressed = arg&2 != 0
				w.clients = append(w.clients, c)
			}
		}
		return
	case stepTime:
		unit := [4]time.Duration{time.Millisecond, 100 * time.Millisecond, time.Second, 5 * time.Second}[arg>>6]
		w.sleep(time.Duration(arg&63) * unit)
		return
	case stepPublish:
		w.publish(int(arg & 63))
		return
	case stepFollow:
		if len(w.followers) < maxFollowers {
			w.followers = append(w.followers, follow(w, httpstream.Transport(arg%byte(len(httpstream.Transports())+1))))
		}
		return
	case stepWatch:
		if len(w.watchers) < maxFollowers {
			if c := watch(w.now.plain, int(arg%watchKinds), &w.all); c != nil {
				w.watchers = append(w.watchers, c)
			}
		}
		return
	case stepLook:
		if len(w.watchers) > 0 {
			c := w.watchers[int(arg>>1)%len(w.watchers)]
			c.behaved = false // for good: the server may have given it up
			c.client.stall(arg&1 == 0)
		}
		return
	case stepCut:
		w.cut()
		return
	case stepPartition:
		w.mu.Lock()
		w.partition = !w.partition
		w.mu.Unlock()
		return
	case stepBroadcast:
		w.now.echoes.Broadcast(pushwire.Prepare(frame.Text, []byte(broadcastMark+strings.Repeat("y", int(arg)))))
		return
	case stepRestart:
		w.restart(arg&1 != 0)
		return
	case stepStop, stepSlow:
		if f := w.follower(arg); f != nil {
			f.mu.Lock()
			if op == stepStop {
				f.stopped = true
				f.stop()
			} else if f.slow == 0 {
				f.slow = time.Duration(1+arg>>4) * 200 * time.Millisecond
			} else {
				f.slow = 0
			}
			f.mu.Unlock()
		}
		return
	}
	if c == nil {
		return
	}
	switch op {
	case stepMessage:
		c.prepare(arg)
		c.send(len(c.wire))
	case stepReady:
		c.prepare(arg)
	case stepSend:
		c.send(1 + int(arg&31))
	case stepStall:
		if c.behaved = false; arg&1 == 0 {
			c.stall(true)
		} else {
			c.stall(false)
		}
	case stepReset:
		c.behaved = false
		c.nc.Close()
	case stepHalf:
		c.behaved = false
		c.nc.CloseWrite()
	case stepGarbage:
		c.behaved = false
		c.wire = append(c.wire, []string{"\x83\x80", "\x81\x01", "GET / HTTP/1.1\r\n\r\n", "\xff\xff\xff"}[arg&3]...)
	case stepPing:
		c.wire = append(c.wire, piece(true, 0x89, fmt.Sprint(arg))...)
		c.send(len(c.wire))
	case stepClose:
		c.behaved = false
		c.wire = append(c.wire, piece(true, 0x88, "\x03\xe8")...)
		c.send(len(c.wire))
	}
}

// restart shuts the server down and starts another one, at once or when the
// first is gone.
func (w *world) restart(atOnce bool) {
	old := w.now
	for _, c := range w.clients {
		c.behaved = false
	}
	for _, c := range w.watchers {
		c.behaved = false
	}
	if !atOnce {
		old.stop(w.reg)
	}
	next := startServer(w.news, w.reg, &w.bad)
	w.mu.Lock()
	w.now = next
	w.mu.Unlock()
	if atOnce {
		w.all.Go(func() { old.stop(w.reg) })
	}
}

// play runs a script and then brings all to its end.
func play(t *testing.T, script []byte) {
	w := &world{t: t, news: &topic.Log{MaxItems: logItems}, reg: &register{ended: map[*pushwire.Conn][]error{}}}
	w.now = startServer(w.news, w.reg, &w.bad)
	for i := 0; i+1 < len(script) && i < 2*maxSteps; i += 2 {
		w.step(script[i]%steps, script[i+1])
		synctest.Wait()
	}
	for _, c := range w.clients {
		c.check(t)
	}
	for _, c := range w.watchers {
		c.check(t, w.published)
	}

	// All is well again.
	w.mu.Lock()
	w.partition = false
	w.mu.Unlock()
	for _, f := range w.followers {
		f.mu.Lock()
		f.slow = 0
		f.mu.Unlock()
	}
	w.publish(1)
	time.Sleep(recovery)
	synctest.Wait()
	for i, f := range w.followers {
		f.mu.Lock()
		if !f.stopped && f.last != w.published {
			t.Errorf("follower %d: has %d of %d items, over: %v", i, f.last, w.published, f.over)
		}
		f.stopped = true
		f.mu.Unlock()
		f.stop()
	}
	for _, c := range w.watchers {
		c.client.stall(false)
		synctest.Wait()
		c.check(t, w.published)
		c.behaved = false
	}
	for _, c := range w.clients {
		c.stall(false)
	}
	w.now.stop(w.reg)
	for _, c := range w.clients {
		c.nc.Close()
	}
	for _, c := range w.watchers {
		c.client.nc.Close()
		c.check(t, w.published)
	}
	w.cut()
	w.all.Wait()
	time.Sleep(time.Minute) // the last of what lingers: now the bubble has to be empty
	synctest.Wait()
	for i, f := range w.followers {
		if f.wrong != "" {
			t.Errorf("follower %d: %s", i, f.wrong)
		}
	}
	w.checkEnds()
}

// checkEnds holds that each of the server's connections has ended, once and
// with a cause, and answers every call.
func (w *world) checkEnds() {
	t := w.t
	for _, s := range append(w.bad.seen, w.reg.wrong...) {
		t.Error(s)
	}
	for _, c := range w.reg.conns {
		var ce *pushwire.CloseError
		err := c.Err()
		if !errors.As(err, &ce) || ce.Code == 0 || !errors.Is(err, net.ErrClosed) || pushwire.CodeOf(err) != ce.Code {
			t.Errorf("a connection ended with %v", err)
		}
		if cause := context.Cause(c.Context()); cause != err {
			t.Errorf("the cause of the context is %v, of the connection %v", cause, err)
		}
		if all := w.reg.ended[c]; len(all) != 1 || all[0] != err {
			t.Errorf("Trace.Ended was called with %v, the connection ended with %v", all, err)
		}
		// A lock that somebody has kept would stop these for ever.
		c.Stats()
		if werr := c.Write(context.Background(), frame.Text, nil); werr != err {
			t.Errorf("Write after the end: %v, want %v", werr, err)
		}
		var rerr error
		for n := 0; rerr == nil && n < 1000; n++ { // what Close has kept comes first
			_, _, rerr = c.Read(context.Background())
		}
		if rerr != err {
			t.Errorf("Read after the end: %v, want %v", rerr, err)
		}
		if cerr := c.Close(frame.CodeNormal, ""); cerr != err {
			t.Errorf("Close after the end: %v, want %v", cerr, err)
		}
	}
	b, err := w.news.Bounds(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, head, _ := b.Head.Split(); head != w.published || b.Items != int(min(w.published, logItems)) {
		t.Errorf("%d items were published, the log says %+v", w.published, b)
	}
	w.news.Close()
}
