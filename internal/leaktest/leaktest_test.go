package leaktest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// modeEnv tells a run of this test binary that was started by one of its own
// tests how to behave.
const modeEnv = "PUSHWIRE_LEAKTEST_MODE"

func TestMain(m *testing.M) { Main(m) }

func leakForEver(started chan<- bool) {
	started <- true
	select {}
}

// TestChild is what TestMainExitCode runs in a process of its own.
func TestChild(t *testing.T) {
	switch os.Getenv(modeEnv) {
	case "leak":
		started := make(chan bool)
		go leakForEver(started)
		<-started
	case "slow":
		go time.Sleep(200 * time.Millisecond)
	case "fail":
		go leakForEver(make(chan bool, 1))
		t.Error("this test fails")
	case "http":
		srv := httptest.NewServer(http.NotFoundHandler())
		defer srv.Close()
		// http.DefaultClient's connection stays idle until the server ends it.
		res, err := http.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
}

func TestMainExitCode(t *testing.T) {
	for _, c := range []struct {
		mode string
		ok   bool
		says string // what the output must hold
		not  string // what it must not
	}{
		{"clean", true, "PASS", "left"},
		{"slow", true, "PASS", "left"},
		{"http", true, "PASS", "left"},
		{"leak", false, "leaktest.leakForEver", ""},
		{"leak", false, "left 1 goroutines", ""},
		{"fail", false, "this test fails", "left"},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			exe, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(exe, "-test.run=^TestChild$")
			cmd.Env = append(os.Environ(), modeEnv+"="+c.mode)
			out, err := cmd.CombinedOutput()
			if (err == nil) != c.ok {
				t.Errorf("exit: %v", err)
			}
			if !strings.Contains(string(out), c.says) {
				t.Errorf("the output lacks %q:\n%s", c.says, out)
			}
			if c.not != "" && strings.Contains(string(out), c.not) {
				t.Errorf("the output holds %q:\n%s", c.not, out)
			}
		})
	}
}

func TestCleanSeesALeakComeAndGo(t *testing.T) {
	before := snapshot()
	stop, done := make(chan bool), make(chan bool)
	go func() {
		<-stop
		close(done)
	}()
	var out bytes.Buffer
	if clean(&out, before, 0) {
		t.Error("a goroutine that runs was not seen")
	}
	if !strings.Contains(out.String(), "TestCleanSeesALeakComeAndGo") {
		t.Errorf("no stack in the output:\n%s", &out)
	}
	close(stop)
	<-done
	if !clean(&out, before, Patience) {
		t.Error("a goroutine that has ended was seen")
	}
}

func TestParseAndIgnore(t *testing.T) {
	const dump = `goroutine 1 [running]:
main.main()
	main.go:3 +0x1

goroutine 21 [syscall, 2 minutes]:
os/signal.signal_recv()
	sigqueue.go:152 +0x28
os/signal.loop()
	signal_unix.go:23 +0x13
created by os/signal.Notify.func1.1 in goroutine 1
	signal.go:151 +0x1f

goroutine 33 [chan receive]:
example.com/p.(*T).run(0xc0001, {0x1, 0x2}, ...)
	t.go:12 +0x1d
created by example.com/p.New in goroutine 7
	t.go:34 +0x5e
`
	all := parse(dump)
	left := leaked(all, map[string]bool{"goroutine 1": true})
	if len(all) != 3 || len(left) != 1 {
		t.Fatalf("%d goroutines, %d left", len(all), len(left))
	}
	if g := left[0]; g.id != "goroutine 33" || strings.Join(g.fns, " ") != "example.com/p.(*T).run example.com/p.New" {
		t.Errorf("got %q with %q", g.id, g.fns)
	}
}
