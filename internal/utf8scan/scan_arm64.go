//go:build !purego

package utf8scan

// vectors says that there is a kernel for this processor.
const vectors = true

// NEON is a part of arm64.
var implementations = []implementation{{name: "neon", scan: scan}}

//go:noescape
func scan(p []byte) bool
