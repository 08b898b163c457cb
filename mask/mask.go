// Package mask is the XOR masking of WebSocket frames (RFC 6455, 5.3).
package mask

import "crypto/rand"

// XOR masks p in place from position pos of the key and returns the next one.
func XOR(p []byte, key [4]byte, pos int) int { return Copy(p, p, key, pos) }

// Copy is XOR from src to dst.
func Copy(dst, src []byte, key [4]byte, pos int) int {
	for i, b := range src {
		dst[i] = b ^ key[(pos+i)&3]
	}
	return (pos + len(src)) & 3
}

// NewKey returns an unpredictable key.
func NewKey() (k [4]byte) { rand.Read(k[:]); return k }
