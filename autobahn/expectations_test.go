package autobahn

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"testing"
)

//go:embed expectations.tsv
var expectationsText string

// direction says which end of the connection is under test.
type direction string

const (
	server direction = "server"
	client direction = "client"
)

// What a case is expected to give. The suite knows more results; all others are failures.
const (
	resultOK            = "OK"
	resultInformational = "INFORMATIONAL" // the suite judges nothing
	waiting             = "WAITING"       // ours: not run
)

// expectation is one line of expectations.tsv.
type expectation struct {
	cases string // an id, or the number of a section
	dir   string // server, client or both
	want  string // resultInformational or waiting
	why   string
}

type expectations []expectation

func readExpectations(t *testing.T) expectations {
	t.Helper()
	exp, err := parseExpectations(expectationsText)
	if err != nil {
		t.Fatal(err)
	}
	return exp
}

func parseExpectations(text string) (exp expectations, err error) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 4 {
			return nil, fmt.Errorf("expectations.tsv:%d: %d columns, want 4", n, len(f))
		}
		e := expectation{f[0], f[1], f[2], f[3]}
		switch {
		case e.dir != string(server) && e.dir != string(client) && e.dir != "both":
			err = fmt.Errorf("expectations.tsv:%d: direction %q", n, e.dir)
		case e.want != resultInformational && e.want != waiting:
			err = fmt.Errorf("expectations.tsv:%d: %q can't be expected", n, e.want)
		case (e.want == waiting) == strings.Contains(e.cases, "."):
			err = fmt.Errorf("expectations.tsv:%d: only a whole section can wait, and only a case be expected", n)
		case !strings.HasSuffix(e.why, "."):
			err = fmt.Errorf("expectations.tsv:%d: no sentence says why", n)
		}
		if err != nil {
			return nil, err
		}
		exp = append(exp, e)
	}
	return exp, nil
}

// want returns what the case should give in the direction d: resultOK, or what a line of the file says.
func (exp expectations) want(d direction, id string) string {
	for _, e := range exp {
		if (e.cases == id || e.cases == section(id)) && (e.dir == "both" || e.dir == string(d)) {
			return e.want
		}
	}
	return resultOK
}

// selected returns those of ids that don't wait.
func (exp expectations) selected(d direction, ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return exp.want(d, id) == waiting })
}

func TestExpectationsNameExistingCases(t *testing.T) {
	ids := allCases()
	for _, e := range readExpectations(t) {
		if !slices.ContainsFunc(ids, func(id string) bool { return id == e.cases || section(id) == e.cases }) {
			t.Errorf("the suite has no %s", e.cases)
		}
		// Compression is all that may wait.
		if e.want == waiting && e.cases != "12" && e.cases != "13" {
			t.Errorf("section %s waits", e.cases)
		}
	}
}

func TestExpectationsRefuse(t *testing.T) {
	for _, line := range []string{
		"7.1.6\tboth\tINFORMATIONAL",
		"7.1.6\tboth\tINFORMATIONAL\t",
		"7.1.6\tneither\tINFORMATIONAL\tA sentence.",
		"6.4.1\tboth\tNON-STRICT\tA sentence.",
		"6.4.1\tboth\tFAILED\tA sentence.",
		"6.4.1\tboth\tWAITING\tOne case can't wait.",
		"6\tboth\tINFORMATIONAL\tA section can't be expected.",
	} {
		if _, err := parseExpectations(line); err == nil {
			t.Errorf("%q was taken", line)
		}
	}
}
