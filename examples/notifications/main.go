// Notifications sends each person what is for them alone. A page follows its own
// topic over whatever gets through, remembers how far it has read, also over a
// restart of the browser, and shows a notification of the system if it may. In
// the folder examples:
//
//	go run ./notifications        and open http://127.0.0.1:8084/
//	curl -d 'Your parcel has arrived' -H 'Authorization: Bearer admin' http://127.0.0.1:8084/notify/ada
package main

import (
	"crypto/subtle"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

//go:embed page
var page embed.FS

const (
	kept    = 50 // notifications of a person that wait for the next visit
	keepFor = 7 * 24 * time.Hour
	maxText = 4 << 10 // bytes
	session = "session"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8084", "`host:port` to listen on")
	token := flag.String("token", "admin", "`token` of who may notify")
	flag.Parse()
	fmt.Printf("open http://%s/ in a browser, then:\n  curl -d 'Your parcel has arrived' -H 'Authorization: Bearer %s' http://%s/notify/ada\n", *addr, *token, *addr)
	log.Fatal(http.ListenAndServe(*addr, newServer(*token)))
}

func newServer(token string) http.Handler {
	people := &topic.Hub{
		Engine: &topic.Memory{MaxItems: kept, MaxAge: keepFor},
		Idle:   keepFor, // or what waits for a person would go with the topic
	}
	mux := http.NewServeMux()

	// Who reads is known by a cookie, which goes along over every transport. In
	// place of signing in there is a form.
	options := &httpstream.Options{Check: func(r *http.Request) error {
		if person(r) == "" {
			return &httpstream.RefusedError{Status: http.StatusUnauthorized, Token: "signed_out", Message: "sign in first"}
		}
		return nil
	}}
	mux.HandleFunc("GET /mine", func(w http.ResponseWriter, r *http.Request) {
		httpstream.Handler(people.Source(person(r)), options).ServeHTTP(w, r)
	})
	mux.HandleFunc("POST /session", func(w http.ResponseWriter, r *http.Request) {
		name := strings.ToLower(strings.TrimSpace(r.FormValue("name")))
		http.SetCookie(w, &http.Cookie{Name: session, Value: name, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})

	mux.HandleFunc("POST /notify/{person}", func(w http.ResponseWriter, r *http.Request) {
		given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 0 {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxText))
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			http.Error(w, fmt.Sprintf("a notification has at most %d bytes", maxText), http.StatusRequestEntityTooLarge)
			return
		}
		if err == nil {
			_, err = people.Publish(r.Context(), r.PathValue("person"), "notification", text)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})

	files, err := fs.Sub(page, "page")
	if err != nil {
		log.Fatal(err) // the folder is part of the program
	}
	mux.Handle("GET /", http.FileServerFS(files))
	mux.Handle("GET /pushwire.js", httpstream.ClientJS())
	return http.NewCrossOriginProtection().Handler(mux)
}

// person is who sends a request, "" for nobody. A real cookie would be signed.
func person(r *http.Request) string {
	c, err := r.Cookie(session)
	if err != nil {
		return ""
	}
	return c.Value
}
