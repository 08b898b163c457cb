package autobahn

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pushwire/pushwire"
)

// TestCaseList asks the suite itself, through fuzzingserver, how many cases it has and what their ids are.
func TestCaseList(t *testing.T) {
	wstest := findWstest(t)
	ctx, cancel := context.WithTimeout(t.Context(), maxCase)
	defer cancel()
	// "*" is the only pattern that is safe: it means every case.
	f, err := startFuzzServer(ctx, wstest, spec{OutDir: filepath.Join(t.TempDir(), "list"), Cases: []string{"*"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.stop()

	var count int
	f.ask(ctx, t, "/getCaseCount", nil, &count)
	if count != totalCases {
		t.Errorf("the suite has %d cases, want %d: is it wstest 25.10.1?", count, totalCases)
	}
	var ids []string
	for n := 1; n <= count; n++ {
		var info struct{ ID string }
		f.ask(ctx, t, "/getCaseInfo", url.Values{"case": {strconv.Itoa(n)}}, &info)
		ids = append(ids, info.ID)
	}
	if *update {
		if err := os.WriteFile(casesFile, []byte(strings.Join(ids, "\n")+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !slices.Equal(ids, allCases()) {
		t.Errorf("%s is not the suite's list; go test ./autobahn -run TestCaseList -update writes it", casesFile)
	}
}

// ask visits an address that answers with one message of JSON and closes.
func (f *fuzzServer) ask(ctx context.Context, t *testing.T, path string, query url.Values, into any) {
	t.Helper()
	answered := false
	err := f.visit(ctx, leg{}, nil, path, query, func(ctx context.Context, c *pushwire.Conn) {
		for m, err := range c.Messages(ctx) {
			if err != nil {
				return
			}
			if err := json.Unmarshal(m.Data, into); err != nil {
				t.Fatalf("%s?%s: %v", path, query.Encode(), err)
			}
			answered = true
		}
	})
	if err != nil || !answered {
		t.Fatalf("%s?%s: no answer (%v)", path, query.Encode(), err)
	}
}
