// Webpush lets a page subscribe to push messages and sends one to all who have,
// also while no page of theirs is open. What comes is shown by the browser. In
// the folder examples:
//
//	go run ./webpush -subject mailto:you@example.com     and open http://127.0.0.1:8085/
//	curl -d 'The shop is open' http://127.0.0.1:8085/tell
//
// Subscriptions and the key are in memory here: an application keeps both, or
// every restart makes new subscriptions necessary.
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/pushwire/pushwire/webpush"
)

//go:embed page
var page embed.FS

const (
	maxBody     = 8 << 10 // bytes of a subscription or a text
	subscribers = 10_000
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8085", "`host:port` to listen on")
	subject := flag.String("subject", "mailto:you@example.com", "`address` that push services may turn to")
	flag.Parse()
	key, err := webpush.GenerateKey()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("open http://%s/ in a browser, then: curl -d 'The shop is open' http://%s/tell\n", *addr, *addr)
	s := &shop{client: &webpush.Client{Key: key, Subject: *subject}}
	log.Fatal(http.ListenAndServe(*addr, s.handler()))
}

type shop struct {
	client *webpush.Client

	mu   sync.Mutex
	subs map[string]*webpush.Subscription // by endpoint
}

func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /key", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, s.client.Key.PublicKey())
	})
	mux.HandleFunc("POST /subscribe", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err == nil {
			err = s.subscribe(body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /tell", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, webpush.MaxPlaintext))
		if err != nil {
			http.Error(w, fmt.Sprintf("a text has at most %d bytes", webpush.MaxPlaintext), http.StatusRequestEntityTooLarge)
			return
		}
		told, gone, failed := s.tell(r.Context(), text)
		fmt.Fprintf(w, "told %d, gone %d, failed %d\n", told, gone, failed)
	})
	files, err := fs.Sub(page, "page")
	if err != nil {
		log.Fatal(err) // the folder is part of the program
	}
	mux.Handle("GET /", http.FileServerFS(files))
	return http.NewCrossOriginProtection().Handler(mux)
}

// subscribe keeps a subscription as the page's browser made it.
func (s *shop) subscribe(body []byte) error {
	sub, err := webpush.ParseSubscription(body)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subs == nil {
		s.subs = make(map[string]*webpush.Subscription)
	}
	if len(s.subs) >= subscribers && s.subs[sub.Endpoint] == nil {
		return errors.New("there are too many subscribers already")
	}
	s.subs[sub.Endpoint] = sub
	return nil
}

// tell sends a text to all, and forgets those that have unsubscribed.
func (s *shop) tell(ctx context.Context, text []byte) (told, gone, failed int) {
	m := &webpush.Message{Payload: text, Urgency: webpush.Normal}
	for r := range s.client.SendAll(ctx, s.all(), m) {
		switch {
		case r.Err == nil:
			told++
		case errors.Is(r.Err, webpush.ErrGone):
			gone++
			s.mu.Lock()
			delete(s.subs, r.Subscription.Endpoint)
			s.mu.Unlock()
		default:
			failed++
			log.Print(r.Err)
		}
	}
	return told, gone, failed
}

func (s *shop) all() iter.Seq[*webpush.Subscription] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Values(slices.Collect(maps.Values(s.subs)))
}
