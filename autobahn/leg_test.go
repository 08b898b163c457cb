package autobahn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/pushwire/pushwire"
)

const (
	maxCase    = 2 * time.Minute // for one case with us as the client
	maxRefused = 10              // consecutive cases that could not even connect end a shard
)

// leg is one pass through cases over one path.
type leg struct {
	name   string // folder of its reports, and row of the table
	title  string
	dir    direction
	raw    bool // a server on pushwire.Serve, not on net/http: with compressedSubset
	poller bool // that hands its connections to a pushwire.Poller: with secureSubset
	secure bool // wss, with secureSubset
}

var legs = []leg{
	{name: "server-http", title: "server, `pushwire.Handler` on net/http", dir: server},
	{name: "server-raw", title: "server, `pushwire.Serve`", dir: server, raw: true},
	{name: "server-poller", title: "server, `pushwire.Poller`", dir: server, raw: true, poller: true},
	{name: "client", title: "client, `pushwire.Dial`", dir: client},
	{name: "server-http-wss", title: "server, `pushwire.Handler` on net/http, wss", dir: server, secure: true},
	{name: "server-raw-wss", title: "server, `pushwire.Serve`, wss", dir: server, raw: true, secure: true},
	{name: "client-wss", title: "client, `pushwire.Dial`, wss", dir: client, secure: true},
}

// cases returns the ids that the leg has to run.
func (l leg) cases(exp expectations) []string {
	ids := exp.selected(l.dir, allCases())
	switch {
	case l.poller && *everyPolled:
	case l.secure, l.poller:
		ids = secureSubset(ids)
	case l.raw:
		ids = compressedSubset(ids)
	}
	return ids
}

// fuzzServerUnderTest runs wstest as fuzzingclient on ids against the server at addr. It returns when wstest has ended;
// what it found is in outDir.
func fuzzServerUnderTest(ctx context.Context, wstest string, l leg, addr string, ids []string, outDir string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, maxLeg, fmt.Errorf("wstest did not end within %v", maxLeg))
	defer cancel()
	cmd, err := command(ctx, wstest, "fuzzingclient", spec{
		OutDir:  outDir,
		Cases:   ids,
		Servers: []testee{{Agent: l.name, URL: scheme(l.secure) + "://" + addr}},
	})
	if err != nil {
		return err
	}
	err = cmd.Run()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("wstest: %w", err)
	}
	return err
}

// fuzzClientUnderTest runs wstest as fuzzingserver and takes our client through ids.
func fuzzClientUnderTest(ctx context.Context, wstest string, l leg, cert *certificate, ids []string, outDir string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, maxLeg, fmt.Errorf("the cases did not end within %v", maxLeg))
	defer cancel()
	s := spec{OutDir: outDir, Cases: ids}
	if l.secure {
		s.Key, s.Cert = cert.key, cert.cert
	}
	f, err := startFuzzServer(ctx, wstest, s, l.secure)
	if err != nil {
		return err
	}
	defer f.stop()

	refused := 0
	for _, id := range ids {
		// A case that fails is the gate's business; it misses what left no result.
		if err := f.visit(ctx, l, cert, "/runCase", url.Values{"casetuple": {id}, "agent": {l.name}}, echo); err != nil {
			if refused++; refused == maxRefused {
				return fmt.Errorf("%d cases could not connect, the last one %s: %w", refused, id, err)
			}
		} else {
			refused = 0
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	// The report is whole once fuzzingserver closes this connection.
	return f.visit(ctx, l, cert, "/updateReports", url.Values{"agent": {l.name}}, echo)
}

// visit dials one address of fuzzingserver and calls do with the connection. The error is of dialling.
func (f *fuzzServer) visit(ctx context.Context, l leg, cert *certificate, path string, query url.Values,
	do func(context.Context, *pushwire.Conn)) error {
	ctx, cancel := context.WithTimeout(ctx, maxCase)
	defer cancel()
	opts := &pushwire.DialOptions{Config: limits()}
	if l.secure {
		opts.TLS = &tls.Config{RootCAs: cert.roots}
	}
	c, _, err := pushwire.Dial(ctx, scheme(l.secure)+"://"+f.addr+path+"?"+query.Encode(), opts)
	if err != nil {
		return err
	}
	defer c.CloseNow()
	do(ctx, c)
	return nil
}

// shardDir is the folder of one shard's reports.
func shardDir(reports string, l leg, i int) string {
	return filepath.Join(reports, l.name, fmt.Sprint(i+1))
}
