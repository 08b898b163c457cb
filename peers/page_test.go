package peers

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

const shots = "../.cache/screenshots" // where a person finds what the page looked like

// served is the real "pushwire serve", built and started by the test.
type served struct {
	url    string
	cmd    *exec.Cmd
	cancel context.CancelFunc
	out    *bufio.Reader
	stderr bytes.Buffer
}

func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "pushwire")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/pushwire").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

func startServed(t *testing.T, binary string, args ...string) *served {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), childTime)
	s := &served{cancel: cancel}
	s.cmd = exec.CommandContext(ctx, binary, append([]string{"serve", "-addr", "127.0.0.1:0"}, args...)...)
	s.cmd.WaitDelay = endTime
	s.cmd.Stderr = &s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		s.cmd.Wait() // it may have ended already
		if t.Failed() && s.stderr.Len() > 0 {
			t.Logf("pushwire serve said:\n%s", s.stderr.Bytes())
		}
	})
	s.out = bufio.NewReader(out)
	line, err := s.out.ReadString('\n')
	if err != nil {
		t.Fatalf("pushwire serve printed nothing: %v", err)
	}
	s.url = regexp.MustCompile(`https?://\S+/`).FindString(line)
	if s.url == "" {
		t.Fatalf("no URL in %q", line)
	}
	return s
}

// interrupt sends what Ctrl-C does, and returns what the process prints until
// its end, which has to have status 0.
func (s *served) interrupt(t *testing.T) string {
	t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(eventTime, s.cancel)
	defer kill.Stop()
	said, err := io.ReadAll(s.out)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("pushwire serve, interrupted: %v", err)
	}
	return string(said)
}

// TestPage uses the page of pushwire serve as a person would, by mouse and by
// keyboard, and ends the server under it.
func TestPage(t *testing.T) {
	b := newBrowser(t)
	binary := build(t)
	certificate := newSecure(t)
	if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		scheme string
		args   []string
		view   view
		shot   string
	}{
		{"http", nil, desktop, "desktop"},
		{"https", []string{"-cert", certificate.cert, "-key", certificate.key}, phone, "phone"},
	} {
		t.Run(row.scheme, func(t *testing.T) {
			s := startServed(t, binary, row.args...)
			if !strings.HasPrefix(s.url, row.scheme+"://") {
				t.Fatalf("serves %s", s.url)
			}
			testPage(t, b, s, row.view, row.shot)
		})
	}
}

func testPage(t *testing.T, b *browser, s *served, v view, shot string) {
	b.console = nil
	contains := func(what, got string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: %q, want %q in it", what, got, w)
			}
		}
	}
	screenshot := func(name string) {
		t.Helper()
		b.act(t, "shot", command{"path": filepath.Join(shots, shot+"-"+name+".png")})
	}

	headers := b.open(t, s.url+"echo.html", v)
	contains("content policy", headers["content-security-policy"], "default-src 'none'", "script-src 'self'", "frame-ancestors 'none'")
	b.wait(t, "#status", "open")

	// Text, by keyboard alone.
	b.fill(t, "#text", "Grüße, κόσμε ✓")
	b.press(t, "Enter")
	contains("text", b.wait(t, "#log li", "received"), "text, 23 bytes", "round trip", "Grüße, κόσμε ✓")

	b.fill(t, "#hex", "00 01, 0xFE:ff")
	b.click(t, "#hex-form button")
	contains("bytes", b.wait(t, "#log li", "received binary"), "binary, 4 bytes", "00 01 fe ff")

	b.fill(t, "#hex", "0")
	b.press(t, "Enter")
	b.wait(t, "#hex-error", "two hex digits")

	file := filepath.Join(t.TempDir(), "70000.bin")
	if err := os.WriteFile(file, []byte(bytesOf(70_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.act(t, "choose", command{"selector": "#file", "path": file})
	b.click(t, "#file-form button")
	b.wait(t, "#log li", "received binary, 68.4 KiB")

	b.click(t, "#measure")
	b.wait(t, "#rtt", "median")
	b.fill(t, "#hex", "00 01 fe ff")
	b.press(t, "Enter")
	if said := eval[string](t, b, `() => document.getElementById("hex-error").textContent`, nil); said != "" {
		t.Errorf("the error stays after it was corrected: %q", said)
	}

	// The event stream ticks, and what is posted comes out of it.
	b.click(t, "#listen")
	b.wait(t, "#events", "tick ")
	b.fill(t, "#event", "to all who listen")
	b.press(t, "Enter")
	contains("event", b.wait(t, "#log li", "to all who listen"), "event", "17 bytes")
	screenshot("open")
	b.click(t, "#listen")
	b.wait(t, "#events", "not listening")

	// The log keeps its bound.
	const send150 = `async () => {
	  for (let i = 0; i < 150; i++) document.getElementById("text-form").requestSubmit();
	}`
	eval[any](t, b, send150, nil)
	b.fill(t, "#text", "the last")
	b.press(t, "Enter")
	contains("the last", b.wait(t, "#log li", "the last"), "the last")
	if n := eval[int](t, b, `() => document.querySelectorAll("#log li").length`, nil); n != 200 {
		t.Errorf("the log has %d entries, want 200", n)
	}

	// Every control has a name, and nothing is wider than a small phone.
	if unnamed := eval[[]string](t, b, `() => [...document.querySelectorAll("input, textarea, button")]
	  .filter((e) => !(e.labels?.length || e.ariaLabel || e.tagName === "BUTTON" && e.textContent.trim()))
	  .map((e) => e.id || e.outerHTML)`, nil); len(unnamed) > 0 {
		t.Errorf("controls without a name: %q", unnamed)
	}
	if over := eval[int](t, b, `() => document.documentElement.scrollWidth - document.documentElement.clientWidth`, nil); over > 0 {
		t.Errorf("the page is %d pixels wider than the window", over)
	}

	// Closing, with mistakes first; then back by keyboard.
	b.fill(t, "#code", "1001")
	b.press(t, "Enter")
	b.wait(t, "#close-error", "1000 or between 3000 and 4999")
	b.fill(t, "#code", "4001")
	b.fill(t, "#reason", strings.Repeat("ü", 62))
	b.press(t, "Enter")
	b.wait(t, "#close-error", "124 bytes; 123 fit")
	b.fill(t, "#reason", "bye")
	b.press(t, "Enter")
	b.wait(t, "#status", "closed, 4001")
	screenshot("closed")
	b.press(t, "Enter") // the focus has gone to Connect
	b.wait(t, "#status", "open")

	// A message over the server's limit.
	big := filepath.Join(t.TempDir(), "big.bin")
	if err := os.WriteFile(big, make([]byte, maxMessage+1), 0o600); err != nil {
		t.Fatal(err)
	}
	b.act(t, "choose", command{"selector": "#file", "path": big})
	b.click(t, "#file-form button")
	contains("status", b.wait(t, "#status", "closed"), "1009 message too big")
	b.click(t, "#connect")
	b.wait(t, "#status", "open")

	said := s.interrupt(t)
	contains("status", b.wait(t, "#status", "closed"), "1001 going away", "the server shuts down")
	contains("pushwire serve", said, "closing 1 connection\n", "0 left")
	screenshot("gone")
	if len(b.console) > 0 {
		t.Errorf("the console has errors: %q", b.console)
	}
}
