// Chat serves rooms in which people talk under the names that they give, and
// keeps the last messages of a room for whoever joins. A page follows its room
// over whichever transport gets through, and comes back after a lost connection
// without a gap. In the folder examples:
//
//	go run ./chat            and open http://127.0.0.1:8081/
package main

import (
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

//go:embed page
var page embed.FS

const (
	history  = 100 // messages of a room that are kept for whoever joins
	maxName  = 40  // characters
	maxText  = 2000
	maxRooms = 1000
	roomIdle = time.Hour // a room that nobody uses for so long is forgotten
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8081", "`host:port` to listen on")
	flag.Parse()
	fmt.Printf("open http://%s/ in two windows\n", *addr)
	log.Fatal(http.ListenAndServe(*addr, newChat()))
}

// message is what one person says.
type message struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

func newChat() http.Handler {
	rooms := &topic.Hub{
		Engine:    &topic.Memory{MaxItems: history},
		MaxTopics: maxRooms,
		Idle:      roomIdle,
	}
	options := &httpstream.Options{}
	mux := http.NewServeMux()

	// One address is all that reading takes, over any transport.
	mux.HandleFunc("GET /rooms/{room}", func(w http.ResponseWriter, r *http.Request) {
		httpstream.Handler(rooms.Source(r.PathValue("room")), options).ServeHTTP(w, r)
	})

	// Publishing has rules of its own, so it is a handler of its own.
	mux.HandleFunc("POST /rooms/{room}", func(w http.ResponseWriter, r *http.Request) {
		m, err := readMessage(w, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		data, err := json.Marshal(m)
		if err == nil {
			_, err = rooms.Publish(r.Context(), r.PathValue("room"), "chat", data)
		}
		if err != nil {
			log.Print(err)
			http.Error(w, "the message could not be stored, try again", http.StatusServiceUnavailable)
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

	// Pages of other sites may not post here with the visitor's browser.
	return http.NewCrossOriginProtection().Handler(mux)
}

func readMessage(w http.ResponseWriter, r *http.Request) (m message, err error) {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<10)).Decode(&m); err != nil {
		return m, fmt.Errorf("a message is {name, text} in JSON: %w", err)
	}
	m.Name, m.Text = strings.TrimSpace(m.Name), strings.TrimSpace(m.Text)
	switch n, l := utf8.RuneCountInString(m.Name), utf8.RuneCountInString(m.Text); {
	case n == 0 || n > maxName:
		return m, fmt.Errorf("a name has 1 to %d characters", maxName)
	case l == 0:
		return m, errors.New("there is no text")
	case l > maxText:
		return m, fmt.Errorf("a text has at most %d characters", maxText)
	}
	return m, nil
}
