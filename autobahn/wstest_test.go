package autobahn

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire/internal/leftout"
)

const (
	maxLeg   = 15 * time.Minute // for all cases of one shard; the longest takes three on an idle machine
	maxStart = 30 * time.Second // for wstest's fuzzingserver to listen; Python needs about one
	maxEnd   = 5 * time.Second  // for the pipes of a killed wstest to close
	logTail  = 2000             // bytes of wstest's log that a failure prints
)

// findWstest returns the path of wstest: PUSHWIRE_WSTEST, or what ci/setup.sh put into .cache/. Without one it skips the
// test, or fails it in CI, where nothing may be missing.
func findWstest(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		leftout.Skip(t, "the Autobahn suite, by -short")
	}
	path := os.Getenv("PUSHWIRE_WSTEST")
	if path == "" {
		path = filepath.Join("..", ".cache", "bin", "wstest")
	}
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err == nil {
		return path
	}
	leftout.Missing(t, "the Autobahn suite, because wstest is not installed: run ci/setup.sh (%v)", err)
	return ""
}

// spec is what wstest reads from its -s file. Its keys are wstest's.
type spec struct {
	URL     string     `json:"url,omitempty"`     // fuzzingserver: only scheme and port are used
	Key     string     `json:"key,omitempty"`     // fuzzingserver over wss: files in PEM
	Cert    string     `json:"cert,omitempty"`    //
	Servers []testee   `json:"servers,omitempty"` // fuzzingclient
	OutDir  string     `json:"outdir"`
	Cases   []string   `json:"cases"` // ids only: a pattern such as 12.*.1 has no end anchor and takes 12.1.10 too
	Exclude []string   `json:"exclude-cases"`
	Agents  struct{}   `json:"exclude-agent-cases"`
	Options wstestOpts `json:"options"`
}

type testee struct {
	Agent string `json:"agent"`
	URL   string `json:"url"`
}

// wstestOpts with failByDrop false makes wstest close as RFC 6455 7.1.7 says, with a close frame, so that the close code is
// a part of each case.
type wstestOpts struct {
	FailByDrop bool `json:"failByDrop"`
}

// command returns wstest in a mode with a spec, and its log. Both end with ctx. The folder of the output is made anew,
// because wstest would mix its report with those that it finds.
func command(ctx context.Context, wstest, mode string, s spec) (*exec.Cmd, error) {
	if err := os.RemoveAll(s.OutDir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.OutDir, 0o777); err != nil {
		return nil, err
	}
	s.Exclude = []string{}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(s.OutDir, "spec.json")
	if err := os.WriteFile(file, b, 0o666); err != nil {
		return nil, err
	}
	loopback, err := filepath.Abs("loopback")
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(s.OutDir, "wstest.log"))
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { log.Close() })

	// -u 0: no web server beside fuzzingserver's own.
	cmd := exec.CommandContext(ctx, wstest, "-m", mode, "-s", file, "-u", "0")
	cmd.Dir = s.OutDir
	cmd.Env = append(os.Environ(), "PYTHONPATH="+loopback, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.WaitDelay = maxEnd
	ownGroup(cmd)
	return cmd, nil
}

// tail returns the end of the log in dir, for a failure to print.
func tail(dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, "wstest.log"))
	if err != nil {
		return err.Error()
	}
	if len(b) > logTail {
		b = b[len(b)-logTail:]
	}
	return "wstest.log ends with:\n" + strings.TrimSpace(string(b))
}

// fuzzServer is a running fuzzingserver.
type fuzzServer struct {
	addr string // 127.0.0.1:port
	stop func() // kills it and waits until it is gone
}

// startFuzzServer starts fuzzingserver on a free port and returns once it accepts connections.
func startFuzzServer(ctx context.Context, wstest string, s spec, secure bool) (*fuzzServer, error) {
	const tries = 3 // another process may take the port in between
	var err error
	for range tries {
		var f *fuzzServer
		if f, err = tryFuzzServer(ctx, wstest, s, secure); err == nil {
			return f, nil
		}
	}
	return nil, err
}

func tryFuzzServer(ctx context.Context, wstest string, s spec, secure bool) (*fuzzServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	l.Close()
	s.URL = scheme(secure) + "://" + addr

	ctx, cancel := context.WithCancel(ctx)
	cmd, err := command(ctx, wstest, "fuzzingserver", s)
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	gone := make(chan struct{})
	go func() {
		cmd.Wait()
		close(gone)
	}()
	f := &fuzzServer{addr: addr, stop: func() { cancel(); <-gone }}

	timeout := time.NewTimer(maxStart)
	defer timeout.Stop()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return f, nil
		}
		select {
		case <-poll.C:
		case <-gone:
			f.stop()
			return nil, fmt.Errorf("fuzzingserver ended before it listened; %s", tail(s.OutDir))
		case <-timeout.C:
			f.stop()
			return nil, fmt.Errorf("fuzzingserver did not listen within %v; %s", maxStart, tail(s.OutDir))
		case <-ctx.Done():
			f.stop()
			return nil, context.Cause(ctx)
		}
	}
}

func scheme(secure bool) string {
	if secure {
		return "wss"
	}
	return "ws"
}
