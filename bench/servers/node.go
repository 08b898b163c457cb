package servers

import (
	"os"
	"os/exec"

	_ "embed"
)

//go:embed ws.cjs
var nodeScript string

// npmWS is npm's ws without compression.
var npmWS = node("npm ws", Plain)

// nodePacked is npm's ws with level 1, as all the others have, and else its
// defaults.
func nodePacked(context string) PackedCandidate {
	c := packed("npm ws", context, nil)
	c.Candidate = node(c.Name, context)
	return c
}

// node is npm's ws in a process of node.
func node(name, context string) Candidate {
	node, modules := os.Getenv("PUSHWIRE_NODE"), os.Getenv("PUSHWIRE_NODE_MODULES")
	return Candidate{
		Name:   name,
		Module: "ws (npm)",
		Note:   "node; on message, send",
		Missing: func() string {
			if node == "" || modules == "" {
				return "npm ws is left out: PUSHWIRE_NODE and PUSHWIRE_NODE_MODULES, which ci/setup.sh finds, do not say where node and its modules are"
			}
			return ""
		},
		Command: func() *exec.Cmd {
			return exec.Command(node, "--expose-gc", "-e", nodeScript, "--", modules, context)
		},
	}
}
