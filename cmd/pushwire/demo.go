package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

const (
	topicsPath = "/topics/"
	demoPath   = "/demo/"
	demoTopic  = "demo"

	tickEvery = time.Second
	typeTick  = "tick"
)

// demo is what the page shows: one topic, followed over every transport.
type demo struct {
	hub   topic.Hub
	group httpstream.Group
	views views

	options httpstream.Options
}

func newDemo(o httpstream.Options) *demo {
	d := &demo{options: o}
	d.options.Group = &d.group
	d.options.Allow = func(*http.Request) error { return nil } // who reaches this server may write
	return d
}

// register adds what d answers to mux.
//
//	/topics/NAME              any topic, over every transport; POST publishes
//	/demo/VIEW/PANEL          the demo's, counted for a panel of a page
//	/demo/VIEW/usage          what the panels have cost
//	/demo/VIEW/refuse/NAME    POST: a transport is refused for this page; DELETE: no more
func (d *demo) register(mux *http.ServeMux) {
	mux.Handle("/pushwire.js", httpstream.ClientJS())
	mux.HandleFunc(topicsPath+"{name...}", func(w http.ResponseWriter, r *http.Request) {
		httpstream.Handler(d.hub.Source(r.PathValue("name")), &d.options).ServeHTTP(w, r)
	})
	mux.HandleFunc("GET "+demoPath+"{view}/usage", d.usage)
	refuse := http.NewCrossOriginProtection().Handler(http.HandlerFunc(d.refuse))
	mux.Handle("POST "+demoPath+"{view}/refuse/{transport}", refuse)
	mux.Handle("DELETE "+demoPath+"{view}/refuse/{transport}", refuse)
	topics := httpstream.Handler(d.hub.Source(demoTopic), &d.options)
	mux.HandleFunc(demoPath+"{view}/{panel}", func(w http.ResponseWriter, r *http.Request) { d.panel(topics, w, r) })
}

// run ticks until ctx ends. Nothing is published while nobody looks.
func (d *demo) run(ctx context.Context) {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	for n := 1; ; n++ {
		select {
		case now := <-t.C:
			if d.group.Len() > 0 || d.views.active() {
				// It fails only at the end, when the hub is closed.
				d.hub.Publish(ctx, demoTopic, typeTick, fmt.Appendf(nil, `{"n":%d,"t":%d}`, n, now.UnixMilli()))
			}
		case <-ctx.Done():
			return
		}
	}
}

// panel answers a panel of a page, and lets the page see what a transport that
// does not get through looks like.
func (d *demo) panel(topics http.Handler, w http.ResponseWriter, r *http.Request) {
	v := d.views.get(r.PathValue("view"))
	panel := r.PathValue("panel")
	if v == nil || v.panels[panel] == nil {
		http.NotFound(w, r)
		return
	}
	if !v.begin(meteredOf(r), panel, transportOf(r)) {
		// What a proxy says that does not know the transport.
		http.Error(w, "refused, as the page asked for", http.StatusBadGateway)
		return
	}
	topics.ServeHTTP(w, r)
}

// transportOf tells which transport a request asks for; "" for a POST.
func transportOf(r *http.Request) string {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	switch {
	case r.Method == http.MethodPost:
		return ""
	case strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		return "websocket"
	case strings.Contains(accept, "text/event-stream"):
		return "eventstream"
	case strings.Contains(accept, "application/x-ndjson"):
		return "stream"
	case r.URL.Query().Has("wait"):
		return "longpoll"
	}
	return "shortpoll"
}

// usage tells a page what its panels have cost, and the server's time.
func (d *demo) usage(w http.ResponseWriter, r *http.Request) {
	v := d.views.get(r.PathValue("view"))
	if v == nil {
		http.NotFound(w, r)
		return
	}
	type cost struct {
		In       int64 `json:"in"`
		Out      int64 `json:"out"`
		Requests int64 `json:"requests"`
	}
	answer := struct {
		Now    int64           `json:"now"` // milliseconds since 1970
		Panels map[string]cost `json:"panels"`
	}{time.Now().UnixMilli(), map[string]cost{}}
	for name, u := range v.panels {
		answer.Panels[name] = cost{u.In.Load(), u.Out.Load(), u.Requests.Load()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(answer)
}

// refuse switches a transport off and on for a page.
func (d *demo) refuse(w http.ResponseWriter, r *http.Request) {
	v, t := d.views.get(r.PathValue("view")), r.PathValue("transport")
	if v == nil || v.panels[t] == nil || t == "auto" {
		http.NotFound(w, r)
		return
	}
	v.refuse(t, r.Method == http.MethodPost)
	w.WriteHeader(http.StatusNoContent)
}

// shutdown ends what is followed, so that its clients go on elsewhere.
func (d *demo) shutdown(ctx context.Context) (left int, err error) {
	left, err = d.group.Shutdown(ctx)
	d.hub.Close()
	return left, err
}
