//go:build linux

package push

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pushwire/pushwire/bench/child"
)

const (
	mail    = "push@example.com"
	subject = "mailto:" + mail
	ttl     = 60 // seconds
)

// Payload is what each message has: 300 bytes of JSON, and no room behind them:
// webpush-go would write there, while others read it.
var Payload = []byte(`{"title":"` + strings.Repeat("A message of three hundred bytes. ", 8) + `","id":"0123456789abcdef"}`)[:300:300]

// Job is what a sender process is to do, in its environment.
type Job struct {
	Candidate    string
	Service      bool // send to it; else to a transport that answers at once
	CA           string
	Warm, N      int // messages, before and during the measurement
	Concurrency  int // of them at a time
	Subscription json.RawMessage
	Payload      []byte
	Public       string // VAPID key
	Private      string
	Subject      string
	TTL          int

	body *atomic.Int64 // bytes of the last body
}

// Spent is what the sender says in the end, for all N messages.
type Spent struct {
	CPU, Wall     time.Duration // nanoseconds in JSON
	Allocs, Bytes float64       // of the heap; 0 where nobody counts them
	Body          int64         // bytes of one message
}

const jobEnv = "PUSHWIRE_BENCH_PUSH_JOB"

// Main turns the process into a sender or a service if it was started as one,
// and returns otherwise.
func Main() {
	var err error
	switch {
	case os.Getenv(serviceEnv) != "":
		err = serve(os.Getenv(serviceEnv))
	case os.Getenv(jobEnv) != "":
		err = work(os.Getenv(jobEnv))
	default:
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench push:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run starts a sender on a core and waits for what it says.
func (c *Candidate) run(j Job, core int) (Spent, error) {
	var s Spent
	exe, err := os.Executable()
	if err != nil {
		return s, err
	}
	cmd := exec.Command(exe)
	if c.command != nil {
		cmd = c.command()
	}
	text, err := json.Marshal(j)
	if err != nil {
		return s, err
	}
	cmd.Env = append(os.Environ(), jobEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return s, err
	}
	if err := child.StartPinned(cmd, core); err != nil {
		return s, err
	}
	said := json.NewDecoder(out).Decode(&s)
	if err := cmd.Wait(); err != nil {
		return s, fmt.Errorf("%s: %w", c.Name, err)
	}
	return s, said
}

// work is the sender process of the candidates in Go.
func work(text string) error {
	j := &Job{body: new(atomic.Int64)}
	if err := json.Unmarshal([]byte(text), j); err != nil {
		return err
	}
	var c *Candidate
	for i := range All {
		if All[i].Name == j.Candidate {
			c = &All[i]
		}
	}
	if c == nil || c.newSender == nil {
		return fmt.Errorf("there is no candidate %q here", j.Candidate)
	}
	send, err := c.newSender(j)
	if err != nil {
		return err
	}
	if err := j.all(j.Warm, send); err != nil {
		return err
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin, cpu := time.Now(), child.CPUTime()
	if err := j.all(j.N, send); err != nil {
		return err
	}
	s := Spent{Wall: time.Since(begin), CPU: child.CPUTime() - cpu, Body: j.body.Load()}
	runtime.ReadMemStats(&after)
	s.Allocs, s.Bytes = float64(after.Mallocs-before.Mallocs), float64(after.TotalAlloc-before.TotalAlloc)
	return json.NewEncoder(os.Stdout).Encode(s)
}

// all sends n messages, as many at a time as the job says.
func (j *Job) all(n int, send func(context.Context) error) error {
	ctx := context.Background()
	if j.Concurrency == 1 {
		for range n {
			if err := send(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	var wg sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(n))
	failed := make([]error, j.Concurrency)
	for i := range j.Concurrency {
		wg.Go(func() {
			for left.Add(-1) >= 0 && failed[i] == nil {
				failed[i] = send(ctx)
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

// transport is what a sender in Go gets: net/http's with the service's
// authority and room for all its connections, or one that answers at once.
func (j *Job) transport() http.RoundTripper {
	if !j.Service {
		return atOnce{j.body}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(j.CA))
	return counting{&http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: j.Concurrency,
	}, j.body}
}

// counting notes how long bodies are.
type counting struct {
	http.RoundTripper
	body *atomic.Int64
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.body.Store(r.ContentLength)
	return c.RoundTripper.RoundTrip(r)
}

type atOnce struct{ body *atomic.Int64 }

var atOnceHeader = http.Header{"Location": {"/message/1"}}

func (a atOnce) RoundTrip(r *http.Request) (*http.Response, error) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return nil, err
	}
	a.body.Store(n)
	return &http.Response{StatusCode: http.StatusCreated, Status: "201 Created", Proto: "HTTP/2.0", ProtoMajor: 2, Header: atOnceHeader, Body: http.NoBody, Request: r}, r.Body.Close()
}
