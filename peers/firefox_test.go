package peers

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
)

// firefoxTime is what a start of Firefox may take, profile and all: 3 to 6 s
// on two processors that have nothing else to do.
const firefoxTime = 90 * time.Second

// firefox is headless Firefox with one page, driven by WebDriver BiDi over a
// WebSocket connection of ours.
type firefox struct {
	*remote
	context string // of the page
}

// startFirefox starts Firefox with a fresh profile that has these preferences,
// and ends it with the test.
func startFirefox(t *testing.T, prefs map[string]any) *firefox {
	t.Helper()
	profile := t.TempDir()
	var user bytes.Buffer
	for name, value := range prefs {
		v, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&user, "user_pref(%q, %s);\n", name, v)
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), user.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	// A home of its own, and no display or session bus of the machine's.
	env := append(os.Environ(), "HOME="+profile, "MOZ_HEADLESS=1", "DBUS_SESSION_BUS_ADDRESS=disabled:", "MOZ_CRASHREPORTER_DISABLE=1")
	at := startBrowser(t, firefoxPart.need(t), env, "WebDriver BiDi listening on ",
		"--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank")
	f := &firefox{remote: dialRemote(t, at+"/session")}
	f.call(t, "session.new", map[string]any{"capabilities": map[string]any{}}, nil)
	var tree struct{ Contexts []struct{ Context string } }
	f.call(t, "browsingContext.getTree", map[string]any{}, &tree)
	if len(tree.Contexts) == 0 {
		t.Fatal("Firefox has no page")
	}
	f.context = tree.Contexts[0].Context
	return f
}

// open goes to url and waits until it is loaded.
func (f *firefox) open(t *testing.T, url string) {
	t.Helper()
	f.call(t, "browsingContext.navigate", map[string]any{"context": f.context, "url": url, "wait": "complete"}, nil)
}

// eval calls an async JavaScript function in the page and decodes what it
// returns.
func (f *firefox) eval(t *testing.T, function string, into any, args ...any) {
	t.Helper()
	packed, err := json.Marshal(append([]any{}, args...))
	if err != nil {
		t.Fatal(err)
	}
	source := fmt.Sprintf("(async () => JSON.stringify((await (%s)(...%s)) ?? null))()", function, packed)
	var answer struct {
		Type             string
		Result           struct{ Value string }
		ExceptionDetails struct{ Text string }
	}
	f.call(t, "script.evaluate", map[string]any{
		"expression": source, "target": map[string]any{"context": f.context}, "awaitPromise": true,
	}, &answer)
	if answer.Type != "success" {
		t.Fatalf("Firefox: %s", answer.ExceptionDetails.Text)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal([]byte(answer.Result.Value), into); err != nil {
		t.Fatalf("Firefox returned %q: %v", answer.Result.Value, err)
	}
}

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
	case <-time.After(firefoxTime):
		t.Fatalf("%s did not start within %v", filepath.Base(program), firefoxTime)
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
