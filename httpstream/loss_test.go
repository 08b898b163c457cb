package httpstream_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/httpstream"
)

// A client that changes between polls and streams at random, and is cut off at
// random, has each item once and in order, while items are published.
func TestNothingIsLostBetweenPollsAndStreams(t *testing.T) {
	const items = 3000
	for seed := range int64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewSource(seed))
				log, _, short := filled(t, 0)
				b := bubbled[int(seed)%len(bubbled)].inBubble(httpstream.Handler(log, &httpstream.Options{MaxItems: 1 + rnd.Intn(50), MaxBytes: 1 + rnd.Intn(4000)}), nil)
				defer b.close()
				pauses := rand.New(rand.NewSource(seed + 100))
				go func() {
					for i := 1; i <= items; i++ {
						fill(log, i, i)
						if pauses.Intn(3) == 0 {
							time.Sleep(time.Duration(pauses.Intn(100)) * time.Millisecond)
						}
					}
				}()
				c := &taker{t: t, b: b, short: short}
				for c.seq < items {
					if c.rounds++; c.rounds > 100*items {
						t.Fatal("no progress")
					}
					switch rnd.Intn(3) {
					case 0:
						c.poll("")
					case 1:
						c.poll("&wait=1")
					case 2:
						c.stream(time.Duration(rnd.Intn(300))*time.Millisecond, rnd.Intn(60))
					}
				}
			})
		})
	}
}

// taker counts what it gets.
type taker struct {
	t      *testing.T
	b      *bubble
	short  func(string) string
	cursor string
	seq    int
	rounds int
}

func (c *taker) item(cursor, data string) {
	c.t.Helper()
	c.seq++
	if want := fmt.Sprintf("E-%d", c.seq); c.short(cursor) != want || data != itoa(c.seq) {
		c.t.Fatalf("item %s with %q, want %s", c.short(cursor), data, want)
	}
	c.cursor = cursor
}

func (c *taker) poll(query string) {
	c.t.Helper()
	a := ask(c.t, c.b.Client, "GET "+site+"?after="+c.cursor+query, "")
	switch a.status {
	case http.StatusOK:
		var body struct {
			Items  []struct{ Cursor, Data string }
			Cursor string
		}
		if err := json.Unmarshal([]byte(a.body), &body); err != nil {
			c.t.Fatal(err)
		}
		for _, it := range body.Items {
			c.item(it.Cursor, it.Data)
		}
		if body.Cursor != c.cursor {
			c.t.Fatalf("cursor %s behind %s", body.Cursor, c.cursor)
		}
	case http.StatusNoContent:
		c.cursor = a.header.Get("Pushwire-Cursor")
		if want := fmt.Sprintf("E-%d", c.seq); c.short(c.cursor) != want {
			c.t.Fatalf("nothing behind %s, want %s", c.short(c.cursor), want)
		}
	default:
		c.t.Fatal(a)
	}
}

// stream reads at most n lines and is cut off after a time.
func (c *taker) stream(d time.Duration, n int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), d)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", site+"?after="+c.cursor, nil)
	req.Header.Set("Accept", acceptLines)
	res, err := c.b.Do(req)
	if err != nil {
		return
	}
	defer res.Body.Close()
	r := bufio.NewReader(res.Body)
	for range n {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return // what is left has no end and does not count
		}
		var it struct {
			Cursor string
			Data   *string
		}
		if err := json.Unmarshal(line, &it); err != nil {
			c.t.Fatalf("%s: %v", line, err)
		}
		if it.Data != nil {
			c.item(it.Cursor, *it.Data)
		} else if c.cursor = it.Cursor; c.short(it.Cursor) != fmt.Sprintf("E-%d", c.seq) {
			c.t.Fatalf("at %s behind item %d", it.Cursor, c.seq)
		}
	}
}
