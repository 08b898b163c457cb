package deflate

import (
	"math/bits"
	"sync"
)

// Sizes of RFC 1951, 3.2.7 and 3.2.6.
const (
	maxLiterals     = 286 // "literal/length codes - 257 (257 - 286)"
	maxDistances    = 30  // "distance codes 30-31 will never actually occur"
	maxLengthCodes  = 19
	longestCode     = 15
	longestPrecode  = 7
	symbolEnd       = 256
	symbolLength    = 257
	fixedLiterals   = 288 // codes 286 and 287 take part in the fixed code without a meaning
	fixedDistances  = 32
	literalTabBits  = 10
	distanceTabBits = 8

	// A table is indexed by that many bits of the input. Codes that are
	// longer go on in a subtable behind it. The most that complete codes can
	// need is 1,332 entries for 286 codes over 10 bits and 400 for 30 codes
	// over 8 (TestTablesAreLargeEnough counts); powers of two let an index be
	// masked instead of checked.
	literalTabSize  = 2048
	distanceTabSize = 512
)

type (
	literalTable  [literalTabSize]uint32
	distanceTable [distanceTabSize]uint32
)

// An entry of a table says what the next bits of the input mean:
//
//	bits 0-5    bits to drop in all: code and extra bits
//	bits 8-11   bits of the code alone; of a link: bits that index the subtable
//	bit 13      link: the code is longer than the table's index
//	bit 14      end of block
//	bit 15      the code has no meaning, or is no code of an incomplete set
//	bits 16-30  literal, least length or least distance; where the subtable begins
//	bit 31      literal
const (
	entryDrop    = 63
	entryCode    = 8 // shift
	entryCodeMax = 15
	entryLink    = 1 << 13
	entryEnd     = 1 << 14
	entryInvalid = 1 << 15
	entrySpecial = entryLink | entryEnd | entryInvalid
	entryValue   = 16 // shift
	entryLiteral = 1 << 31
)

// Entries of each symbol, without the bits of its code.
var (
	literalEntries  [fixedLiterals]uint32
	distanceEntries [fixedDistances]uint32
	precodeEntries  [maxLengthCodes]uint32
)

func init() {
	for i := range symbolEnd {
		literalEntries[i] = entryLiteral | uint32(i)<<entryValue
	}
	literalEntries[symbolEnd] = entryEnd
	// RFC 1951, 3.2.5: lengths 3 to 10 have no extra bits; from there on each
	// four codes have one bit more; "285    0    258".
	base := uint32(3)
	for i := symbolLength; i < 285; i++ {
		extra := max(0, uint32(i-symbolLength)/4-1) * b2u(i >= 265)
		literalEntries[i] = base<<entryValue | extra
		base += 1 << extra
	}
	literalEntries[285] = 258 << entryValue
	// 3.2.6: "literal/length values 286-287 will never actually occur in the
	// compressed data, but participate in the code construction."
	literalEntries[286], literalEntries[287] = entryInvalid, entryInvalid
	base = 1
	for i := range maxDistances {
		extra := uint32(max(0, i/2-1))
		distanceEntries[i] = base<<entryValue | extra
		base += 1 << extra
	}
	distanceEntries[30], distanceEntries[31] = entryInvalid, entryInvalid
	// 3.2.7: "16: Copy the previous code length 3 - 6 times. The next 2 bits
	// indicate repeat length"; 17: 3 bits, 18: 7 bits. Symbol in the value.
	for i := range precodeEntries {
		precodeEntries[i] = uint32(i) << entryValue
	}
	precodeEntries[16] |= 2
	precodeEntries[17] |= 3
	precodeEntries[18] |= 7
}

// A codeSet holds the codes of an alphabet by the length of each: a Huffman
// code is defined by them alone (RFC 1951, 3.2.2).
type codeSet struct {
	count [longestCode + 1]uint16 // of codes of each length
	used  int
	codes [fixedLiterals]uint16 // symbol<<4 | length of codes[:used], symbols ascending
}

func (s *codeSet) clear() {
	s.count = [longestCode + 1]uint16{}
	s.used = 0
}

// add gives n symbols from symbol on codes of that length, 1 to 15. Symbols
// have to ascend from call to call.
func (s *codeSet) add(symbol, n int, length uint8) {
	s.count[length&longestCode] += uint16(n)
	for i := range s.codes[s.used : s.used+n] {
		s.codes[s.used+i] = uint16(symbol+i)<<4 | uint16(length)
	}
	s.used += n
}

// has says whether the symbol has a code; it looks from the last one down.
func (s *codeSet) has(symbol int) bool {
	i := s.used - 1
	for i >= 0 && int(s.codes[i]>>4) > symbol {
		i--
	}
	return i >= 0 && int(s.codes[i]>>4) == symbol
}

// inflateFixed is RFC 1951, 3.2.6: "Compression with fixed Huffman codes".
var inflateFixed = sync.OnceValue(func() *struct {
	lit  literalTable
	dist distanceTable
} {
	f := new(struct {
		lit  literalTable
		dist distanceTable
	})
	var set codeSet
	set.add(0, 144, 8)
	set.add(144, 112, 9)
	set.add(256, 24, 7)
	set.add(280, 8, 8)
	set.table(f.lit[:], literalTabBits, literalEntries[:])
	set.clear()
	set.add(0, fixedDistances, 5)
	set.table(f.dist[:], distanceTabBits, distanceEntries[:])
	return f
})

// table fills a table that is indexed by root bits; entries are those of the
// symbols. It returns false for a set of codes that is over-subscribed or
// incomplete; one single code of one bit, and no code at all, are complete
// enough (3.2.7: "If only one distance code is used, it is encoded using one
// bit, not zero bits; in this case there is a single code length of one, with
// one unused code. One distance code of zero bits means that there are no
// distance codes used at all").
//
// Bits of a code are packed starting with its most significant one, so codes
// are kept reversed. In the order of codes by length, the entries of all codes
// of up to n bits make up a table of 2^n entries; doubling it by copying makes
// room for the codes of n+1 bits. So each code is written once.
func (s *codeSet) table(table []uint32, root int, entries []uint32) bool {
	var next [longestCode + 2]uint16 // where in order codes of that length go
	left := 1                        // codes of that length that are free
	for n := 1; n <= longestCode; n++ {
		next[n+1] = next[n] + s.count[n]
		left = left<<1 - int(s.count[n])
		if left < 0 {
			return false
		}
	}
	if left > 0 {
		none := uint32(entryInvalid | 1<<entryCode | 1)
		table[0], table[1] = none, none
		switch {
		case s.used == 1 && s.count[1] == 1:
			table[0] = entries[s.codes[0]>>4] + (1<<entryCode | 1)
		case s.used > 0:
			return false
		}
		for size := 2; size < 1<<root; size *= 2 {
			copy(table[size:2*size], table[:size])
		}
		return true
	}
	var order [fixedLiterals]uint16 // symbols, those with short codes first
	for _, c := range s.codes[:s.used] {
		at := &next[c&longestCode]
		order[*at] = c >> 4
		*at++
	}

	code, i := uint32(0), 0 // the next code, reversed
	size := 1               // of the table of all codes so far
	n := 1
	for ; n <= root; n++ {
		copy(table[size:2*size], table[:size])
		size *= 2
		length := uint32(n)<<entryCode | uint32(n)
		for _, symbol := range order[i : i+int(s.count[n])] {
			table[code] = entries[symbol] + length
			code = nextCode(code, n)
		}
		i += int(s.count[n])
	}
	mask := uint32(1)<<root - 1
	prefix, begin, sub := ^uint32(0), size, 0 // the subtable at hand
	for ; i < s.used; n++ {
		length := uint32(n)<<entryCode | uint32(n)
		for k := int(s.count[n]); k > 0; k-- {
			if code&mask != prefix {
				prefix = code & mask
				begin += sub
				// As many bits as the codes need that share the prefix: those
				// that come next, until they fill it.
				extra := n - root
				for filled := k; filled < 1<<extra; {
					extra++
					filled = filled<<1 + int(s.count[root+extra])
				}
				sub = 1 << extra
				table[prefix] = uint32(begin)<<entryValue | entryLink | uint32(extra)<<entryCode
			}
			e := entries[order[i]] + length
			for at := int(code >> root); at < sub; at += 1 << (n - root) {
				table[begin+at] = e
			}
			i++
			code = nextCode(code, n)
		}
	}
	return true
}

// nextCode adds 1 to a reversed code of n bits. After the last one it gives 0.
func nextCode(code uint32, n int) uint32 {
	top := bits.Len32(code ^ (1<<n - 1)) // the highest bit that is 0, from 1
	if top == 0 {
		return 0
	}
	bit := uint32(1) << (top - 1)
	return code&(bit-1) | bit
}

func b2u(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
