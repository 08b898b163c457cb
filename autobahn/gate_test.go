package autobahn

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// result is what index.json says of one case.
type result struct {
	Behavior      string `json:"behavior"`      // of the messages
	BehaviorClose string `json:"behaviorClose"` // of the end of the connection
	Duration      int    `json:"duration"`      // ms, mostly wstest's own
	ReportFile    string `json:"reportfile"`    // JSON, beside index.json; the page beside it ends in .html

	shard string // folder below the leg's, set by readShard
}

// results are those of a leg, by case id.
type results map[string]result

// readShard adds the results of dir/index.json to r. The file maps agents to cases to results; a shard has one agent. A
// wstest that could not connect leaves {}, which adds nothing: [judge] finds the missing cases.
func (r results) readShard(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		return fmt.Errorf("wstest left no report: %w", err)
	}
	var agents map[string]results
	if err := json.Unmarshal(b, &agents); err != nil {
		return fmt.Errorf("%s: index.json: %w", dir, err)
	}
	if len(agents) > 1 {
		return fmt.Errorf("%s: index.json has %d agents, want 1", dir, len(agents))
	}
	for _, cases := range agents {
		for id, res := range cases {
			if _, twice := r[id]; twice {
				return fmt.Errorf("%s: case %s was run twice", dir, id)
			}
			res.shard = filepath.Base(dir)
			r[id] = res
		}
	}
	return nil
}

// judge is the gate: it returns a sentence for each of the ids that did not give what exp wants of it, for each that has no
// result, and for each result that nobody asked for. The run was good if it returns none.
func judge(d direction, ids []string, r results, exp expectations) (problems []string) {
	if len(ids) == 0 {
		problems = append(problems, "no case was asked for")
	}
	for _, id := range ids {
		res, ok := r[id]
		want := exp.want(d, id)
		switch {
		case !ok:
			problems = append(problems, fmt.Sprintf("%s: no result", id))
		case want == waiting:
			problems = append(problems, fmt.Sprintf("%s: was run, but expectations.tsv says that it waits", id))
		case res.Behavior != want || res.BehaviorClose != want:
			problems = append(problems, fmt.Sprintf("%s: %s, close %s, want %s", id, name(res.Behavior), name(res.BehaviorClose), want))
		}
	}
	var extra []string
	for id := range r {
		if !slices.Contains(ids, id) {
			extra = append(extra, id)
		}
	}
	slices.Sort(extra)
	for _, id := range extra {
		problems = append(problems, fmt.Sprintf("%s: has a result, but was not asked for", id))
	}
	return problems
}

func name(behavior string) string {
	if behavior == "" {
		return "(nothing)"
	}
	return behavior
}
