package handshake

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
)

const (
	// guid is joined to the key. RFC 6455, 1.3: "which is unlikely to be used
	// by network endpoints that do not understand the WebSocket Protocol".
	guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

	keySize = 16 // bytes of a key; RFC 6455, 4.1
	keyLen  = 24 // characters of it in base64, padding included
)

// NewKey returns a value for Sec-WebSocket-Key.
//
// RFC 6455, 4.1: "The value of this header field MUST be a nonce consisting
// of a randomly selected 16-byte value that has been base64-encoded (...).
// The nonce MUST be selected randomly for each connection."
func NewKey() string {
	var raw [keySize]byte
	rand.Read(raw[:]) // never fails: it ends the program instead
	var key [keyLen]byte
	base64.StdEncoding.Encode(key[:], raw[:])
	return string(key[:])
}

// AppendAccept appends the value of Sec-WebSocket-Accept that belongs to key.
// It does not allocate for keys of the right length if dst has room for the
// 28 characters.
//
// RFC 6455, 4.2.2: "concatenating /key/ (...) with the string
// "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", taking the SHA-1 hash of this
// concatenated value to obtain a 20-byte value and base64-encoding (...) this
// 20-byte hash". SHA-1 protects nothing here (RFC 6455, 10.8); it shows that
// the server has understood.
func AppendAccept(dst []byte, key string) []byte {
	var room [keyLen + len(guid)]byte
	joined := append(append(room[:0], key...), guid...)
	sum := sha1.Sum(joined)
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}

// base64Byte tells the digits of base64 (RFC 4648, 4).
var base64Byte = bytesOf(alphanumeric + "+/")

// validKey says whether key is the base64 of 16 bytes in its one canonical
// form: 22 characters, of which the last carries two bits of data and four
// zero bits (RFC 4648, 3.5), and two of padding. The example in the note of
// RFC 6455, 4.1, "AQIDBAUGBwgJCgsMDQ4PEC==", is a slip in the text: its last
// character carries bits that no encoder sets, and it is refused.
func validKey(key string) bool {
	if len(key) != keyLen || key[keyLen-1] != '=' || key[keyLen-2] != '=' {
		return false
	}
	for i := 0; i < keyLen-2; i++ {
		if !base64Byte[key[i]] {
			return false
		}
	}
	switch key[keyLen-3] {
	case 'A', 'Q', 'g', 'w': // 0, 16, 32, 48
		return true
	}
	return false
}
