// Mixed is one server on one port with pages, a JSON API and a WebSocket
// endpoint; and the same three in chi and in gin, whose middleware and
// ResponseWriters the upgrade has to get through. In the folder examples:
//
//	go run ./mixed                 on net/http
//	go run ./mixed -router chi
//	go run ./mixed -router gin     and open http://127.0.0.1:8083/
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

const shutdownTime = 5 * time.Second

func main() {
	addr := flag.String("addr", "127.0.0.1:8083", "`host:port` to listen on")
	name := flag.String("router", "net/http", "`router`: net/http, chi or gin")
	flag.Parse()
	router := routers[*name]
	if router == nil {
		log.Fatalf("there is no router %q; there are net/http, chi and gin", *name)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	a := &app{started: time.Now()}
	server := &http.Server{Addr: *addr, Handler: router(a), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { a.shutdown(server) })
	fmt.Printf("open http://%s/ in a browser; Ctrl-C ends it\n", *addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

// routers make the same server of an app.
var routers = map[string]func(*app) http.Handler{
	"net/http": newMux,
	"chi":      newChi,
	"gin":      newGin,
}

// newMux: a WebSocket endpoint is a handler like all others.
func newMux(a *app) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.page)
	mux.HandleFunc("GET /api/status", a.status)
	mux.Handle("GET /ws", a.socket())
	return mux
}

// app is what the routes are for.
type app struct {
	started time.Time
	clients pushwire.Group
}

// socket greets whoever connects and sends messages back, to everybody.
func (a *app) socket() http.Handler {
	return pushwire.Handler(func(ctx context.Context, c *pushwire.Conn, r *handshake.Request) {
		for m, err := range c.Messages(ctx) {
			if err != nil {
				return
			}
			a.clients.Broadcast(pushwire.Prepare(m.Type, m.Data))
		}
	}, &pushwire.AcceptOptions{Group: &a.clients})
}

// status is the API.
func (a *app) status(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{
		"clients": a.clients.Len(),
		"up":      time.Since(a.started).Round(time.Second).String(),
	})
}

func (a *app) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, pageText)
}

// shutdown ends the sockets as well: http.Server does not know of them.
func (a *app) shutdown(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	a.clients.Shutdown(ctx, frame.CodeGoingAway, "the server shuts down")
	server.Shutdown(ctx)
}

const pageText = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Mixed</title>
<link rel="icon" href="data:,">
<style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem } input, button { font: inherit; padding: .5rem }</style>
<h1>Page, API and WebSocket</h1>
<p>The API says: <output id="status">…</output></p>
<form id="say"><label>To everybody <input id="text" required></label> <button>Send</button></form>
<ul id="log" role="log"></ul>
<script>
  const status = document.getElementById("status"), log = document.getElementById("log");
  const ws = new WebSocket(location.origin.replace(/^http/, "ws") + "/ws");
  ws.onmessage = ({ data }) => log.append(Object.assign(document.createElement("li"), { textContent: data }));
  const ask = async () => (status.textContent = await (await fetch("/api/status")).text());
  ws.onopen = ask;
  document.getElementById("say").onsubmit = (event) => {
    event.preventDefault();
    ws.send(document.getElementById("text").value);
    ask();
  };
</script>
</html>
`
