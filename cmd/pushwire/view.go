package main

import (
	"sync"
	"time"
)

const (
	viewsMax    = 256             // open pages; the one that was silent longest makes room
	viewActive  = 5 * time.Second // a page asks for its figures more often than that
	maxViewName = 64              // bytes
)

// transports are the names that the page and the tool have for them.
var transports = []string{"websocket", "eventstream", "stream", "longpoll", "shortpoll"}

// view is one open page.
type view struct {
	mu      sync.Mutex
	asked   time.Time
	refused map[string]bool     // transports that the server plays dead for
	panels  map[string]*spent   // by transport, and "auto"
	conns   map[*metered]string // that answer a request now, with their transport
}

// views are the open pages by the name that each has made up.
type views struct {
	mu  sync.Mutex
	all map[string]*view
}

// get returns the view of a name, which is made if it is new, and notes that
// its page is alive. It is nil for a name that no page makes up.
func (v *views) get(name string) *view {
	if name == "" || len(name) > maxViewName {
		return nil
	}
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	w := v.all[name]
	if w == nil {
		if v.all == nil {
			v.all = make(map[string]*view)
		}
		if len(v.all) >= viewsMax {
			v.dropOldest()
		}
		w = &view{refused: map[string]bool{}, panels: map[string]*spent{"auto": {}}, conns: map[*metered]string{}}
		for _, t := range transports {
			w.panels[t] = &spent{}
		}
		v.all[name] = w
	}
	w.mu.Lock()
	w.asked = now
	w.mu.Unlock()
	return w
}

func (v *views) dropOldest() {
	var oldest string
	var at time.Time
	for name, w := range v.all {
		w.mu.Lock()
		if oldest == "" || w.asked.Before(at) {
			oldest, at = name, w.asked
		}
		w.mu.Unlock()
	}
	delete(v.all, oldest)
}

// active reports whether any page is looked at.
func (v *views) active() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, w := range v.all {
		w.mu.Lock()
		active := time.Since(w.asked) < viewActive
		w.mu.Unlock()
		if active {
			return true
		}
	}
	return false
}

// begin counts a request of a panel. It reports false if the page has the
// transport refused. c may be nil.
func (w *view) begin(c *metered, panel, transport string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c == nil {
		return !w.refused[transport]
	}
	c.begin(w, w.panels[panel])
	if w.refused[transport] {
		return false
	}
	w.conns[c] = transport
	return true
}

// end is called when an answer has gone out, or its connection has ended.
func (w *view) end(c *metered) {
	w.mu.Lock()
	delete(w.conns, c)
	w.mu.Unlock()
}

// refuse has a transport refused from now on, or allowed again. Connections
// that use it are cut, as a middlebox would.
func (w *view) refuse(transport string, yes bool) {
	w.mu.Lock()
	w.refused[transport] = yes
	var cut []*metered
	for c, t := range w.conns {
		if yes && t == transport {
			cut = append(cut, c)
		}
	}
	w.mu.Unlock()
	for _, c := range cut {
		c.Close()
	}
}
