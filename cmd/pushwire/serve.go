package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/webpush"
)

const (
	defaultAddr = "127.0.0.1:8080"
	echoPath    = "/echo"

	headTimeout = 10 * time.Second // to read one request's head, as the library's own handshakes have
	idleTimeout = 2 * time.Minute  // of a connection that loads the page

	// shutdownTimeout is what the clients get to answer the close: the
	// library's own close handshake, and a second for what is around it.
	shutdownTimeout = pushwire.DefaultCloseTimeout + time.Second
)

func serve(ctx context.Context, c console, args []string) int {
	f := flags(c, "serve", "",
		"Starts a server with a page that shows one topic over every transport side by",
		"side. Topics are at "+topicsPath+"NAME for \"pushwire listen\" and \"publish\"; messages",
		"to "+echoPath+" come back, for \"pushwire connect\". Whoever reaches the server may",
		"publish. On a loopback address requests have to name an IP address, localhost,",
		"or the name in -addr. Ctrl-C closes all connections and ends it.")
	addr := f.String("addr", defaultAddr, "`host:port` to listen on; port 0 takes any free one")
	cert := f.String("cert", "", "`file` with the certificate chain in PEM; with -key, serves https and wss")
	key := f.String("key", "", "`file` with the certificate's private key in PEM")
	plain := f.Bool("plain", false, "never compress messages; without it they are for clients that offer permessage-deflate")
	pushKey := f.String("push-key", "", "`file` with the key for Web Push, as \"pushwire webpush keys\" makes it; without it there is a new one each time")
	subject := f.String("push-subject", "mailto:demo@example.com", "`URI` or mail address that push services may turn to")
	private := f.Bool("push-private", false, "send push messages to services at private addresses, too, as \"pushwire webpush serve\" is")
	verbose := f.Bool("v", false, "log refused handshakes and connections that ended badly")
	if status, ok := parse(f, c, args, 0); !ok {
		return status
	}
	if (*cert == "") != (*key == "") {
		fmt.Fprintln(c.err, "pushwire serve: -cert and -key go together")
		return exitUsage
	}

	var secure *tls.Config
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		if err != nil {
			fmt.Fprintf(c.err, "pushwire serve: the certificate can't be used: %v\n", err)
			return exitFailed
		}
		secure = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	vapid, err := keyOf(*pushKey)
	if err != nil {
		fmt.Fprintf(c.err, "pushwire serve: %v\n", err)
		return exitFailed
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		fmt.Fprintln(c.err, listenFailed("serve", *addr, err))
		return exitFailed
	}

	var group pushwire.Group
	options := &pushwire.AcceptOptions{Group: &group}
	if !*plain {
		options.Deflate = &pushwire.Deflate{}
	}
	if *verbose {
		options.Logger = slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	mux := http.NewServeMux()
	mux.Handle("/", page())
	mux.Handle(echoPath, pushwire.Handler(echo, options))
	demo := newDemo(httpstream.Options{Socket: options, Logger: options.Logger})
	demo.register(mux)
	push := &pushDemo{client: &webpush.Client{Key: vapid, Subject: *subject, Guard: webpush.Guard{Any: *private}, Logger: options.Logger}}
	push.register(mux)
	defer push.client.CloseIdleConnections()
	go demo.run(ctx)
	server := &http.Server{
		Handler:           ownHosts(mux, l, *addr, "-addr"),
		TLSConfig:         secure,
		ReadHeaderTimeout: headTimeout,
		IdleTimeout:       idleTimeout,
		// What browsers do to a self-signed certificate is no news.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	if *verbose {
		server.ErrorLog = slog.NewLogLogger(options.Logger.Handler(), slog.LevelDebug)
	}
	counted := meter{l}
	counted.watch(server)

	scheme, start := "", server.Serve
	if secure != nil {
		scheme, start = "s", func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	failed := make(chan error, 1)
	go func() { failed <- start(counted) }()
	at := reachable(l.Addr())
	fmt.Fprintf(c.out, "open http%s://%s/ in a browser; topics are at http%s://%s%sNAME, an echo at ws%s://%s%s; Ctrl-C ends it\n",
		scheme, at, scheme, at, topicsPath, scheme, at, echoPath)

	select {
	case err := <-failed:
		fmt.Fprintf(c.err, "pushwire serve: %v\n", err)
		return exitFailed
	case <-ctx.Done():
	}
	return shutdown(c.out, server, &group, demo)
}

// echo answers every message with the same message.
func echo(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return // told to the Logger by the library
		}
		if c.Write(ctx, m.Type, m.Data) != nil {
			return // and so is this
		}
	}
}

// shutdown closes every connection with 1001 and tells how it went.
func shutdown(out io.Writer, server *http.Server, group *pushwire.Group, demo *demo) int {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	open := group.Len() + demo.group.Len()
	fmt.Fprintf(out, "closing %s\n", connections(open))
	var topics sync.WaitGroup
	var late int
	topics.Go(func() { late, _ = demo.shutdown(ctx) })
	left, err := group.Shutdown(ctx, frame.CodeGoingAway, "the server shuts down")
	topics.Wait()
	left += late
	server.Shutdown(ctx) // what loads the page; those that linger end with the process
	if left > 0 {
		fmt.Fprintf(out, "%s did not answer the close in time: %v\n", connections(left), err)
		return exitFailed
	}
	fmt.Fprintln(out, "all closed, 0 left")
	return exitOK
}

func connections(n int) string {
	if n == 1 {
		return "1 connection"
	}
	return fmt.Sprintf("%d connections", n)
}

// listenFailed says what is wrong with the address that a command got.
func listenFailed(command, addr string, err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Sprintf("pushwire %s: %s is in use by another program; choose another address, for example -addr 127.0.0.1:0 for any free port", command, addr)
	}
	return fmt.Sprintf("pushwire %s: can't listen on %s: %v", command, addr, err)
}

// reachable is the address to print: a browser on this machine can't open
// 0.0.0.0 everywhere.
func reachable(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", fmt.Sprint(tcp.Port))
	}
	return a.String()
}
