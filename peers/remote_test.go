package peers

import (
	"bufio"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
)

// browserTime is what the start of a browser may take, profile and all: 3 to 6
// s on two processors that have nothing else to do.
const browserTime = 90 * time.Second

// startBrowser starts a browser, waits for the line on its standard error that
// begins with says, and returns the rest of that line. The browser and all its
// processes end with the test.
func startBrowser(t *testing.T, program string, env []string, says string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), childTime)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = env
	cmd.WaitDelay = endTime
	inGroup(cmd)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var said []string
	found := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), says); ok {
				select {
				case found <- rest:
				default:
				}
			}
			mu.Lock()
			if said = append(said, lines.Text()); len(said) > 40 {
				said = said[1:]
			}
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-read
		cmd.Wait() // it was killed
		if t.Failed() {
			mu.Lock()
			t.Logf("%s said:\n%s", filepath.Base(program), strings.Join(said, "\n"))
			mu.Unlock()
		}
	})
	select {
	case rest := <-found:
		return strings.TrimSpace(rest)
	case <-read:
		t.Fatalf("%s ended", filepath.Base(program))
	case <-time.After(browserTime):
		t.Fatalf("%s did not start within %v", filepath.Base(program), browserTime)
	}
	return ""
}

// remote is a connection for the remote control of a browser: WebDriver BiDi
// and the Chrome DevTools Protocol both send {id, method, params} and answer
// with the same id.
type remote struct {
	c       *pushwire.Conn
	session string // of the DevTools Protocol; "" for the browser itself

	mu      *sync.Mutex
	next    *int
	waiting map[int]chan answer
	events  chan answer // those that nobody asked for; the oldest are lost
}

type answer struct {
	ID        int
	Type      string // BiDi: success, error, event
	Method    string
	SessionID string
	Params    json.RawMessage
	Result    json.RawMessage
	Error     json.RawMessage
	Message   string
}

func dialRemote(t *testing.T, url string) *remote {
	t.Helper()
	c, _, err := pushwire.Dial(t.Context(), url, &pushwire.DialOptions{
		Config: pushwire.Config{MaxMessage: 64 << 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &remote{c: c, mu: new(sync.Mutex), next: new(int), waiting: make(map[int]chan answer), events: make(chan answer, 1024)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for m, err := range c.Messages(context.Background()) {
			if err != nil {
				return
			}
			var a answer
			if json.Unmarshal(m.Data, &a) != nil {
				continue
			}
			r.mu.Lock()
			ch := r.waiting[a.ID]
			delete(r.waiting, a.ID)
			r.mu.Unlock()
			if a.ID != 0 && ch != nil {
				ch <- a
				continue
			}
			select {
			case r.events <- a:
			default:
			}
		}
	}()
	t.Cleanup(func() {
		c.CloseNow()
		<-read
	})
	return r
}

// whole is the same connection, for commands to the browser and not to a page.
func (r *remote) whole() *remote {
	b := *r
	b.session = ""
	return &b
}

// call sends a command and decodes the result of its answer.
func (r *remote) call(t *testing.T, method string, params, into any) {
	t.Helper()
	ch := make(chan answer, 1)
	r.mu.Lock()
	*r.next++
	id := *r.next
	r.waiting[id] = ch
	r.mu.Unlock()
	cmd := map[string]any{"id": id, "method": method, "params": params}
	if r.session != "" {
		cmd["sessionId"] = r.session
	}
	if err := pushwire.WriteJSON(t.Context(), r.c, cmd); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	select {
	case a := <-ch:
		if a.Type == "error" || a.Error != nil {
			t.Fatalf("%s: %s %s", method, a.Error, a.Message)
		}
		if into != nil {
			if err := json.Unmarshal(a.Result, into); err != nil {
				t.Fatalf("%s: %v in %s", method, err, a.Result)
			}
		}
	case <-time.After(2 * eventTime):
		t.Fatalf("%s was not answered", method)
	}
}
