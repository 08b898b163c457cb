package servers

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	_ "embed"
)

//go:embed rust/Cargo.lock
var cargoLock string

// Versions are those of the candidates that are no Go modules, by Module. What
// this machine lacks is missing.
func Versions() map[string]string {
	all := map[string]string{}
	for _, c := range []Candidate{fastwebsockets, tokioTungstenite} {
		_, rest, _ := strings.Cut(cargoLock, "name = \""+c.Name+"\"\nversion = \"")
		if version, _, ok := strings.Cut(rest, `"`); ok && c.Missing() == "" {
			all[c.Module] = version
		}
	}
	if npmWS.Missing() == "" {
		var about struct{ Version string }
		text, err := os.ReadFile(filepath.Join(os.Getenv("PUSHWIRE_NODE_MODULES"), "ws", "package.json"))
		if err == nil && json.Unmarshal(text, &about) == nil {
			all[npmWS.Module] = about.Version
		}
	}
	return all
}
