//go:build linux

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/bench/choosing"
	"github.com/pushwire/pushwire/bench/report"
)

// chooser is the document with the tables of choosing.
const chooser = "../../../docs/CHOOSING.md"

// TestChoosing: every transport has a figure at each rate, and those that do not
// depend on the machine are what the protocol makes them. The clients fail if
// a message is missing, doubled or not whole.
func TestChoosing(t *testing.T) {
	r := report.New("choosing")
	if err := choose(tiny, r); err != nil {
		t.Fatal(err)
	}
	for _, rate := range choosing.Rates {
		name := report.ChoosingCase(rate.PerSecond)
		for _, c := range choosing.Transports {
			value := func(v string) float64 {
				m, ok := r.Median(name, c.Name, v)
				if !ok {
					t.Errorf("%s, %s: there is no %s", c.Name, name, v)
				}
				return m
			}
			if value("cpu_us") <= 0 || value("messages") < 1 {
				t.Errorf("%s, %s: %v us for each of %v messages", c.Name, name, value("cpu_us"), value("messages"))
			}
			if c.Name == choosing.Nobody {
				continue
			}
			polls := strings.Contains(c.Name, "poll")
			// The data alone has 100 bytes; the cursor and what is around them
			// less than that again, where there is no head.
			if v := value("received_bytes"); v < 100 || !polls && v > 200 {
				t.Errorf("%s, %s: %v bytes to the client", c.Name, name, v)
			}
			if v := value("sent_bytes"); polls != (v > 0) {
				t.Errorf("%s, %s: %v bytes to the server", c.Name, name, v)
			}
			if v := value("requests"); polls != (v > 0) || v > 0 && value("sent_bytes")/v < 400 {
				t.Errorf("%s, %s: %v requests of %v bytes", c.Name, name, v, value("sent_bytes"))
			}
			if p50, p99 := value("p50_ms"), value("p99_ms"); p50 <= 0 || p50 > p99 {
				t.Errorf("%s, %s: median %v ms, p99 %v ms", c.Name, name, p50, p99)
			}
			if v := value("opening_bytes"); v < 400 {
				t.Errorf("%s, %s: opened with %v bytes", c.Name, name, v)
			}
			least := 0.9
			if c.Name == "WebSocket" {
				least = 0 // a Poller reads
			}
			if v, ok := r.Median(report.ChoosingWaiting, c.Name, "goroutines"); !ok || v < least || v > 3 {
				t.Errorf("%s: %v goroutines for a client that waits", c.Name, v)
			}
		}
	}
	folder := t.TempDir()
	if err := r.Store(filepath.Join(folder, "choosing.json")); err != nil {
		t.Fatal(err)
	}
	writeChoosing(t, folder)
}

// writeChoosing writes a copy of the document from the results of a folder, and
// returns the folder that it is in.
func writeChoosing(t *testing.T, results string) (folder string) {
	t.Helper()
	text, err := os.ReadFile(chooser)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), filepath.Base(chooser))
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteChoosing(file, results); err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(file)
}

// TestChoosingDocument holds the tables of docs/CHOOSING.md and its plots to the
// stored results.
func TestChoosingDocument(t *testing.T) {
	folder := writeChoosing(t, "../../results")
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 3 {
		t.Errorf("%d files were written, not the document and two plots", len(files))
	}
	for _, f := range files {
		got, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(filepath.Dir(chooser), f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("docs/%s is not what the stored results say: go run ./cmd/bench readme", f.Name())
		}
	}
}
