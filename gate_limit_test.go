package pushwire

import (
	"math"
	"testing"
)

func TestAddressThatAGateCounts(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:80":                  "192.0.2.1",
		"192.0.2.1":                     "192.0.2.1",
		"[::ffff:192.0.2.1]:80":         "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:80":     "2001:db8:1:2::/64",
		"[2001:db8:1:2:ffff::1]:443":    "2001:db8:1:2::/64",
		"2001:db8:1:3::1":               "2001:db8:1:3::/64",
		"[fe80::1%eth0]:80":             "fe80::/64",
		"@":                             "@", // a Unix socket
		"mem":                           "mem",
		"":                              "",
		"not an address:80":             "not an address:80",
		"192.0.2.1:80, 198.51.100.1:80": "192.0.2.1:80, 198.51.100.1:80",
	} {
		if got := addressOf(remote); got != want {
			t.Errorf("addressOf(%q) = %q, want %q", remote, got, want)
		}
	}
}

func TestGateLeavesDescriptorsToTheProgram(t *testing.T) {
	for descriptors, want := range map[uint64]int{
		0: 0, 1: 1, 10: 5, 64: 32, 256: 128, 512: 384, 1024: 896, 20_000: 17_500, 1 << 20: 1<<20 - 1<<17,
		math.MaxInt32 + 1: math.MaxInt, math.MaxUint64: math.MaxInt,
	} {
		if got := maxConnsOf(descriptors); got != want {
			t.Errorf("%d of %d descriptors, want %d", got, descriptors, want)
		}
	}
	if n := (&Gate{}).max(); n != maxConnsOf(descriptors()) {
		t.Errorf("the zero Gate lets in %d", n)
	}
	if n := (&Gate{MaxConns: -1}).max(); n != math.MaxInt {
		t.Errorf("with no limit %d", n)
	}
	var one, other AcceptOptions
	if one.gate() != other.gate() {
		t.Error("two servers without a Gate do not share the one of the process")
	}
}
