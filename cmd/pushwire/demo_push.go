package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/pushwire/pushwire/webpush"
)

const (
	pushPath        = "/push/"
	subscribersMax  = 256       // browsers that are remembered; the oldest makes room
	maxSubscription = 8 << 10   // bytes
	maxPushText     = 3 << 10   // bytes of a message
	pushTTL         = time.Hour // of a message for a browser that is off
)

// pushDemo lets a page subscribe to push messages and send one to itself.
type pushDemo struct {
	client *webpush.Client

	mu    sync.Mutex
	known map[string]*webpush.Subscription // by endpoint
	order []string                         // of known, oldest first
}

// register adds what d answers to mux.
//
//	GET  /push/key         the key to subscribe with
//	POST /push/subscribe   a subscription as the browser made it
//	POST /push/send        {"endpoint": ..., "text": ...}: sends to a subscription that is known
func (d *pushDemo) register(mux *http.ServeMux) {
	mux.HandleFunc("GET "+pushPath+"key", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, d.client.Key.PublicKey())
	})
	// A page elsewhere may not have this browser's subscription used or replaced.
	protect := http.NewCrossOriginProtection()
	mux.Handle("POST "+pushPath+"subscribe", protect.Handler(http.HandlerFunc(d.subscribe)))
	mux.Handle("POST "+pushPath+"send", protect.Handler(http.HandlerFunc(d.send)))
}

func (d *pushDemo) subscribe(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSubscription))
	if err != nil {
		http.Error(w, "the subscription did not come", http.StatusBadRequest)
		return
	}
	sub, err := webpush.ParseSubscription(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = make(map[string]*webpush.Subscription)
	}
	if d.known[sub.Endpoint] == nil {
		if len(d.order) == subscribersMax {
			delete(d.known, d.order[0])
			d.order = append(d.order[:0], d.order[1:]...)
		}
		d.order = append(d.order, sub.Endpoint)
	}
	d.known[sub.Endpoint] = sub
	w.WriteHeader(http.StatusNoContent)
}

func (d *pushDemo) send(w http.ResponseWriter, r *http.Request) {
	var m struct{ Endpoint, Text string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSubscription+maxPushText)).Decode(&m); err != nil || len(m.Text) > maxPushText {
		http.Error(w, `the body has to be {"endpoint": "...", "text": "..."}, with 3 KiB of text at most`, http.StatusBadRequest)
		return
	}
	d.mu.Lock()
	sub := d.known[m.Endpoint]
	d.mu.Unlock()
	if sub == nil {
		http.Error(w, "nobody has subscribed under this endpoint since the server began: subscribe again", http.StatusNotFound)
		return
	}
	_, err := d.client.Send(r.Context(), sub, &webpush.Message{Payload: []byte(m.Text), TTL: pushTTL})
	switch {
	case errors.Is(err, webpush.ErrGone):
		http.Error(w, "the subscription has ended: subscribe again", http.StatusGone)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}
