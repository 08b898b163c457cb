package autobahn

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/handshake"
)

// maxLate is the number of cases of one leg that may be run a second time.
const maxLate = 3

// again runs a second time, alone, the cases of the leg that wstest's own clock ended, and puts the new results in place of
// the old ones. Many cases give the peer half a second for everything; on a machine that runs other things that is not much,
// and says nothing of the peer. A peer that is really too slow is so again. A case that failed in any other way keeps its
// result, and so do all if there are more than maxLate. The caller is the only one who uses the run.
func (r *run) again(ctx context.Context, wstest string, cert *certificate, exp expectations, reports string) {
	var late []string
	for _, id := range r.cases {
		res, ok := r.results[id]
		if !ok || len(judge(r.dir, []string{id}, results{id: res}, exp)) == 0 {
			continue
		}
		if !clockEnded(filepath.Join(reports, r.name, res.shard, res.ReportFile)) {
			continue
		}
		late = append(late, id)
	}
	if len(late) == 0 || len(late) > maxLate {
		return
	}
	r.late = late
	for _, id := range late {
		delete(r.results, id)
	}
	r.shard(ctx, wstest, r.addr, cert, late, filepath.Join(reports, r.name, "again"))
}

// clockEnded tells from the suite's report of one case whether it failed the connection because its time was up: the wire
// log has an entry KLE ("kill expired") and the suite says that it failed the connection itself.
func clockEnded(file string) bool {
	b, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	var report struct {
		FailedByMe bool    `json:"failedByMe"`
		WireLog    [][]any `json:"wirelog"` // of entries whose first element is their kind
	}
	if json.Unmarshal(b, &report) != nil || !report.FailedByMe {
		return false
	}
	return slices.ContainsFunc(report.WireLog, func(entry []any) bool { return len(entry) > 0 && entry[0] == "KLE" })
}

func TestClockEnded(t *testing.T) {
	for i, tt := range []struct {
		report string
		want   bool
	}{
		{`{"failedByMe": true, "wirelog": [["RO", [1, "81"]], ["KL", 0.5], ["KLE"]]}`, true},
		{`{"failedByMe": true, "wirelog": [["KL", 0.5]]}`, false},
		{`{"failedByMe": false, "wirelog": [["KLE"]]}`, false},
		{`{"failedByMe": true, "wirelog": [[]]}`, false},
		{`{}`, false},
		{``, false},
	} {
		file := filepath.Join(t.TempDir(), fmt.Sprint(i))
		if err := os.WriteFile(file, []byte(tt.report), 0o666); err != nil {
			t.Fatal(err)
		}
		if got := clockEnded(file); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.report, got, tt.want)
		}
	}
	if clockEnded(filepath.Join(t.TempDir(), "missing")) {
		t.Error("a report that is not there: true")
	}
}

// A server that never answers is as late the second time and fails; one that is late once is forgiven.
func TestAgain(t *testing.T) {
	wstest := findWstest(t)
	exp := readExpectations(t)
	for _, tt := range []struct {
		name     string
		silent   int64 // so many messages get no answer
		problems int
	}{
		{"always late", 1 << 30, 1},
		{"late once", 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var messages atomic.Int64 // one a run of the case
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			srv := &http.Server{Handler: pushwire.Handler(func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
				defer c.CloseNow()
				for m, err := range c.Messages(ctx) {
					if err == nil && messages.Add(1) > tt.silent {
						err = c.Write(ctx, m.Type, m.Data)
					}
					if err != nil {
						return
					}
				}
			}, nil)}
			go srv.Serve(l)
			defer srv.Close()

			reports, ids := t.TempDir(), []string{"1.1.2"}
			r := &run{leg: legs[0], cases: ids, results: results{}, addr: l.Addr().String()}
			r.shard(t.Context(), wstest, r.addr, nil, ids, shardDir(reports, r.leg, 0))
			if len(judge(server, ids, r.results, exp)) == 0 {
				t.Fatal("the first run passed")
			}
			r.again(t.Context(), wstest, nil, exp, reports)
			if !slices.Equal(r.late, ids) {
				t.Errorf("run again: %q, want %q", r.late, ids)
			}
			if got := append(judge(server, ids, r.results, exp), r.problems...); len(got) != tt.problems {
				t.Errorf("after the second run: %q, want %d sentences", got, tt.problems)
			}
		})
	}
}
