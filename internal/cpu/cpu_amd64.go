//go:build !purego

package cpu

// What may be used: the processor has it and, for registers wider than 16
// bytes, the operating system saves them. Each has all that is before it. Set
// before main, not changed after.
var (
	SSSE3  bool // 2006: PSHUFB
	AVX2   bool // 2013, and BMI2, which came with it
	AVX512 bool // 2019, Ice Lake: F, BW, VL and VBMI, where wide vectors no longer slow the clock
)

func init() { SSSE3, AVX2, AVX512 = detect(cpuid, xgetbv) }

// Bits of CPUID and XCR0, from Intel's Software Developer's Manual, volume 2A,
// CPUID, and volume 1, 13.3.
const (
	leaf1ECXSSSE3   = 1 << 9
	leaf1ECXOSXSAVE = 1 << 27 // XGETBV may be used
	leaf1ECXAVX     = 1 << 28

	leaf7EBXAVX2     = 1 << 5
	leaf7EBXBMI2     = 1 << 8
	leaf7EBXAVX512F  = 1 << 16
	leaf7EBXAVX512BW = 1 << 30
	leaf7EBXAVX512VL = 1 << 31
	leaf7ECXVBMI     = 1 << 1

	xcr0AVX    = 1<<1 | 1<<2        // the system saves XMM and the upper halves of YMM
	xcr0AVX512 = 1<<5 | 1<<6 | 1<<7 // and masks and ZMM
)

// detect takes the two instructions as arguments so that processors that are
// not here can be tried.
func detect(cpuid func(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32), xgetbv func() (eax uint32)) (ssse3, avx2, avx512 bool) {
	has := func(reg, bits uint32) bool { return reg&bits == bits }
	last, _, _, _ := cpuid(0, 0)
	_, _, ecx1, _ := cpuid(1, 0)
	ssse3 = has(ecx1, leaf1ECXSSSE3)
	// Volume 1, 14.3 and 14.7.1: OSXSAVE first, without which XGETBV is an
	// invalid opcode, then XCR0, then the instructions.
	if last < 7 || !ssse3 || !has(ecx1, leaf1ECXOSXSAVE|leaf1ECXAVX) {
		return ssse3, false, false
	}
	saved := xgetbv()
	_, ebx7, ecx7, _ := cpuid(7, 0)
	avx2 = has(saved, xcr0AVX) && has(ebx7, leaf7EBXAVX2|leaf7EBXBMI2)
	avx512 = avx2 && has(saved, xcr0AVX512) &&
		has(ebx7, leaf7EBXAVX512F|leaf7EBXAVX512BW|leaf7EBXAVX512VL) && has(ecx7, leaf7ECXVBMI)
	return ssse3, avx2, avx512
}

func cpuid(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)

// xgetbv returns the lower half of XCR0.
func xgetbv() (eax uint32)
