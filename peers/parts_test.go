package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pushwire/pushwire/internal/leftout"
)

// A part is something that ci/setup.sh installs.
type part struct {
	variable string // where ci/setup.sh says it is
	cached   string // where it is below .cache
	path     string // its name on the PATH, "" if that would not do
	name     string
}

var (
	chromium    = part{"PUSHWIRE_CHROMIUM", "bin/chromium", "chromium", "Chromium"}
	firefoxPart = part{"PUSHWIRE_FIREFOX", "bin/firefox", "firefox-esr", "Firefox"}
	node        = part{"PUSHWIRE_NODE", "", "node", "Node.js"}
	nodeModules = part{"PUSHWIRE_NODE_MODULES", "node/node_modules", "", "the npm packages of peers/node"}
	python      = part{"PUSHWIRE_PY3", "py3/bin/python", "", "the PyPI packages of peers/python"}
	nginx       = part{"PUSHWIRE_NGINX", "bin/nginx", "nginx", "nginx"}
	jetty       = part{"PUSHWIRE_JETTY", "bin/jetty", "", "Jetty's WebSocket client and a JDK"}
	ece         = part{"PUSHWIRE_ECE", "bin/ece", "", "the crate ece as peers/rust builds it"}
)

// need returns where the part is; without it the test is skipped, or fails
// where nothing may be missing.
func (p part) need(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		leftout.Skip(t, "the clients and servers that are not ours, by -short")
	}
	if path := os.Getenv(p.variable); path != "" {
		return path
	}
	if p.cached != "" {
		path, err := filepath.Abs(filepath.Join("..", ".cache", p.cached))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	if p.path != "" {
		if path, err := exec.LookPath(p.path); err == nil {
			return path
		}
	}
	leftout.Missing(t, "what needs %s, which is not installed: run ci/setup.sh, or set %s", p.name, p.variable)
	return ""
}
