package leaktest

import (
	"runtime"
	"strings"
)

// ignored are functions whose presence in a stack, as a frame or as the
// creator, makes a goroutine none of the tests' business.
var ignored = []string{
	// Started by the first signal.Notify (the testing package's and the
	// fuzzer's included) and never stopped.
	"os/signal.signal_recv",
	"os/signal.loop",
	// The runtime's own that stacks show once something uses them.
	"runtime.ensureSigM",
	"runtime/pprof.profileWriter",
	"runtime.ReadTrace",
	// A http.Client keeps idle connections for the next request. A server
	// that was not closed is found by its own goroutines.
	"net/http.(*persistConn).readLoop",
	"net/http.(*persistConn).writeLoop",
	"net/http.(*http2clientConnReadLoop).run",
	"net/http.(*http2ClientConn).readLoop",
	"golang.org/x/net/http2.(*ClientConn).readLoop",
	// The fuzzing coordinator and its workers.
	"internal/fuzz.",
}

// goroutine is one entry of a full stack dump.
type goroutine struct {
	id   string   // as printed: "goroutine 12"
	fns  []string // functions from the innermost frame to the creator, without arguments
	text string
}

// stacks returns all goroutines.
func stacks() []goroutine {
	buf := make([]byte, 64<<10)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			return parse(string(buf[:n]))
		}
		buf = make([]byte, 2*len(buf))
	}
}

// parse reads the text that runtime.Stack writes:
//
//	goroutine 7 [chan receive]:
//	pkg.(*T).method(0x1, ...)
//		file.go:12 +0x1d
//	created by pkg.New in goroutine 1
//		file.go:34 +0x5e
func parse(dump string) []goroutine {
	var gs []goroutine
	for text := range strings.SplitSeq(strings.TrimSpace(dump), "\n\n") {
		head, body, _ := strings.Cut(text, "\n")
		id, _, _ := strings.Cut(head, " [")
		g := goroutine{id: id, text: text}
		for line := range strings.SplitSeq(body, "\n") {
			if strings.HasPrefix(line, "\t") {
				continue
			}
			if creator, ok := strings.CutPrefix(line, "created by "); ok {
				line, _, _ = strings.Cut(creator, " in goroutine ")
			} else if i := strings.LastIndexByte(line, '('); i > 0 {
				line = line[:i]
			}
			g.fns = append(g.fns, line)
		}
		gs = append(gs, g)
	}
	return gs
}

// leaked returns those of all that are neither in before nor ignored.
func leaked(all []goroutine, before map[string]bool) []goroutine {
	var left []goroutine
	for _, g := range all {
		if !before[g.id] && !g.ignored() {
			left = append(left, g)
		}
	}
	return left
}

func (g goroutine) ignored() bool {
	for _, fn := range g.fns {
		for _, skip := range ignored {
			if fn == skip || strings.HasSuffix(skip, ".") && strings.HasPrefix(fn, skip) {
				return true
			}
		}
	}
	return false
}
