package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Results are those of one command, as they are stored.
type Results struct {
	Date     string            // of the run, UTC
	Command  string            // that repeats it
	Machine  string            // processor, cores, kernel
	Go       string            // version of the toolchain
	Commit   string            // of this module, with a plus sign if files differed from it
	Versions map[string]string // of the peers' modules
	Notes    map[string]string `json:",omitempty"` // what else a measurement has to say, by candidate
	Samples  []Sample          // in the order in which they were taken
}

// Sample is one candidate's round of one case.
type Sample struct {
	Case      string
	Candidate string
	Round     int
	Values    map[string]float64 // by name; the name ends in the unit
}

// New returns Results without samples, for this machine and this moment.
func New(command string) *Results {
	r := &Results{
		Date:     time.Now().UTC().Format(time.DateOnly),
		Command:  command,
		Machine:  machine(),
		Go:       runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
		Commit:   commit(),
		Versions: map[string]string{},
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			r.Versions[m.Path] = m.Version
		}
	}
	return r
}

// Add adds a sample.
func (r *Results) Add(s Sample) { r.Samples = append(r.Samples, s) }

// Median returns the median of a value over the rounds, and false where there
// is none.
func (r *Results) Median(name, candidate, value string) (float64, bool) {
	var all []float64
	for _, s := range r.Samples {
		if v, ok := s.Values[value]; ok && s.Case == name && s.Candidate == candidate {
			all = append(all, v)
		}
	}
	return median(all)
}

// MedianRatio returns the median over the rounds of one candidate's value over
// that of another in the same round, and false where there is none.
func (r *Results) MedianRatio(name, over, under, value string) (float64, bool) {
	of := make(map[int]float64)
	for _, s := range r.Samples {
		if v, ok := s.Values[value]; ok && s.Case == name && s.Candidate == over {
			of[s.Round] = v
		}
	}
	var all []float64
	for _, s := range r.Samples {
		if v, ok := s.Values[value]; ok && s.Case == name && s.Candidate == under && of[s.Round] > 0 && v > 0 {
			all = append(all, of[s.Round]/v)
		}
	}
	return median(all)
}

func median(all []float64) (float64, bool) {
	if len(all) == 0 {
		return 0, false
	}
	slices.Sort(all)
	mid := len(all) / 2
	if len(all)%2 == 0 {
		return (all[mid-1] + all[mid]) / 2, true
	}
	return all[mid], true
}

// Rounds returns how many rounds there were.
func (r *Results) Rounds() int {
	n := 0
	for _, s := range r.Samples {
		n = max(n, s.Round)
	}
	return n
}

// Store writes the results, a line for each sample.
func (r *Results) Store(file string) error {
	var b bytes.Buffer
	head := *r
	head.Samples = nil
	h, err := json.MarshalIndent(head, "", "  ")
	if err != nil {
		return err
	}
	b.Write(bytes.TrimSuffix(h, []byte("null\n}")))
	for i, s := range r.Samples {
		line, err := json.Marshal(s)
		if err != nil {
			return err
		}
		b.WriteString([]string{",", "["}[btoi(i == 0)] + "\n    ")
		b.Write(line)
	}
	if len(r.Samples) == 0 {
		b.WriteString("[")
	}
	b.WriteString("\n  ]\n}\n")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Load reads what Store has written.
func Load(file string) (*Results, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &Results{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

func machine() string {
	parts := []string{}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				parts = append(parts, strings.TrimSpace(value))
				break
			}
		}
	}
	parts = append(parts, fmt.Sprintf("%d cores", runtime.NumCPU()))
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		release, _, _ := strings.Cut(strings.TrimSpace(string(b)), "-")
		parts = append(parts, "Linux "+release)
	}
	return strings.Join(parts, ", ")
}

// commit names the tree; "" outside of a repository.
func commit() string {
	id, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return ""
	}
	// Only what is compiled in matters: the module without this folder.
	changed, err := exec.Command("git", "status", "--porcelain", "--", ":/*.go", ":!/bench").Output()
	name := strings.TrimSpace(string(id))
	if err != nil || len(changed) > 0 {
		name += "+"
	}
	return name
}
