// Command testee is the end under test for those who run the Autobahn suite by hand, for instance in Docker:
//
//	go run ./autobahn/testee -http 127.0.0.1:9002 -raw 127.0.0.1:9003    # waits for a fuzzingclient, until Ctrl-C
//	go run ./autobahn/testee -fuzzingserver ws://127.0.0.1:9001          # goes through the cases of a fuzzingserver
//
// It judges nothing: go test ./autobahn does.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/handshake"
)

// limits are above the defaults, as those of go test ./autobahn: the suite sends messages of 16 MiB and of 65,536 fragments.
var limits = pushwire.Config{MaxMessage: 64 << 20, MaxFragments: 128 << 10, Deflate: &pushwire.Deflate{Threshold: -1}}

const (
	agent   = "pushwire"
	maxCase = 2 * time.Minute // for one case as a client
)

func main() {
	var (
		httpAddr = flag.String("http", "", "`address` of an echo server on net/http")
		rawAddr  = flag.String("raw", "", "`address` of an echo server on a bare listener")
		fuzzer   = flag.String("fuzzingserver", "", "`URL` of a fuzzingserver to go through")
	)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *httpAddr, *rawAddr, *fuzzer); err != nil {
		fmt.Fprintln(os.Stderr, "testee:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, httpAddr, rawAddr, fuzzer string) error {
	if fuzzer != "" {
		return visitAll(ctx, fuzzer)
	}
	if httpAddr == "" && rawAddr == "" {
		return fmt.Errorf("nothing to do, see -h")
	}
	opts := &pushwire.AcceptOptions{Config: limits}
	ended := make(chan error, 2)
	if httpAddr != "" {
		srv := &http.Server{Addr: httpAddr, Handler: pushwire.Handler(echoServer, opts), ReadHeaderTimeout: 10 * time.Second}
		go func() { ended <- srv.ListenAndServe() }()
		fmt.Println("pushwire.Handler listens on", httpAddr)
	}
	if rawAddr != "" {
		l, err := net.Listen("tcp", rawAddr)
		if err != nil {
			return err
		}
		go func() { ended <- pushwire.Serve(ctx, l, echoServer, opts) }()
		fmt.Println("pushwire.Serve listens on", rawAddr)
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}

func echoServer(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
	defer c.CloseNow()
	echo(ctx, c)
}

func echo(ctx context.Context, c *pushwire.Conn) {
	for m, err := range c.Messages(ctx) {
		if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
			return
		}
	}
}

// visitAll asks the fuzzingserver for its number of cases, takes each of them, and lets it write its report.
func visitAll(ctx context.Context, fuzzer string) error {
	count := 0
	err := visit(ctx, fuzzer, "/getCaseCount", nil, func(ctx context.Context, c *pushwire.Conn) {
		if _, answer, err := c.Read(ctx); err == nil {
			json.Unmarshal(answer, &count) // what can't be read stays 0
		}
	})
	if err != nil {
		return err
	}
	if count == 0 {
		return fmt.Errorf("the fuzzingserver has no case for us")
	}
	for n := 1; n <= count && ctx.Err() == nil; n++ {
		fmt.Printf("\rcase %d of %d", n, count)
		if err := visit(ctx, fuzzer, "/runCase", url.Values{"case": {strconv.Itoa(n)}, "agent": {agent}}, echo); err != nil {
			fmt.Printf(": %v\n", err)
		}
	}
	fmt.Println()
	return visit(ctx, fuzzer, "/updateReports", url.Values{"agent": {agent}}, echo)
}

func visit(ctx context.Context, fuzzer, path string, query url.Values, do func(context.Context, *pushwire.Conn)) error {
	ctx, cancel := context.WithTimeout(ctx, maxCase)
	defer cancel()
	c, _, err := pushwire.Dial(ctx, fuzzer+path+"?"+query.Encode(), &pushwire.DialOptions{Config: limits})
	if err != nil {
		return err
	}
	defer c.CloseNow()
	do(ctx, c)
	return nil
}
