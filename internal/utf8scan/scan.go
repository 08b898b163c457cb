package utf8scan

import "unicode/utf8"

// Min is the length from which on vectors are used, where there are any, in
// bytes. With 48 of them text is checked twice as fast as by an automaton and
// ASCII as fast as by words; below, ASCII would lose. The kernels need 35: a
// vector of 32 bytes and the three before it.
const Min = 48

// Check looks at p, which begins with a character. It returns how many bytes
// of p are whole valid characters, or not ok if no valid text begins with p.
// What is behind those n bytes was not looked at, or not for good: that is all
// of p where vectors are of no use, and otherwise at most three bytes of the
// last character, which may be whole and may be wrong.
func Check(p []byte) (n int, ok bool) {
	if len(p) < Min || !vectors {
		return 0, true
	}
	if !scan(p) {
		return 0, false
	}
	return lastCharacter(p), true
}

// Valid is utf8.Valid.
func Valid(p []byte) bool {
	n, ok := Check(p)
	return ok && utf8.Valid(p[n:])
}

// lastCharacter returns the index of the last lead byte among the last three
// bytes of p, or len(p) if there is none. p is of at least three bytes that a
// kernel has found to be in order: where the last three are continuations they
// end a character of four bytes, and an ASCII byte ends what is before it.
func lastCharacter(p []byte) int {
	for i := len(p) - 1; i >= len(p)-3; i-- {
		switch {
		case p[i] < utf8.RuneSelf:
			return len(p)
		case p[i] >= 0xC0:
			return i
		}
	}
	return len(p)
}

// implementation is one way to scan. Each file that has one adds it to
// implementations, and tests and fuzz targets run on all of them.
type implementation struct {
	name    string
	missing string // why this machine cannot run it, or ""

	// scan reports whether every byte of p, of Min bytes or more, may stand
	// behind those before it. What is still to come behind the last one is of
	// no account, and a lead byte is only judged by the byte behind it.
	scan func(p []byte) bool
}
