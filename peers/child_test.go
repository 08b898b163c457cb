package peers

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/pushwire/pushwire/deflate"
)

const (
	childTime = 5 * time.Minute  // a child lives at most this long
	eventTime = 20 * time.Second // and says what it is waited for within this time
	endTime   = 5 * time.Second  // and ends within this time after its input
	events    = 8192             // that may wait to be read
)

// command is one line to a child, event one from it; doc.go lists them.
type command map[string]any

type event struct {
	Event    string
	Type     string
	ID       string
	Data     []byte
	Code     int
	Reason   string
	Protocol string
	Message  string
	Port     int
	Headers  map[string]string
	Deflate  *deflate.Params // what the peer goes by
	Result   json.RawMessage
}

// child is a process that speaks the line protocol. Its methods are for the
// test's goroutine.
type child struct {
	name   string
	in     io.WriteCloser
	events chan event // closed when the child's output ends

	waiting []event         // read, but not what was asked for then
	pings   int             // how many arrived
	pongs   map[string]bool // the payloads of those that arrived on this connection
	sent    int             // pings between fragments
	console []string        // errors that the browser's console showed
}

// start runs a script by the first of the parts and ends it with the test;
// the script finds the other parts in its environment.
func start(t *testing.T, name, script string, parts ...part) *child {
	t.Helper()
	env := os.Environ()
	for _, p := range parts {
		env = append(env, p.variable+"="+p.need(t))
	}
	ctx, cancel := context.WithTimeout(context.Background(), childTime)
	cmd := exec.CommandContext(ctx, parts[0].need(t), script)
	cmd.WaitDelay = endTime
	cmd.Env = env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{name: name, in: in, events: make(chan event, events), pongs: map[string]bool{}}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(c.events)
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return
			}
			var e event
			if err := json.Unmarshal(line, &e); err != nil {
				e = event{Event: "failed", Message: "not JSON: " + string(line)}
			}
			select {
			case c.events <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() {
		in.Close()
		kill := time.AfterFunc(endTime, cancel)
		for range c.events { // nobody asks any more
		}
		<-read
		err := cmd.Wait()
		kill.Stop()
		cancel()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if stderr.Len() > 0 && (t.Failed() || err != nil) {
			t.Logf("%s said:\n%s", name, stderr.Bytes())
		}
	})
	return c
}

func (c *child) do(t *testing.T, cmd command) {
	t.Helper()
	line, err := json.Marshal(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		t.Fatalf("%s does not take commands: %v", c.name, err)
	}
}

// read returns the next event of any kind.
func (c *child) read(t *testing.T) event {
	t.Helper()
	select {
	case e, ok := <-c.events:
		if !ok {
			t.Fatalf("%s has ended", c.name)
		}
		if e.Event == "failed" {
			t.Fatalf("%s: %s", c.name, e.Message)
		}
		return e
	case <-time.After(eventTime):
		t.Fatalf("%s said nothing for %v", c.name, eventTime)
		return event{}
	}
}

// keep remembers what may arrive at any time; other events it leaves to the
// caller.
func (c *child) keep(e event) bool {
	switch e.Event {
	case "ping":
		c.pings++
	case "pong":
		c.pongs[string(e.Data)] = true
	case "console":
		c.console = append(c.console, e.Message)
	default:
		return false
	}
	return true
}

// next returns the next event that keep leaves.
func (c *child) next(t *testing.T) event {
	t.Helper()
	if len(c.waiting) > 0 {
		e := c.waiting[0]
		c.waiting = c.waiting[1:]
		return e
	}
	for {
		if e := c.read(t); !c.keep(e) {
			return e
		}
	}
}

// want returns the next event, which has to be of that kind.
func (c *child) want(t *testing.T, kind string) event {
	t.Helper()
	e := c.next(t)
	if e.Event != kind {
		t.Fatalf("%s: got %s %s%s, want %s", c.name, e.Event, e.Message, e.Reason, kind)
	}
	return e
}

// wantPong waits for the pong with that payload.
func (c *child) wantPong(t *testing.T, payload string) {
	t.Helper()
	for !c.pongs[payload] {
		if e := c.read(t); !c.keep(e) {
			c.waiting = append(c.waiting, e)
		}
	}
}
