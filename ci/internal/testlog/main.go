// Command testlog reads the output of go test -json from standard input, prints what a person wants to see of it, and
// decides whether the run was good: no test failed, no package failed to build, something ran at all, and nothing was
// skipped but what a list permits.
//
//	go test -json ./... | go run ./ci/internal/testlog -run race -permitted ci/permitted-skips.txt -totals FILE
//	go run ./ci/internal/testlog -sum -totals FILE
//
// The first form adds its counts to FILE, one line a run, and what it printed of failures to FILE.failed. The second prints
// these failures once more, the last lines of each run, so that they stand at the end of a long log, and then the sum as
// "N passed, N failed, N skipped".
// Counted are tests without subtests and the leaves of those that have some, each once a run.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	var (
		run       = flag.String("run", "test", "name of this run, the first column of the list of permitted skips")
		permitted = flag.String("permitted", "", "file with the permitted skips")
		totals    = flag.String("totals", "", "file that the counts are added to")
		strict    = flag.Bool("strict", false, "fail on a skip that the list does not permit")
		verbose   = flag.Bool("v", false, "print the output of every test, not only of those that failed")
		sum       = flag.Bool("sum", false, "print the failures and the sum of the counts in -totals and do nothing else")
	)
	flag.Parse()
	if *sum {
		c, err := readTotals(*totals)
		if err != nil {
			fatal(err)
		}
		if err := printFailures(os.Stdout, *totals); err != nil {
			fatal(err)
		}
		fmt.Println(c)
		return
	}

	list, err := readPermits(*permitted)
	if err != nil {
		fatal(err)
	}
	log := newLog(os.Stdout, *verbose)
	if err := log.read(os.Stdin); err != nil {
		fatal(err)
	}
	unexpected := log.report(*run, list)
	if *totals != "" {
		if err := appendTotals(*totals, *run, log.counts); err != nil {
			fatal(err)
		}
		if err := appendFailures(*totals, *run, log.failed.String()); err != nil {
			fatal(err)
		}
	}
	switch {
	case log.counts.failed > 0:
		os.Exit(1)
	case log.counts.passed == 0:
		fatal(fmt.Errorf("no test was run"))
	case unexpected > 0 && *strict:
		fmt.Printf("%d skipped tests are not in the list of permitted skips, %s\n", unexpected, *permitted)
		os.Exit(1)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "testlog:", err)
	os.Exit(1)
}
