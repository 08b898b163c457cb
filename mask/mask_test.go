package mask

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/pushwire/pushwire/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// slow is RFC 6455, 5.3, letter by letter: "j = i MOD 4;
// transformed-octet-i = original-octet-i XOR masking-key-octet-j".
func slow(src []byte, key [4]byte, pos int) []byte {
	dst := make([]byte, len(src))
	for i := range src {
		dst[i] = src[i] ^ key[(pos+i)%4]
	}
	return dst
}

var testKey = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// each runs f on every implementation that this machine has.
func each(t *testing.T, f func(t *testing.T, im implementation)) {
	t.Helper()
	for _, im := range implementations {
		t.Run(im.name, func(t *testing.T) {
			skipMissing(t, im)
			f(t, im)
		})
	}
}

// pattern returns n bytes of which no 251 in a row repeat.
func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i%251) ^ byte(i/251)
	}
	return p
}

// RFC 6455, 5.7: "A single-frame masked text message: 0x81 0x85 0x37 0xfa
// 0x21 0x3d 0x7f 0x9f 0x4d 0x51 0x58 (contains "Hello")".
func TestXORAndCopyMatchRFC6455Example(t *testing.T) {
	want, _ := hex.DecodeString("7f9f4d5158")
	p := []byte("Hello")
	if pos := XOR(p, testKey, 0); pos != 1 || !bytes.Equal(p, want) {
		t.Errorf("XOR = %x, %d", p, pos)
	}
	dst := make([]byte, 5)
	if pos := Copy(dst, want, testKey, 0); pos != 1 || string(dst) != "Hello" {
		t.Errorf("Copy = %q, %d", dst, pos)
	}
}

// TestEveryLengthAlignmentAndPosition holds each implementation against the
// byte loop and looks for writes outside: all lengths to 4,096, all alignments
// of both slices (in step with each other) in a cache line, all positions.
// Under the race detector and with -short, lengths above 300 get one alignment
// and position each, which rotate so that every pair of them comes up every
// 256 lengths.
func TestEveryLengthAlignmentAndPosition(t *testing.T) {
	const maxLen, aligns, margin = 4096, 64, 64
	all := !raceOn && !testing.Short()
	each(t, func(t *testing.T, im implementation) {
		data := pattern(maxLen + aligns)
		buf := make([]byte, margin+aligns+maxLen+margin)
		dst := make([]byte, len(buf))
		background := bytes.Repeat([]byte{0xA5}, len(buf))
		wants := [4][]byte{}
		for pos := range wants {
			wants[pos] = slow(data[:maxLen], testKey, pos)
		}
		copy(buf, background)
		copy(dst, background)
		one := func(n, align, pos int) {
			key := rotate(testKey, pos)
			at := margin + align
			near := func(p []byte) bool { // the margins next to the data
				return bytes.Equal(p[at-margin:at], background[:margin]) && bytes.Equal(p[at+n:at+n+margin], background[:margin])
			}
			p := buf[at : at+n]
			copy(p, data)
			im.xor(p, key)
			if !bytes.Equal(p, wants[pos][:n]) || !near(buf) {
				t.Fatalf("xor: %d bytes at alignment %d, position %d", n, align, pos)
			}
			copy(p, data)
			d := dst[at : at+n]
			im.copyXOR(d, p, key)
			if !bytes.Equal(d, wants[pos][:n]) || !bytes.Equal(p, data[:n]) || !near(dst) || !near(buf) {
				t.Fatalf("copy: %d bytes at alignment %d, position %d", n, align, pos)
			}
			im.copyXOR(p, p, key)
			if !bytes.Equal(p, wants[pos][:n]) || !near(buf) {
				t.Fatalf("copy onto itself: %d bytes at alignment %d, position %d", n, align, pos)
			}
			copy(p, background)
			copy(d, background)
		}
		for n := 0; n <= maxLen; n++ {
			if n > 300 && !all {
				one(n, n%aligns, n/aligns%4)
				continue
			}
			for align := range aligns {
				for pos := range 4 {
					one(n, align, pos)
				}
			}
		}
	})
}

// TestCopyAtUnequalAlignments is the case that vector code gets wrong: source
// and destination fall differently into words.
func TestCopyAtUnequalAlignments(t *testing.T) {
	each(t, func(t *testing.T, im implementation) {
		data, out := pattern(512), make([]byte, 512)
		for _, n := range []int{1, 3, 5, 8, 15, 31, 33, 63, 65, 127, 129, 200, 255, 257} {
			for from := range 64 {
				for to := range 64 {
					im.copyXOR(out[to:to+n], data[from:from+n], rotate(testKey, 0))
					if !bytes.Equal(out[to:to+n], slow(data[from:from+n], testKey, 0)) {
						t.Fatalf("%d bytes from alignment %d to %d", n, from, to)
					}
				}
			}
		}
	})
}

func TestSplitAnywhereGivesTheSame(t *testing.T) {
	data := pattern(200)
	want := slow(data, testKey, 0)
	for i := 0; i <= len(data); i++ {
		for j := i; j <= len(data); j += 1 + j/8 {
			p := bytes.Clone(data)
			pos := XOR(p[:i], testKey, 0)
			pos = XOR(p[i:j], testKey, pos)
			if pos = XOR(p[j:], testKey, pos); pos != len(data)%4 || !bytes.Equal(p, want) {
				t.Fatalf("XOR split at %d and %d", i, j)
			}
			d := make([]byte, len(data))
			pos = Copy(d, data[:i], testKey, 0)
			pos = Copy(d[i:], data[i:j], testKey, pos)
			if pos = Copy(d[j:], data[j:], testKey, pos); pos != len(data)%4 || !bytes.Equal(d, want) {
				t.Fatalf("Copy split at %d and %d", i, j)
			}
		}
	}
}

func TestPositionCountsModulo4(t *testing.T) {
	for pos := -8; pos < 8; pos++ {
		p := []byte{0}
		if next := XOR(p, testKey, pos); next != (pos+9)%4 || p[0] != testKey[(pos+8)%4] {
			t.Errorf("XOR at %d: %#x, next %d", pos, p[0], next)
		}
	}
}

func TestCopyLeavesTheRestOfDstAlone(t *testing.T) {
	for n := range 130 {
		src, dst := pattern(n), bytes.Repeat([]byte{0xA5}, n+70)
		Copy(dst, src, testKey, 0)
		if !bytes.Equal(dst[:n], slow(src, testKey, 0)) || bytes.Count(dst[n:], []byte{0xA5}) != 70 {
			t.Fatalf("%d bytes into %d", n, len(dst))
		}
	}
}

func TestCopyPanicsWhenDstIsShorter(t *testing.T) {
	for _, n := range []int{1, 3, 8, 100} {
		func() {
			dst := bytes.Repeat([]byte{0xA5}, n-1)
			defer func() {
				if r := recover(); r != "mask: Copy: dst is shorter than src" {
					t.Errorf("recovered %v", r)
				}
				if bytes.Count(dst, []byte{0xA5}) != n-1 {
					t.Error("Copy wrote before it panicked")
				}
			}()
			// The capacity suffices: it is the length that counts.
			Copy(dst[:n-1], pattern(n), testKey, 0)
		}()
	}
}

func TestXORAndCopyTakeEmptyInput(t *testing.T) {
	for pos := range 4 {
		if XOR(nil, testKey, pos) != pos || Copy(nil, nil, testKey, pos) != pos || Copy([]byte{1}, []byte{}, testKey, pos) != pos {
			t.Errorf("position %d does not stay", pos)
		}
	}
}

func TestXORAndCopyDoNotAllocate(t *testing.T) {
	p, q := make([]byte, 1000), make([]byte, 1000)
	if n := testing.AllocsPerRun(100, func() {
		XOR(p, testKey, 1)
		Copy(q, p, testKey, 2)
		var local [100]byte
		XOR(local[:], testKey, 0)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzImplementationsAgreeWithByteLoop(f *testing.F) {
	for _, n := range []int{0, 1, 3, 4, 7, 8, 9, 63, 64, 65, 125, 127, 300} {
		f.Add(pattern(n+4), uint32(0x3d21fa37), 3, n/2)
	}
	f.Fuzz(func(t *testing.T, data []byte, k uint32, pos, cut int) {
		key := [4]byte{byte(k), byte(k >> 8), byte(k >> 16), byte(k >> 24)}
		pos &= 3
		if cut < 0 || cut > len(data) {
			cut = len(data) / 2
		}
		want := slow(data, key, pos)
		for _, im := range implementations {
			if im.missing != "" {
				continue
			}
			p := bytes.Clone(data)
			im.xor(p[:cut], rotate(key, pos))
			im.xor(p[cut:], rotate(key, pos+cut))
			if !bytes.Equal(p, want) {
				t.Errorf("%s: xor", im.name)
			}
			d := make([]byte, len(data)+1)
			im.copyXOR(d[1:], data, rotate(key, pos))
			if !bytes.Equal(d[1:], want) || d[0] != 0 {
				t.Errorf("%s: copy", im.name)
			}
		}
		p := bytes.Clone(data)
		if next := XOR(p, key, pos); next != (pos+len(data))%4 || !bytes.Equal(p, want) {
			t.Error("XOR")
		}
		if XOR(p, key, pos); !bytes.Equal(p, data) {
			t.Error("XOR twice is not the identity")
		}
	})
}

func ExampleXOR() {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d} // from the frame's header
	first, second := []byte{0x7f, 0x9f, 0x4d}, []byte{0x51, 0x58}
	pos := XOR(first, key, 0)
	XOR(second, key, pos)
	fmt.Printf("%s%s\n", first, second)
	// Output: Hello
}

func ExampleCopy() {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	payload := []byte("Hello")
	frame := make([]byte, len(payload))
	Copy(frame, payload, key, 0)
	fmt.Printf("% x\n", frame)
	fmt.Printf("%s\n", payload) // as it was
	// Output:
	// 7f 9f 4d 51 58
	// Hello
}

func ExampleNewKey() {
	key := NewKey()
	p := []byte("Hello")
	XOR(p, key, 0)
	XOR(p, key, 0)
	fmt.Printf("%s\n", p)
	// Output: Hello
}
