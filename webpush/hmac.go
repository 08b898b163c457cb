package webpush

import "crypto/sha256"

const (
	hashSize  = sha256.Size
	blockSize = sha256.BlockSize

	// maxMAC is the longest text that is authenticated here, in bytes: the key
	// info of RFC 8291 with the counter of HKDF.
	maxMAC = keyInfoSize
)

// hmacSHA256 is RFC 2104 for keys of at most a block and texts of at most
// maxMAC bytes, which is all that Web Push has. It is here because six calls
// make the keys of a message, and crypto/hmac allocates each of them anew.
func hmacSHA256(key, text []byte) [hashSize]byte {
	var inner [blockSize + maxMAC]byte
	var outer [blockSize + hashSize]byte
	copy(inner[:], key)
	copy(outer[:], key)
	for i := range blockSize {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	n := copy(inner[blockSize:], text)
	if len(key) > blockSize || n < len(text) {
		panic("webpush: hmacSHA256 got more than it is made for")
	}
	sum := sha256.Sum256(inner[:blockSize+n])
	copy(outer[blockSize:], sum[:])
	return sha256.Sum256(outer[:])
}
