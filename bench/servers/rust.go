package servers

import (
	"os"
	"os/exec"
)

var (
	fastwebsockets   = rust("fastwebsockets", "on hyper; read_frame and write_frame of a FragmentCollector")
	tokioTungstenite = rust("tokio-tungstenite", "accept_async; the stream is forwarded to its sink")
)

// rust is a server of the program that servers/rust/build.sh builds.
func rust(library, note string) Candidate {
	program := os.Getenv("PUSHWIRE_BENCH_RUST")
	return Candidate{
		Name:      library,
		Module:    library + " (Rust)",
		Note:      "tokio on one thread; " + note,
		Uncounted: true,
		Command:   func() *exec.Cmd { return exec.Command(program, library) },
		Missing: func() string {
			if program == "" {
				return library + " is left out: PUSHWIRE_BENCH_RUST does not name the program that servers/rust/build.sh builds with cargo"
			}
			return ""
		},
	}
}
