//go:build purego || !(amd64 || arm64)

package utf8scan

const vectors = false

var implementations []implementation

func scan([]byte) bool { panic("utf8scan: there are no vectors") }
