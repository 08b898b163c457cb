// Package utf8scan checks long pieces of UTF-8 by vectors: with SSSE3 or AVX2
// on amd64, with NEON on arm64. Elsewhere, under the build tag purego, and for
// short pieces it leaves the work to its caller, who needs a way of his own to
// go on in the middle of a character anyway.
//
// # Specification
//
// RFC 3629, section 4 (syntax of UTF-8 byte sequences): surrogates, forms
// longer than necessary and numbers above U+10FFFF are no UTF-8.
//
// # How
//
// J. Keiser, D. Lemire, "Validating UTF-8 In Less Than One Instruction Per
// Byte" (2021): of two neighbouring bytes three nibbles decide whether they
// may stand beside each other, so three tables of 16 bytes do, which a vector
// instruction looks up for 16 or 32 pairs at once (table.go). What is left is
// that the third and the fourth byte of a character are continuations, which
// the bytes two and three before them say.
//
// The neighbours are loaded from memory, one, two and three bytes before the
// vector, so that a vector needs nothing of the one before it: the last one may
// end with the text and overlap, and ASCII can be skipped without a trace.
//
// # Concurrency
//
// All functions may be called from many goroutines at once. None allocates.
package utf8scan
