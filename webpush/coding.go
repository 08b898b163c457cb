package webpush

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
)

// The content coding aes128gcm of RFC 8188, as far as a single record goes.

const (
	saltSize  = 16
	nonceSize = 12
	tagSize   = 16 // of AEAD_AES_128_GCM

	// RFC 8188, 2.1: salt, record size and length of the key ID.
	headSize = saltSize + 4 + 1

	minRecordSize = 18 // RFC 8188, 2.1: "Values smaller than 18 are invalid."

	// RFC 8188, 2: "The last record uses a padding delimiter octet set to the
	// value 2, all other records have a padding delimiter octet value of 1."
	lastDelimiter = 2
)

// appendHead appends the header of RFC 8188, 2.1.
func appendHead(dst []byte, salt *[saltSize]byte, recordSize uint32, keyID []byte) []byte {
	dst = append(dst, salt[:]...)
	dst = binary.BigEndian.AppendUint32(dst, recordSize)
	dst = append(dst, byte(len(keyID)))
	return append(dst, keyID...)
}

// head is the header of a body. keyID lies in the body.
type head struct {
	salt       [saltSize]byte
	recordSize uint32
	keyID      []byte
}

// parseHead reads the header; ok is false if the body ends within it.
func parseHead(body []byte) (h head, records []byte, ok bool) {
	if len(body) < headSize || len(body) < headSize+int(body[headSize-1]) {
		return head{}, nil, false
	}
	copy(h.salt[:], body)
	h.recordSize = binary.BigEndian.Uint32(body[saltSize:])
	end := headSize + int(body[headSize-1])
	h.keyID = body[headSize:end]
	return h, body[end:], true
}

// contentKey derives the key of a body and the nonce of its first record from
// the input keying material.
func contentKey(salt *[saltSize]byte, ikm []byte) (cipher.AEAD, [nonceSize]byte) {
	// RFC 8188, 2.2: "PRK = HMAC-SHA-256 (salt, IKM)"
	prk := hmacSHA256(salt[:], ikm)
	// RFC 8188, 2.2: "CEK = HMAC-SHA-256(PRK, cek_info || 0x01)"
	cek := hmacSHA256(prk[:], []byte("Content-Encoding: aes128gcm\x00\x01"))
	// RFC 8188, 2.3: "NONCE = HMAC-SHA-256(PRK, nonce_info || 0x01) XOR SEQ",
	// where SEQ of the first record is 0.
	sum := hmacSHA256(prk[:], []byte("Content-Encoding: nonce\x00\x01"))
	block, err := aes.NewCipher(cek[:16])
	if err != nil {
		panic(err) // of another size only
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // of another block size only
	}
	return aead, [nonceSize]byte(sum[:])
}

// unpad takes delimiter and padding away. RFC 8188, 2: "On decryption, the
// padding delimiter is the last non-zero-valued octet of the record. A
// decrypter MUST fail if the record contains no non-zero octet."
func unpad(record []byte, delimiter byte) (data []byte, ok bool) {
	n := len(record)
	for n > 0 && record[n-1] == 0 {
		n--
	}
	if n == 0 || record[n-1] != delimiter {
		return nil, false
	}
	return record[:n-1], true
}
