package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/pushwire/pushwire/webpush/pushservice"
)

// webpushAddr is another port than that of serve, so that both can run.
const webpushAddr = "127.0.0.1:8081"

// webpushHead is the longest head of a request, in bytes; senders' have about
// one KiB, most of it their token.
const webpushHead = 32 << 10

func webpushServe(ctx context.Context, c console, args []string) int {
	f := flags(c, "webpush serve", "",
		"Starts a push service: application servers send to it by HTTP (RFC 8030, VAPID),",
		"user agents connect by WebSocket (Mozilla's protocol) or read by HTTP.",
		"Ctrl-C closes all connections and ends it.")
	addr := f.String("addr", webpushAddr, "`host:port` to listen on; port 0 takes any free one")
	public := f.String("url", "", "public `URL` of the service, when a proxy stands before it")
	file := f.String("store", "", "`file` that keeps subscriptions and messages; without it they end with the service")
	cert := f.String("cert", "", "`file` with the certificate chain in PEM; with -key, serves https and wss")
	key := f.String("key", "", "`file` with the certificate's private key in PEM")
	identify := f.Bool("require-vapid", false, "take no message without VAPID identification")
	rate := f.Float64("rate", pushservice.DefaultRate, "`messages` a second that one subscription takes; negative for no limit")
	client := f.Float64("client-rate", pushservice.DefaultClientRate, "new `subscriptions` a second that one client may make; negative for no limit")
	forwarded := f.String("client-header", "", "`field` in which the proxy that stands before it names the client, as X-Forwarded-For: its last value counts")
	verbose := f.Bool("v", false, "log each user agent that connects, each acknowledgement, and refused requests")
	if status, ok := parse(f, c, args, 0); !ok {
		return status
	}
	if (*cert == "") != (*key == "") {
		fmt.Fprintln(c.err, "pushwire webpush serve: -cert and -key go together")
		return exitUsage
	}
	failed := func(err error) int {
		fmt.Fprintf(c.err, "pushwire webpush serve: %s\n", strings.TrimPrefix(err.Error(), "pushservice: "))
		return exitFailed
	}

	o := &pushservice.Options{RequireVAPID: *identify, Rate: *rate, ClientRate: *client}
	if *forwarded != "" {
		o.Client = lastOf(*forwarded)
	}
	log := slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: slog.LevelError}))
	if *verbose {
		log = slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.Trace = webpushTrace(log)
	}
	o.Logger = log
	var secure *tls.Config
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		if err != nil {
			return failed(fmt.Errorf("the certificate can't be used: %w", err))
		}
		secure = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		fmt.Fprintln(c.err, listenFailed("webpush serve", *addr, err))
		return exitFailed
	}
	defer l.Close()
	scheme, at := "http", reachable(l.Addr())
	if secure != nil {
		scheme = "https"
	}
	here := scheme + "://" + at
	o.URL, at = *public, *public+", here "+here+","
	if *public == "" {
		o.URL, at = here, here
	}
	if *file != "" {
		store, err := pushservice.OpenFile(*file)
		if err != nil {
			return failed(err)
		}
		if n := store.Torn(); n > 0 {
			fmt.Fprintf(c.err, "%s: cut off %d bytes of a write that was not finished\n", *file, n)
		}
		o.Store = store
	}
	service, err := pushservice.New(o)
	if err != nil {
		if o.Store != nil {
			o.Store.Close()
		}
		return failed(err)
	}
	var handler http.Handler = service
	if *public == "" { // a proxy may ask by whatever name it has for this server
		handler = ownHosts(service, l, *addr, "-addr or, behind a proxy, in -url")
	}
	server := &http.Server{
		Handler:           handler,
		TLSConfig:         secure,
		ReadHeaderTimeout: headTimeout,
		MaxHeaderBytes:    webpushHead,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() {
		if secure != nil {
			ended <- server.ServeTLS(l, "", "")
		} else {
			ended <- server.Serve(l)
		}
	}()
	stats := service.Stats()
	fmt.Fprintf(c.out, "push service at %s for %d subscriptions, with %d messages that wait; Ctrl-C ends it\n"+
		"Firefox takes it when dom.push.serverURL is \"ws%s/\"%s\n",
		at, stats.Subscriptions, stats.Messages, strings.TrimPrefix(o.URL, "http"), insecureHint(o.URL))

	select {
	case err := <-ended:
		service.Shutdown(ctx)
		return failed(err)
	case <-ctx.Done():
	}
	return webpushShutdown(c, server, service)
}

// lastOf names a client by the last value of a field, which is the one that the
// nearest proxy added; whatever stands before it the client may have written.
// Who comes without is the client itself, past the proxy.
func lastOf(field string) func(*http.Request) string {
	return func(r *http.Request) string {
		all := strings.Join(r.Header.Values(field), ",")
		if last := strings.TrimSpace(all[strings.LastIndexByte(all, ',')+1:]); last != "" {
			return last
		}
		return r.RemoteAddr
	}
}

// insecureHint says what else Firefox wants for a service without TLS.
func insecureHint(url string) string {
	if strings.HasPrefix(url, "https:") {
		return ""
	}
	return " and dom.push.testing.allowInsecureServerURL true"
}

// webpushTrace logs what user agents do, and none of the URLs, which are
// secrets.
func webpushTrace(l *slog.Logger) *pushservice.Trace {
	return &pushservice.Trace{
		Hello:      func(string) { l.Debug("a user agent connected") },
		Subscribed: func(_, _ string) { l.Debug("a user agent subscribed") },
		Delivered:  func(_, _ string) { l.Debug("a message was written to a user agent") },
		Nacked:     func(a pushservice.Ack) { l.Debug("a user agent failed over a message", "code", int(a.Code)) },
		Acked:      func(a pushservice.Ack) { l.Debug("a message was acknowledged", "code", int(a.Code)) },
	}
}

// webpushShutdown ends the service and tells how it went.
func webpushShutdown(c console, server *http.Server, service *pushservice.Service) int {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	stats := service.Stats()
	fmt.Fprintf(c.out, "closing %s\n", connections(stats.Connected))
	left, err := service.Shutdown(ctx)
	server.Shutdown(ctx) // those that linger end with the process
	if err != nil {
		fmt.Fprintf(c.err, "pushwire webpush serve: %d left: %v\n", left, err)
		return exitFailed
	}
	fmt.Fprintf(c.out, "all closed, %d messages wait\n", service.Stats().Messages)
	return exitOK
}
