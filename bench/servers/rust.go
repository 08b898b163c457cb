package servers

import (
	"os"
	"os/exec"
)

var (
	fastwebsockets = rust("fastwebsockets", "", "on hyper; read_frame and write_frame of a FragmentCollector")

	// Its documentation has two sizes for the buffer that it reads to: the
	// default, for a high load, and a small one for many connections.
	tokioTungstenite  = rust("tokio-tungstenite", "", "accept_async; the stream is forwarded to its sink")
	tokioTungstenite4 = rust("tokio-tungstenite", ", 4 KiB", "the same with a read_buffer_size of 4 KiB")
)

// rust is a server of the program that servers/rust/build.sh builds.
func rust(library, variant, note string) Candidate {
	program := os.Getenv("PUSHWIRE_BENCH_RUST")
	return Candidate{
		Name:    library + variant,
		Module:  library + " (Rust)",
		Note:    "tokio on one thread; " + note,
		Command: func() *exec.Cmd { return exec.Command(program, library+variant) },
		Missing: func() string {
			if program == "" {
				return library + variant + " is left out: PUSHWIRE_BENCH_RUST does not name the program that servers/rust/build.sh builds with cargo"
			}
			return ""
		},
	}
}
