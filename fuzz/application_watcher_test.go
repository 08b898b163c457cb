package fuzz

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/pushwire/pushwire/topic"
)

// A watcher reads the topic as bytes, over one connection and with no wits of
// its own: what Follow would set right, as a gap or an item that comes twice,
// it shows. It reads from the beginning of the log.
type watcher struct {
	kind    int
	behaved bool
	client  *rawClient
}

// The kinds of watchers.
const (
	watchEvents = iota
	watchLines
	watchSocket
	watchKinds
)

func watch(l *listener, kind int, all *sync.WaitGroup) *watcher {
	request := "GET /news HTTP/1.1\r\nHost: a\r\n"
	switch kind {
	case watchEvents:
		request += "Accept: text/event-stream\r\n\r\n"
	case watchLines:
		request += "Accept: application/x-ndjson\r\n\r\n"
	case watchSocket:
		request = strings.Replace(upgrade(false), "/echo", "/news", 1)
	}
	c := dialRaw(l, request, all)
	if c == nil {
		return nil
	}
	return &watcher{kind: kind, behaved: true, client: c}
}

// seen is one thing that a watcher was told.
type seen struct {
	cursor string
	item   bool
	reset  bool
	data   string
}

// read takes apart what came.
func (w *watcher) read(t *testing.T, got []byte) (all []seen) {
	if w.kind == watchSocket {
		v := judge(rules{message: 1 << 20, fragments: 1000}, afterHead(got))
		if v.fail != 0 {
			t.Errorf("the server's bytes end with %d: %q", v.fail, got)
		}
		for _, m := range v.messages {
			if m.text {
				all = append(all, fromJSON(t, m.data))
				continue
			}
			cursor, rest, _ := strings.Cut(m.data, "\n")
			_, data, _ := strings.Cut(rest, "\n")
			all = append(all, seen{cursor: cursor, item: true, data: data})
		}
		return all
	}
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(got)), nil)
	if err != nil {
		return nil // it was cut
	}
	body, _ := io.ReadAll(res.Body) // as far as it goes
	if res.StatusCode != http.StatusOK {
		return nil // 503, of a server that goes
	}
	if w.kind == watchEvents {
		for _, ev := range interpret(body) {
			all = append(all, seen{cursor: ev.id, item: ev.typ != "pushwire:reset", reset: ev.typ == "pushwire:reset", data: ev.data})
		}
		return all
	}
	for line := range strings.Lines(string(body)) {
		if strings.HasSuffix(line, "\n") {
			all = append(all, fromJSON(t, line))
		}
	}
	return all
}

func fromJSON(t *testing.T, s string) seen {
	var j itemJSON
	if err := json.Unmarshal([]byte(s), &j); err != nil {
		t.Errorf("%q: %v", s, err)
	}
	out := seen{cursor: j.Cursor, reset: j.Reset != nil}
	if j.Data != nil || j.Base64 != nil {
		out.item = true
		out.data = j.show(t).Data
	}
	return out
}

// check holds that it was told of each item once and in order, or of exactly
// what is gone; and of all that there is, if it reads and is connected.
func (w *watcher) check(t *testing.T, published uint64) {
	c := w.client
	c.mu.Lock()
	got, whole := bytes.Clone(c.got), w.behaved && c.behaved && !c.ended && !c.stalled
	c.mu.Unlock()
	var last uint64
	began := false
	for i, s := range w.read(t, got) {
		_, seq, err := topic.Cursor(s.cursor).Split()
		var wrong string
		switch {
		case err != nil:
			wrong = err.Error()
		case s.reset && began && seq <= last:
			wrong = fmt.Sprintf("told that items after %d are gone up to %d", last, seq)
		case s.item && began && seq != last+1:
			wrong = fmt.Sprintf("after %d comes %d", last, seq)
		case s.item && w.kind != watchEvents && s.data != itemData(seq):
			wrong = fmt.Sprintf("item %d holds %q", seq, s.data)
		case !s.item && !s.reset && began && seq != last:
			wrong = fmt.Sprintf("after %d it is said to be at %d", last, seq)
		}
		if wrong != "" {
			t.Errorf("watcher of kind %d, %d: %s: %q", w.kind, i, wrong, got)
			return
		}
		last, began = seq, true
	}
	if whole && last != published {
		t.Errorf("watcher of kind %d: has %d of %d items: %q", w.kind, last, published, got)
	}
}
