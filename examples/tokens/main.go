// Tokens answers a POST with an event stream, word by word, as APIs of language
// models do; and reads such a stream, with whichever server. In the folder
// examples:
//
//	go run ./tokens                                         and open http://127.0.0.1:8082/
//	go run ./tokens -ask "What is a WebSocket?" -url http://127.0.0.1:8082/answers
package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/pushwire/pushwire/eventstream"
)

//go:embed page
var page embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:8082", "`host:port` to listen on")
	question := flag.String("ask", "", "ask this `question` at -url, in place of serving")
	url := flag.String("url", "http://127.0.0.1:8082/answers", "where to ask")
	flag.Parse()
	if *question != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		if err := ask(ctx, os.Stdout, *url, *question); err != nil {
			log.Fatal(err)
		}
		return
	}
	fmt.Printf("open http://%s/ in a browser\n", *addr)
	log.Fatal(http.ListenAndServe(*addr, newServer(50*time.Millisecond)))
}

// newServer answers with a word each pace.
func newServer(pace time.Duration) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /answers", func(w http.ResponseWriter, r *http.Request) {
		question, err := questionOf(r) // before the stream begins: it takes the rest of the body away
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		eventstream.Handler(func(s *eventstream.Stream, _ *http.Request) {
			answer(s, question, pace)
		}, nil).ServeHTTP(w, r)
	})
	files, err := fs.Sub(page, "page")
	if err != nil {
		log.Fatal(err) // the folder is part of the program
	}
	mux.Handle("GET /", http.FileServerFS(files))
	return http.NewCrossOriginProtection().Handler(mux)
}

// answer sends a word each pace.
func answer(s *eventstream.Stream, question string, pace time.Duration) {
	n := 0
	for _, word := range strings.SplitAfter(answerTo(question), " ") {
		select {
		case <-time.After(pace):
		case <-s.Context().Done():
			return // the client went, so nobody pays for the rest
		}
		if s.Send(event("token", map[string]string{"text": word})) != nil {
			return
		}
		n++
	}
	s.Send(event("done", map[string]int{"tokens": n}))
}

func event(typ string, v any) eventstream.Event {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // of maps of strings and numbers
	}
	return eventstream.Event{Type: typ, Data: data}
}

func questionOf(r *http.Request) (string, error) {
	var body struct {
		Question string `json:"question"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 16<<10)).Decode(&body); err != nil || strings.TrimSpace(body.Question) == "" {
		return "", errors.New(`the body has to be {"question": "..."}`)
	}
	return body.Question, nil
}

// answerTo stands for the model.
func answerTo(question string) string {
	return fmt.Sprintf("You asked %q, which has %d words. A real model would have more to say about that.", question, len(strings.Fields(question)))
}

// ask prints the answer to a question as it comes.
func ask(ctx context.Context, w io.Writer, url, question string) error {
	body, err := json.Marshal(map[string]string{"question": question})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	// Events looks at the status and the type of the answer, and closes it.
	for ev, err := range eventstream.Events(res, &eventstream.ReadOptions{Idle: time.Minute}) {
		var refused *eventstream.StatusError
		if errors.As(err, &refused) {
			return fmt.Errorf("%w: %s", err, bytes.TrimSpace(refused.Body))
		}
		if err != nil {
			return err
		}
		var data struct{ Text string }
		if err := json.Unmarshal(ev.Data, &data); err != nil {
			return err
		}
		switch ev.Type {
		case "token":
			fmt.Fprint(w, data.Text)
		case "done":
			fmt.Fprintln(w)
			return nil
		}
	}
	return io.ErrUnexpectedEOF // it ended without "done": the answer was cut
}
