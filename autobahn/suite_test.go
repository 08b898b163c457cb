package autobahn

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire/internal/leftout"
)

var (
	update = flag.Bool("update", false, "write README.md's table, and cases.txt, from the results")
	all    = flag.Bool("all", false, "run every case of sections 12 and 13, about a quarter of an hour on two processors")

	everyPolled = flag.Bool("poller", false, "with -all: run all 517 cases on the Poller, and no other leg; four minutes on two processors")
)

// shardCases is the most that a shard has: the fewer, the better two processors are kept busy to the end. Each costs a
// start of Python, one or two seconds.
const shardCases = 130

// TestSuite runs every leg and judges it. The shards of all legs share as many slots as there are processors, because
// wstest is a single thread that keeps one busy.
func TestSuite(t *testing.T) {
	wstest := findWstest(t)
	exp := readExpectations(t)
	reports, err := filepath.Abs("reports")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(reports); err != nil {
		t.Fatal(err)
	}
	cert := newCertificate(t)
	start := time.Now()

	slots := make(chan struct{}, max(2, runtime.NumCPU()))
	runs := make([]*run, len(legs))
	var wg sync.WaitGroup
	legs := legs
	if *everyPolled {
		legs = slices.DeleteFunc(slices.Clone(legs), func(l leg) bool { return !l.poller })
		runs = runs[:len(legs)]
	}
	for i, l := range legs {
		r := &run{leg: l, cases: l.cases(exp), results: results{}}
		if !*all {
			r.cases = compressedSubset(r.cases)
		}
		runs[i] = r
		var secret *certificate
		if l.secure {
			secret = cert
		}
		var addr string
		if l.dir == server {
			addr = startServer(t, l, secret)
		}
		shards := max(2, (len(r.cases)+shardCases-1)/shardCases)
		for n := range shards {
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				r.shard(t.Context(), wstest, addr, cert, shard(r.cases, n, shards), shardDir(reports, l, n))
			})
		}
	}
	wg.Wait()

	for _, r := range runs {
		r.problems = append(r.problems, judge(r.dir, r.cases, r.results, exp)...)
		t.Run(r.name, func(t *testing.T) {
			for _, p := range r.problems {
				t.Error(p)
			}
			t.Logf("%d cases, %d results, %.0f s of wstest", len(r.cases), len(r.results), r.spent.Seconds())
		})
	}
	if err := writeIndexPage(reports, runs, exp, time.Since(start)); err != nil {
		t.Error(err)
	}
	t.Logf("reports: %s", filepath.Join(reports, "index.html"))
	t.Run("readme", func(t *testing.T) {
		if !*all {
			leftout.Skip(t, "204 of the 216 cases of 12 and 13, and with them the table in autobahn/README.md: -all runs them, as ci/test.sh does")
		}
		if *everyPolled {
			leftout.Skip(t, "all legs but that of the Poller, because of -poller")
		}
		checkReadme(t, table(runs, exp))
	})
}

// run is a leg with what came of it.
type run struct {
	leg
	cases []string

	mu       sync.Mutex // of what follows, while the shards run
	results  results
	problems []string
	spent    time.Duration
}

func (r *run) shard(ctx context.Context, wstest, addr string, cert *certificate, ids []string, dir string) {
	start := time.Now()
	var err error
	if r.dir == server {
		err = fuzzServerUnderTest(ctx, wstest, r.leg, addr, ids, dir)
	} else {
		err = fuzzClientUnderTest(ctx, wstest, r.leg, cert, ids, dir)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spent += time.Since(start)
	if readErr := r.results.readShard(dir); err == nil {
		err = readErr
	}
	if err != nil {
		r.problems = append(r.problems, fmt.Sprintf("shard %s: %v; %s", filepath.Base(dir), err, tail(dir)))
	}
}

// The suite's numbers must be in README.md as they came out, so that no claim there outlives its proof.
func checkReadme(t *testing.T, table string) {
	const file = "README.md"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(b), tableBegin)
	_, foot, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no %q and %q around its table", file, tableBegin, tableEnd)
	}
	want := head + tableBegin + "\n" + table + tableEnd + foot
	if want == string(b) {
		return
	}
	if !*update {
		t.Fatalf("the table in %s is not that of this run; if the run was good, go test ./autobahn -update writes it", file)
	}
	if err := os.WriteFile(file, []byte(want), 0o666); err != nil {
		t.Fatal(err)
	}
}
