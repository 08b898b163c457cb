package autobahn

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/handshake"
)

// TestGate proves that the gate fails when it must: a good index.json passes, and each doctored one does not.
func TestGate(t *testing.T) {
	exp := readExpectations(t)
	ids := exp.selected(server, allCases())

	for _, tt := range []struct {
		name   string
		doctor func(results) // changes the good results
		want   string        // begin of the only sentence; empty: the gate passes
	}{
		{"good", func(results) {}, ""},
		{"missing case", func(r results) { delete(r, "6.4.1") }, "6.4.1: no result"},
		{"last case missing", func(r results) { delete(r, "10.1.1") }, "10.1.1: no result"},
		{"extra case", func(r results) { r["12.6.1"] = ok }, "12.6.1: has a result"},
		{"case that does not exist", func(r results) { r["8.1.1"] = ok }, "8.1.1: has a result"},
		{"NON-STRICT", func(r results) { r["6.4.1"] = result{Behavior: "NON-STRICT", BehaviorClose: "OK"} }, "6.4.1: NON-STRICT, close OK"},
		{"FAILED", func(r results) { r["1.1.1"] = result{Behavior: "FAILED", BehaviorClose: "OK"} }, "1.1.1: FAILED"},
		{"UNIMPLEMENTED", func(r results) { r["9.1.1"] = result{Behavior: "UNIMPLEMENTED", BehaviorClose: "UNIMPLEMENTED"} }, "9.1.1: UNIMPLEMENTED"},
		{"close FAILED", func(r results) { r["7.1.1"] = result{Behavior: "OK", BehaviorClose: "FAILED"} }, "7.1.1: OK, close FAILED"},
		{"close UNCLEAN", func(r results) { r["7.1.1"] = result{Behavior: "OK", BehaviorClose: "UNCLEAN"} }, "7.1.1: OK, close UNCLEAN"},
		{"close WRONG CODE", func(r results) { r["7.1.1"] = result{Behavior: "OK", BehaviorClose: "WRONG CODE"} }, "7.1.1: OK, close WRONG CODE"},
		{"close INFORMATIONAL where OK is due", func(r results) { r["7.1.1"] = result{Behavior: "OK", BehaviorClose: "INFORMATIONAL"} }, "7.1.1: OK, close INFORMATIONAL"},
		{"INFORMATIONAL where OK is due", func(r results) { r["5.1"] = informational }, "5.1: INFORMATIONAL"},
		{"OK where INFORMATIONAL is due", func(r results) { r["7.1.6"] = ok }, "7.1.6: OK"},
		{"close FAILED where INFORMATIONAL is due", func(r results) { r["7.1.6"] = result{Behavior: "INFORMATIONAL", BehaviorClose: "FAILED"} }, "7.1.6: INFORMATIONAL, close FAILED"},
		{"no close behaviour", func(r results) { r["2.1"] = result{Behavior: "OK"} }, "2.1: OK, close (nothing)"},
		{"neither", func(r results) { r["2.1"] = result{} }, "2.1: (nothing)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := good(exp, ids)
			tt.doctor(r)
			dir := writeIndex(t, map[string]results{"pushwire": r})
			got := results{}
			if err := got.readShard(dir); err != nil {
				t.Fatal(err)
			}
			problems := judge(server, ids, got, exp)
			switch {
			case tt.want == "" && len(problems) > 0:
				t.Errorf("good results were refused: %v", problems)
			case tt.want != "" && (len(problems) != 1 || !strings.HasPrefix(problems[0], tt.want)):
				t.Errorf("got %q, want one sentence that begins with %q", problems, tt.want)
			}
		})
	}
}

var (
	ok            = result{Behavior: resultOK, BehaviorClose: resultOK}
	informational = result{Behavior: resultInformational, BehaviorClose: resultInformational}
)

func good(exp expectations, ids []string) results {
	r := results{}
	for _, id := range ids {
		want := exp.want(server, id)
		r[id] = result{Behavior: want, BehaviorClose: want}
	}
	return r
}

func writeIndex(t *testing.T, index any) (dir string) {
	t.Helper()
	dir = t.TempDir()
	b, err := json.Marshal(index)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "index.json"), b, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// wstest leaves {} and exit code 0 when it could not connect; each case must then be missed.
func TestGateEmptyIndex(t *testing.T) {
	exp := readExpectations(t)
	ids := exp.selected(server, allCases())
	for name, index := range map[string]any{
		"empty":           map[string]results{},
		"agent, no cases": map[string]results{"pushwire": {}},
	} {
		r := results{}
		if err := r.readShard(writeIndex(t, index)); err != nil {
			t.Fatal(err)
		}
		if n := len(judge(server, ids, r, exp)); n != len(ids) {
			t.Errorf("%s: %d sentences, want %d", name, n, len(ids))
		}
	}
	if p := judge(server, nil, results{}, exp); len(p) == 0 {
		t.Error("a run that was asked for nothing passed")
	}
}

func TestGateUnreadableIndex(t *testing.T) {
	r := results{}
	if err := r.readShard(t.TempDir()); err == nil {
		t.Error("no index.json: no error")
	}
	if err := r.readShard(writeIndex(t, "text")); err == nil {
		t.Error("index.json that is not an object: no error")
	}
	if err := r.readShard(writeIndex(t, map[string]results{"a": {"1.1.1": ok}, "b": {"1.1.2": ok}})); err == nil {
		t.Error("two agents: no error")
	}
	if err := r.readShard(writeIndex(t, map[string]results{"a": {"1.1.3": ok}})); err != nil {
		t.Error(err)
	}
	if err := r.readShard(writeIndex(t, map[string]results{"a": {"1.1.3": ok}})); err == nil {
		t.Error("a case in two shards: no error")
	}
}

// A case that waits must not slip into a run.
func TestGateWaitingCase(t *testing.T) {
	exp := readExpectations(t)
	ids := slices.DeleteFunc(allCases(), func(id string) bool { return exp.want(client, id) != waiting })
	if len(ids) == 0 {
		t.Log("no case waits")
	}
	for _, id := range ids {
		if p := judge(client, []string{id}, results{id: ok}, exp); len(p) != 1 {
			t.Errorf("%s: %q, want one sentence", id, p)
		}
	}
}

// The same with the real suite: it can't connect, ends with exit code 0, and must not pass.
func TestGateUnreachableServer(t *testing.T) {
	wstest := findWstest(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	ids := []string{"1.1.1", "7.1.6"}
	r := run{leg: legs[0], cases: ids, results: results{}}
	r.shard(t.Context(), wstest, addr, nil, ids, filepath.Join(t.TempDir(), "1"))
	if got := judge(server, ids, r.results, readExpectations(t)); len(got) != len(ids) {
		t.Errorf("got %q, want a sentence for each of %q", got, ids)
	}
}

// A server that drops each connection after the handshake still gets OK for the cases that expect a failed connection.
func TestGateDroppingServer(t *testing.T) {
	wstest := findWstest(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: pushwire.Handler(func(_ context.Context, c *pushwire.Conn, _ *handshake.Request) { c.CloseNow() }, nil)}
	go srv.Serve(l)
	defer srv.Close()
	ids := []string{"1.1.1", "5.1", "6.4.1", "7.1.1"}
	r := run{leg: legs[0], cases: ids, results: results{}}
	r.shard(t.Context(), wstest, l.Addr().String(), nil, ids, filepath.Join(t.TempDir(), "1"))
	if len(r.problems) > 0 || len(r.results) != len(ids) {
		t.Fatalf("wstest did not come through: %q, %d results", r.problems, len(r.results))
	}
	if got := judge(server, ids, r.results, readExpectations(t)); len(got) == 0 {
		t.Errorf("a server that drops every connection passed: %v", r.results)
	}
}
