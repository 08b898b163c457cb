//go:build !purego

package cpu

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Processors as their CPUID says what they are: leaf 1 ECX, leaf 7 EBX and
// ECX, and XCR0, with the bits of no account left out.
func TestDetect(t *testing.T) {
	const (
		avx    = leaf1ECXSSSE3 | leaf1ECXOSXSAVE | leaf1ECXAVX
		avx2   = leaf7EBXAVX2 | leaf7EBXBMI2
		avx512 = avx2 | leaf7EBXAVX512F | leaf7EBXAVX512BW | leaf7EBXAVX512VL
		ymm    = 1 | xcr0AVX
		zmm    = ymm | xcr0AVX512
	)
	for _, c := range []struct {
		name                string
		last                uint32
		ecx1, ebx7, ecx7    uint32
		xcr0                uint32
		ssse3, avx2, avx512 bool
	}{
		{"Opteron", 1, 0, 0, 0, 0, false, false, false},
		{"Core 2", 10, leaf1ECXSSSE3, 0, 0, 0, true, false, false},
		{"Sandy Bridge", 13, avx, 0, 0, ymm, true, false, false},
		{"Haswell", 13, avx, avx2, 0, ymm, true, true, false},
		{"Haswell, YMM not saved", 13, avx, avx2, 0, 1<<0 | 1<<1, true, false, false},
		{"Haswell, XSAVE off", 13, avx &^ leaf1ECXOSXSAVE, avx2, 0, ymm, true, false, false},
		{"Haswell, AVX off", 13, avx &^ leaf1ECXAVX, avx2, 0, ymm, true, false, false},
		{"Haswell, leaf 7 hidden", 6, avx, avx2, 0, ymm, true, false, false},
		{"Skylake-X", 22, avx, avx512, 0, zmm, true, true, false},
		{"Ice Lake", 27, avx, avx512, leaf7ECXVBMI, zmm, true, true, true},
		{"Ice Lake, ZMM not saved", 27, avx, avx512, leaf7ECXVBMI, ymm, true, true, false},
		{"Ice Lake, masks not saved", 27, avx, avx512, leaf7ECXVBMI, zmm &^ (1 << 5), true, true, false},
	} {
		ssse3, avx2, avx512 := detect(func(leaf, _ uint32) (eax, ebx, ecx, edx uint32) {
			switch {
			case leaf > c.last:
				t.Fatalf("%s: leaf %d was asked for", c.name, leaf)
			case leaf == 0:
				return c.last, 0, 0, 0
			case leaf == 1:
				return 0, 0, c.ecx1, 0
			case leaf == 7:
				return 0, c.ebx7, c.ecx7, 0
			}
			return 0, 0, 0, 0
		}, func() uint32 {
			if c.ecx1&leaf1ECXOSXSAVE == 0 {
				t.Fatalf("%s: XGETBV is an invalid opcode", c.name)
			}
			return c.xcr0
		})
		if ssse3 != c.ssse3 || avx2 != c.avx2 || avx512 != c.avx512 {
			t.Errorf("%s: SSSE3 %v, AVX2 %v, AVX-512 %v", c.name, ssse3, avx2, avx512)
		}
	}
}

// The kernel looks at the same bits; under qemu-user it speaks of another
// processor.
func TestDetectAgreesWithTheKernel(t *testing.T) {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skip("only Linux has /proc/cpuinfo")
	}
	var flags []string
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "flags" {
			flags = strings.Fields(value)
			break
		}
	}
	all := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(flags, n) })
	}
	if want := all("ssse3"); SSSE3 != want {
		t.Errorf("SSSE3 is %v, the kernel says %v", SSSE3, want)
	}
	if want := all("avx2", "bmi2"); AVX2 != want {
		t.Errorf("AVX2 is %v, the kernel says %v", AVX2, want)
	}
	if want := all("avx2", "bmi2", "avx512f", "avx512bw", "avx512vl", "avx512vbmi"); AVX512 != want {
		t.Errorf("AVX512 is %v, the kernel says %v", AVX512, want)
	}
}
