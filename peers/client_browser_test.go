package peers

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire/topic"
)

// quick makes the client as impatient as a test is.
func quick(more map[string]any) map[string]any {
	o := map[string]any{
		"patience": 500, "climb": 250, "backoff": 40, "maxBackoff": 400, "wait": 2000, "interval": 50, "idle": 2000,
	}
	for name, value := range more {
		o[name] = value
	}
	return o
}

// TestClientInBrowser follows topics in Chromium with the browser client.
func TestClientInBrowser(t *testing.T) {
	b := newBrowser(t)
	for _, name := range transports {
		t.Run(name, func(t *testing.T) { testTransportAlone(t, b, name) })
	}
	t.Run("falls back", func(t *testing.T) { testFallsBack(t, b) })
	t.Run("climbs", func(t *testing.T) { testClimbs(t, b) })
	t.Run("refused for good", func(t *testing.T) { testRefusedForGood(t, b) })
	t.Run("another origin", func(t *testing.T) { testAnotherOrigin(t, b) })
	t.Run("slow application", func(t *testing.T) { testSlowApplication(t, b) })
	t.Run("publishes once", func(t *testing.T) { testPublishesOnce(t, b) })
	t.Run("loses nothing", func(t *testing.T) { testLosesNothing(t, b) })
	t.Run("tells of what was lost", func(t *testing.T) { testTellsOfLoss(t, b) })
}

// mixed is an item of a kind that its number decides: of several types and
// lengths, text in several scripts with line ends in it, and binary.
func mixed(i int) topic.Publication {
	p := topic.Publication{Data: fmt.Appendf(nil, "item %d", i)}
	switch i % 7 {
	case 1:
		p.Type, p.Data = "greeting", fmt.Appendf(nil, "Grüße,\nκόσμε\n\n %d 😀", i)
	case 2:
		p.Binary, p.Data = true, []byte{0, 10, byte(i), 255, '\n', 128}
	case 3:
		p.Type, p.Binary, p.Data = "some bytes", true, []byte(strings.Repeat("\x00\xfe\n", i%5000))
	case 4:
		p.Data = nil
	case 5:
		p.Data = []byte(strings.Repeat("0123456789", i%3000) + " " + strconv.Itoa(i))
	}
	return p
}

func seenAs(c topic.Cursor, p topic.Publication) followedItem {
	f := followedItem{Cursor: string(c), Type: p.Type, Data: string(p.Data), Binary: p.Binary}
	if f.Type == "" {
		f.Type = "message"
	}
	if p.Binary {
		f.Data = base64.StdEncoding.EncodeToString(p.Data)
	}
	return f
}

// testTransportAlone: 10,000 items over one transport, those that were there
// before and those that come later, with the connections cut and servers killed
// between.
func testTransportAlone(t *testing.T, b *browser, name string) {
	const before, various, n = 300, 1000, 10_000
	s := newTopicSite(t)
	s.log.MaxItems, s.log.MaxBytes = 2*n, 256<<20
	var want []followedItem
	publish := func(i int) {
		p := mixed(i)
		if i >= various {
			p = topic.Publication{Data: fmt.Appendf(nil, "item %d", i)}
		}
		c, _, err := s.log.Publish(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, seenAs(c, p))
	}
	for i := range before {
		publish(i)
	}
	s.open(t, b)
	b.follow(t, "f", quick(map[string]any{"transports": []string{name}}))
	b.until(t, "f", fmt.Sprintf("seen.items.length == %d", before))
	for i := before; i < n; i++ {
		publish(i)
		switch {
		case i%2500 == 2000:
			s.end()
			time.Sleep(30 * time.Millisecond) // it is away for a while
			s.start(t)
		case i%1000 == 100, i < various && i%250 == 100:
			s.cut(i%500 == 100 && i%2000 != 100)
		}
		if i < various && i%10 == 0 || i%40 == 0 {
			time.Sleep(2 * time.Millisecond) // the rate, not a wait for anything
		}
	}
	b.until(t, "f", fmt.Sprintf("seen.items.length >= %d", n))
	got := b.followed(t, "f")
	t.Logf("connected %d times", len(got.connected()))
	if d := cmp.Diff(want, got.Items); d != "" {
		t.Errorf("items (-want +got):\n%.3000s", d)
	}
	if used := slices.Compact(got.connected()); !slices.Equal(used, []string{name}) {
		t.Errorf("%q were in use", used)
	}
}

// testFallsBack: what a middle box does not let through is left, whatever it
// does to it.
func testFallsBack(t *testing.T, b *browser) {
	s := newTopicSite(t)
	first := s.log.Append("", []byte("first"))
	s.open(t, b)
	for box := range boxes {
		for best := 1; best < len(transports); best++ {
			s.let(best, box)
			b.follow(t, "f", quick(map[string]any{"climb": 60_000}))
			b.until(t, "f", "seen.items.length == 1")
			got := b.followed(t, "f")
			if used := slices.Compact(got.connected()); !slices.Equal(used, transports[best:best+1]) {
				t.Errorf("box %d: %q were in use, want %s", box, used, transports[best])
			}
			if d := cmp.Diff([]followedItem{{Cursor: string(first), Type: "message", Data: "first"}}, got.Items); d != "" {
				t.Errorf("box %d, %s: %s", box, transports[best], d)
			}
		}
	}
}

// testClimbs: each time that the middle box lets more through, the client goes
// there, while items keep coming.
func testClimbs(t *testing.T, b *browser) {
	s := newTopicSite(t)
	s.open(t, b)
	last := len(transports) - 1
	s.let(last, boxSilent)
	b.follow(t, "f", quick(nil))
	n := 0
	for best := last; best >= 0; best-- {
		s.let(best, boxSilent)
		for range 20 {
			s.log.Append("", []byte(strconv.Itoa(n)))
			n++
		}
		b.until(t, "f", fmt.Sprintf("seen.follower.transport == %q && seen.follower.state.connected", transports[best]))
	}
	b.until(t, "f", fmt.Sprintf("seen.items.length == %d", n))
	got := b.followed(t, "f")
	for i, item := range got.Items {
		if item.Data != strconv.Itoa(i) {
			t.Fatalf("item %d is %+v", i, item)
		}
	}
	used := slices.Compact(got.connected())
	down := slices.Clone(transports)
	slices.Reverse(down)
	if !slices.Equal(used, down) {
		t.Errorf("%q were in use, want %q", used, down)
	}
	for _, st := range got.States[slices.IndexFunc(got.States, func(st followedState) bool { return st.Connected }):] {
		if !st.Connected && !st.Ended {
			t.Errorf("it was not connected while it climbed: %+v", st)
			break
		}
	}
}

func testRefusedForGood(t *testing.T, b *browser) {
	s := newTopicSite(t)
	s.open(t, b)
	const js = `async ({ url, after }) => {
	  try {
	    for await (const item of pushwire.follow(url, { after })) return "an item: " + item.cursor;
	  } catch (err) {
	    return [err instanceof pushwire.PushwireError, err.status, err.token].join(" ");
	  }
	}`
	for _, tt := range []struct{ url, after, want string }{
		{"/topic", "no cursor at all", "true 400 bad_cursor"},
		{"/nowhere", "", "true 404 "},
	} {
		if got := eval[string](t, b, js, command{"url": tt.url, "after": tt.after}); got != tt.want {
			t.Errorf("%s after %q: %s, want %s", tt.url, tt.after, got, tt.want)
		}
	}
}

// testAnotherOrigin: a page follows and publishes elsewhere, where it is let,
// over every transport, and is told why where it is not.
func testAnotherOrigin(t *testing.T, b *browser) {
	s, page := newTopicSite(t), newTopicSite(t)
	first := s.log.Append("", []byte("first"))
	page.open(t, b)
	const js = `async ({ url, transport }) => {
	  const f = pushwire.follow(url, { transports: [transport], credentials: "include", after: "now", interval: 20 });
	  let asked = false;
	  const wait = setInterval(async () => {
	    if (asked || !f.state.connected) return;
	    asked = true;
	    await pushwire.publish(url, "over " + transport, { credentials: "include" });
	  }, 10);
	  try {
	    for await (const { data } of f) return data;
	  } catch (err) {
	    return [err.status, err.token].join(" ");
	  } finally {
	    clearInterval(wait);
	  }
	}`
	arg := func(transport string) command { return command{"url": s.url() + "topic", "transport": transport} }
	s.allow(t, page.url())
	for _, name := range transports {
		if got := eval[string](t, b, js, arg(name)); got != "over "+name {
			t.Errorf("%s: got %q", name, got)
		}
	}
	bounds, err := s.log.Bounds(t.Context())
	if want := topic.Cursor(strings.TrimSuffix(string(first), "-1") + "-6"); err != nil || bounds.Head != want {
		t.Errorf("the log ends at %s, %v; want %s", bounds.Head, err, want)
	}
}

// testSlowApplication: an application that takes its time over a socket does
// not make the page hold what it has not taken, and loses nothing.
func testSlowApplication(t *testing.T, b *browser) {
	const n = 6000
	s := newTopicSite(t)
	s.open(t, b)
	for i := range n {
		s.log.Append("", []byte(strconv.Itoa(i)))
	}
	const js = `async (n) => {
	  let i = 0, sockets = 0;
	  class Counted extends WebSocket {
	    constructor(url) {
	      super(url);
	      sockets++;
	    }
	  }
	  const f = pushwire.follow("/topic", { transports: ["websocket"], WebSocket: Counted });
	  for await (const { data } of f) {
	    if (data !== String(i)) return "item " + i + " is " + data;
	    if (i % 1500 == 0) await new Promise((resolve) => setTimeout(resolve, 300));
	    if (++i == n) break;
	  }
	  return sockets > 1 && sockets < 8 ? "" : sockets + " sockets";
	}`
	if got := eval[string](t, b, js, n); got != "" {
		t.Error(got)
	}
}

// testPublishesOnce: each of a page's items is stored once, though answers are
// lost.
func testPublishesOnce(t *testing.T, b *browser) {
	const n = 300
	s := newTopicSite(t)
	s.open(t, b)
	b.do(t, command{"cmd": "eval", "text": `async (n) => {
	  const cursors = [];
	  for (let i = 0; i < n; i++) {
	    const data = i % 3 ? "item " + i : new Uint8Array([0, i & 255, i >> 8]);
	    cursors.push((await pushwire.publish("/topic", data, { type: "of " + i, tries: 100, backoff: 5, timeout: 1000 })).cursor);
	  }
	  return cursors;
	}`, "arg": n})
	var cursors []string
	var buf [n + 10]topic.Item
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cursors = result[[]string](t, b)
	}()
	cuts := time.NewTicker(40 * time.Millisecond)
	defer cuts.Stop()
	for i := 0; ; i++ {
		select {
		case <-cuts.C:
			s.cut(i%2 == 0)
			continue
		case <-ended:
		}
		break
	}
	items, err := s.log.Read(t.Context(), "", buf[:0])
	if err != nil || len(items) != n || len(cursors) != n {
		t.Fatalf("%d items are stored, %d cursors came back, want %d; %v", len(items), len(cursors), n, err)
	}
	for i, item := range items {
		data := fmt.Sprint("item ", i)
		if i%3 == 0 {
			data = string([]byte{0, byte(i), byte(i >> 8)})
		}
		if string(item.Data) != data || item.Binary != (i%3 == 0) || item.Type != fmt.Sprint("of ", i) || string(item.Cursor) != cursors[i] {
			t.Errorf("item %d is %s %q of type %q, the page has %s", i, item.Cursor, item.Data, item.Type, cursors[i])
		}
	}
}

// turmoil is what happens to the site while n items are published: transports
// stop and begin to get through, connections are cut, servers are shut down,
// killed and started again. again is called between two lives.
func turmoil(t *testing.T, b *browser, s *topicSite, n int, publish func(i int), again func()) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const steps = 120
	for step := range steps {
		for i := step * n / steps; i < (step+1)*n/steps; i++ {
			publish(i)
		}
		// Whatever happens, each transport has its time.
		if step%12 == 0 {
			best := step / 12 % len(transports)
			s.let(best, random.IntN(boxes))
			s.cut(random.IntN(2) == 0)
			b.until(t, "f", fmt.Sprintf("seen.follower.transport == %q && seen.follower.state.connected", transports[best]))
		}
		switch random.IntN(12) {
		case 0, 1, 2:
			s.cut(random.IntN(2) == 0)
		case 3:
			s.end()
			time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond) // it is away for a while
			again()
			s.start(t)
		case 4:
			if random.IntN(3) == 0 {
				s.shutdown(t)
				again()
				s.start(t)
			}
		}
		time.Sleep(time.Duration(random.IntN(160)) * time.Millisecond) // the rate, not a wait for anything
	}
	s.let(0, 0)
}

// testLosesNothing: the servers come and go, the log stays. So nothing is lost,
// and nothing comes twice.
func testLosesNothing(t *testing.T, b *browser) {
	const n = 10_000
	s := newTopicSite(t)
	s.log.MaxItems, s.log.MaxBytes = 2*n, 256<<20
	s.open(t, b)
	b.follow(t, "f", quick(nil))
	var want []followedItem
	turmoil(t, b, s, n, func(i int) {
		p := mixed(i)
		c, _, err := s.log.Publish(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, seenAs(c, p))
	}, func() {})
	b.until(t, "f", fmt.Sprintf("seen.items.length >= %d", n))
	got := b.followed(t, "f")
	if !slices.Equal(want, got.Items) {
		t.Errorf("items (-want +got):\n%.3000s", cmp.Diff(want, got.Items))
	}
	allUsed(t, got)
}

// testTellsOfLoss: some servers come back without their log, and the log is
// short. What is missing is told, and only that is missing.
func testTellsOfLoss(t *testing.T, b *browser) {
	const n = 10_000
	s := newTopicSite(t)
	s.log.MaxItems = 150 // less than two steps of turmoil
	s.open(t, b)
	b.follow(t, "f", quick(nil))
	published := map[string]followedItem{}
	last := ""
	lives := 0
	turmoil(t, b, s, n, func(i int) {
		p := mixed(i)
		c, _, err := s.log.Publish(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		last = string(c)
		published[last] = seenAs(c, p)
	}, func() {
		// Not behind the last item: it is what the page is waited for with.
		if lives++; lives%3 == 0 && len(published) < n {
			s.log.Close()
			s.log = &topic.Log{MaxItems: 150}
		}
	})
	b.until(t, "f", fmt.Sprintf("seen.items.at(-1)?.cursor == %q", last))
	got := b.followed(t, "f")

	at, resets, items := "", 0, 0
	for i, item := range got.Items {
		if item.Type == "pushwire:reset" {
			var reset struct{ After, Oldest, Head string }
			if err := json.Unmarshal([]byte(item.Data), &reset); err != nil {
				t.Fatal(err)
			}
			if reset.After != at || reset.Oldest != item.Cursor {
				t.Errorf("after %s: %+v", at, item)
			}
			at = item.Cursor
			resets++
			continue
		}
		items++
		if item != published[item.Cursor] {
			t.Fatalf("item %d is %.200v, want %.200v", i, item, published[item.Cursor])
		}
		if at != "" && item.Cursor != next(t, at) {
			t.Fatalf("item %d: %s comes after %s, and no reset between", i, item.Cursor, at)
		}
		at = item.Cursor
	}
	t.Logf("%d items of %d, %d resets", items, n, resets)
	if resets == 0 || items == n {
		t.Errorf("%d items and %d resets: nothing was lost", items, resets)
	}
	allUsed(t, got)
}

// next is the cursor of the item that follows.
func next(t *testing.T, cursor string) string {
	t.Helper()
	epoch, seq, _ := strings.Cut(cursor, "-")
	n, err := strconv.ParseUint(seq, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(epoch, "-", n+1)
}

func allUsed(t *testing.T, f followed) {
	t.Helper()
	count := map[string]int{}
	for _, name := range f.connected() {
		count[name]++
	}
	t.Logf("connected: %v", count)
	if len(count) != len(transports) {
		t.Errorf("only %d of the transports were in use", len(count))
	}
}
