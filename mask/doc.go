// Package mask masks and unmasks the payloads of WebSocket frames, and makes
// the keys.
//
//	key := mask.NewKey()
//	pos := mask.XOR(first, key, 0)
//	pos = mask.XOR(second, key, pos) // the same payload goes on
//
// # Terms
//
// A masking key is four bytes that stand in the header of a frame that a
// client sends. Masking is XOR of the payload with the key, repeated; doing
// it again unmasks. The position is where in the key, 0 to 3, the next byte
// of the payload falls.
//
// # Specification
//
// RFC 6455, section 5.3 (masking) and 10.3 (why: a script must not choose the
// bytes that appear on the wire, where an intermediary may take them for a
// request).
//
// # Implementations
//
//	amd64      SSE2, AVX2 or AVX-512, whatever the processor has
//	arm64      NEON
//	others     Go, eight bytes a step; everywhere with the build tag purego
//
// None has a loop over bytes. Those in assembly are not seen by the race
// detector and its relatives; purego is.
//
// # Limits
//
//	length of a payload     none; 0 is fine
//	alignment               any
//	overlap for Copy        the same memory from the first byte on, or none
//	memory of NewKey        about 350 B for each processor
//	keys from one seed      65,536
//
// # Concurrency
//
// All functions may be called from many goroutines at once, on different
// memory. None allocates, but for NewKey when a processor asks for the first
// time, or after the garbage collector took its generator away.
//
// # Security
//
// Keys come from ChaCha8 generators that are seeded by crypto/rand. Masking
// is not encryption: the key travels beside the payload. XOR and Copy take
// the same time for all data.
package mask
