//go:build linux

package push

import (
	"context"
	"os"
	"os/exec"

	_ "embed"
)

// Candidate is one of those that are compared.
type Candidate struct {
	Name string
	Note string // how it is used, and what it leaves out

	// newSender returns what sends one message to the subscription of a job,
	// and says how many bytes its body had; it is called from up to
	// Job.Concurrency goroutines. nil where the candidate is no Go package.
	newSender func(j *Job) (func(ctx context.Context) error, error)

	// Missing says why the candidate can't take part here; "" if it can.
	Missing func() string
	command func() *exec.Cmd // of a sender that this program does not contain
}

// All are the candidates in the order of the tables.
var All = []Candidate{pushwire, webpushGo, npm}

//go:embed npm.cjs
var npmScript string

// npm is npm's web-push. Without a service it only makes the request
// (generateRequestDetails), since its transport can't be replaced.
var npm = Candidate{
	Name: "npm web-push",
	Note: "no padding; a token for each message; HTTP/1.1 with a keep-alive agent",
	Missing: func() string {
		if os.Getenv("PUSHWIRE_NODE") == "" || os.Getenv("PUSHWIRE_NODE_MODULES") == "" {
			return "npm web-push is left out: PUSHWIRE_NODE and PUSHWIRE_NODE_MODULES, which ci/setup.sh finds, do not say where node and its modules are"
		}
		return ""
	},
	command: func() *exec.Cmd {
		return exec.Command(os.Getenv("PUSHWIRE_NODE"), "-e", npmScript, "--", os.Getenv("PUSHWIRE_NODE_MODULES"))
	},
}
