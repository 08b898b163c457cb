package handshake

import (
	"encoding/base64"
	"testing"
)

// sampleKey and sampleAccept are those of RFC 6455, 1.3.
const (
	sampleKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	sampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

func TestAcceptOfTheSampleInRFC6455(t *testing.T) {
	if got := string(AppendAccept([]byte("x"), sampleKey)); got != "x"+sampleAccept {
		t.Errorf("AppendAccept = %q, want %q", got, "x"+sampleAccept)
	}
}

func TestAcceptDoesNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 28)
	if n := testing.AllocsPerRun(100, func() { dst = AppendAccept(dst[:0], sampleKey) }); n != 0 {
		t.Errorf("AppendAccept allocates %v times, want 0", n)
	}
}

func TestAcceptTakesKeysOfAnyLength(t *testing.T) {
	for _, key := range []string{"", "a", sampleKey + sampleKey + sampleKey} {
		if got := AppendAccept(nil, key); len(got) != 28 {
			t.Errorf("AppendAccept(%q) = %q, want 28 characters", key, got)
		}
	}
}

func TestKeyIsNewEachTimeAndValid(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		key := NewKey()
		if !validKey(key) {
			t.Fatalf("NewKey() = %q is not valid", key)
		}
		if seen[key] {
			t.Fatalf("NewKey() = %q came twice", key)
		}
		seen[key] = true
	}
}

// TestKeyMustBeCanonical compares validKey with the decoder of the standard
// library, for each value of each character.
func TestKeyMustBeCanonical(t *testing.T) {
	want := func(key string) bool {
		raw, err := base64.StdEncoding.Strict().DecodeString(key)
		// The decoder skips CR and LF; no field value holds them.
		return err == nil && len(raw) == 16 && len(key) == 24
	}
	for _, base := range []string{sampleKey, "AAAAAAAAAAAAAAAAAAAAAA==", "/////////////////////w=="} {
		for i := range len(base) {
			for c := range 256 {
				b := []byte(base)
				b[i] = byte(c)
				if c == '\r' || c == '\n' {
					continue
				}
				if key := string(b); validKey(key) != want(key) {
					t.Errorf("validKey(%q) = %v, the standard library says %v", key, validKey(key), want(key))
				}
			}
		}
	}
}
