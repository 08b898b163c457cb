package peers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

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
