package deflate

import (
	"encoding/binary"
	"math/bits"
)

const (
	endOfBlock   = 256
	lengthCodes  = 29
	distCodes    = 30
	litLimit     = 14 // bits: four literals and what waits fit into 64
	maxPreCode   = 7  // RFC 1951, 3.2.7: 3 bits for each code length
	preCodes     = 19
	blockStored  = 0
	blockFixed   = 1
	blockDynamic = 2
)

// RFC 1951, 3.2.5: the extra bits of each length and distance symbol, and
// what the extra bits are added to.
var (
	lengthSymbols [256]uint8         // length - 3: symbol - 257
	lengthBase    [lengthCodes]uint8 // of length - 3
	lengthExtra   [lengthCodes]uint8
	distBase      [distCodes]uint16 // of distance - 1
	distExtra     [distCodes]uint8
	fixedLits     [maxSymbols]code
	fixedDists    [maxSymbols]code // as long as fixedLits, so that both have one type
)

func init() {
	base := 0
	for s := range lengthCodes - 1 {
		if s >= 8 {
			lengthExtra[s] = uint8(s/4 - 1)
		}
		lengthBase[s] = uint8(base)
		for range 1 << lengthExtra[s] {
			lengthSymbols[base] = uint8(s)
			base++
		}
	}
	// The last length has a symbol for itself.
	lengthBase[28], lengthSymbols[255] = 255, 28
	base = 0
	for s := range distCodes {
		if s >= 4 {
			distExtra[s] = uint8(s/2 - 1)
		}
		distBase[s] = uint16(base)
		base += 1 << distExtra[s]
		fixedDists[s] = 5<<codeShift | code(bits.Reverse8(uint8(s))>>3)
	}
	// RFC 1951, 3.2.6: the fixed codes.
	for s := range fixedLits {
		switch {
		case s < 144:
			fixedLits[s] = 8<<codeShift | code(bits.Reverse8(uint8(0x30+s)))
		case s < 256:
			fixedLits[s] = 9<<codeShift | code(bits.Reverse16(uint16(0x190+s-144))>>7)
		case s < 280:
			fixedLits[s] = 7<<codeShift | code(bits.Reverse8(uint8(s-256))>>1)
		default:
			fixedLits[s] = 8<<codeShift | code(bits.Reverse8(uint8(0xc0+s-280)))
		}
	}
}

// distSymbol returns the symbol of the distance d + 1.
func distSymbol(d uint16) uint8 {
	if d < 4 {
		return uint8(d)
	}
	n := uint(bits.Len16(d)) - 2
	return uint8(2*n) + uint8(d>>n)
}

// A blockEncoder writes blocks. It holds only scratch memory.
type blockEncoder struct {
	builder codeBuilder
	lits    codeTable // literals, end of block, lengths
	dists   codeTable
	pres    codeTable                      // code lengths of the two
	header  [maxSymbols + distCodes]uint16 // symbols of pres: symbol | extra bits << 8
	headers int                            // how many of header are in use
	numPres int
}

// write appends one block for data, which seqs divide, the rest behind them
// being literals, in the smallest of the three ways.
func (e *blockEncoder) write(w *bitWriter, data []byte, seqs []sequence) {
	fixed, dynamic := e.sizes(data, seqs)
	stored := 8*(4+len(data)+int(w.n+3+7)/8) - int(w.n)
	switch {
	case stored <= min(fixed, dynamic):
		w.storedHeader(len(data))
		w.out = append(w.out, data...)
	case fixed <= dynamic:
		c := e.open(w, fixed, blockFixed)
		c.encode(data, seqs, &fixedLits, &fixedDists)
		w.close(&c)
	default:
		c := e.open(w, dynamic, blockDynamic)
		e.writeHeader(&c)
		c.encode(data, seqs, &e.lits.codes, &e.dists.codes)
		w.close(&c)
	}
}

// sizes returns how many bits a block takes in either code, and leaves the
// dynamic one planned.
func (e *blockEncoder) sizes(data []byte, seqs []sequence) (fixed, dynamic int) {
	extra := e.count(data, seqs)
	fixed = 3 + extra + e.lits.bits(&fixedLits) + e.dists.bits(&fixedDists)
	return fixed, 3 + extra + e.plan()
}

func (e *blockEncoder) measure(data []byte, seqs []sequence) int {
	fixed, dynamic := e.sizes(data, seqs)
	return min(fixed, dynamic)
}

func (e *blockEncoder) open(w *bitWriter, bits int, kind uint64) bitCursor {
	c := bitCursor{mem: w.reserve(bits + int(w.n)), acc: w.acc, n: w.n}
	c.add(kind<<1, 3) // BFINAL 0
	return c
}

// close takes over what the cursor wrote.
func (w *bitWriter) close(c *bitCursor) {
	c.flush()
	w.out = w.out[:len(w.out)+c.at]
	w.acc, w.n = c.acc, c.n
}

// count counts how often each symbol occurs and returns the number of extra
// bits.
func (e *blockEncoder) count(data []byte, seqs []sequence) (extra int) {
	freq, dist := &e.lits.freq, &e.dists.freq
	clear(freq[:])
	clear(dist[:distCodes])
	freq[endOfBlock] = 1
	pos := 0
	for i := range seqs {
		s := &seqs[i]
		next := pos + int(s.lits)
		for _, c := range data[pos:next] {
			freq[c]++
		}
		freq[endOfBlock+1+int(s.lsym&31)]++
		dist[s.dsym&31]++
		pos = next + int(s.len) + leastLen
	}
	for _, c := range data[pos:] {
		freq[c]++
	}
	for i, n := range freq[endOfBlock+1 : maxSymbols] {
		extra += int(n) * int(lengthExtra[i])
	}
	for i, n := range dist[:distCodes] {
		extra += int(n) * int(distExtra[i])
	}
	e.lits.list(maxSymbols)
	e.dists.list(distCodes)
	return extra
}

var preExtra = [preCodes]uint8{16: 2, 17: 3, 18: 7}

// plan makes the codes of a dynamic block and returns its size in bits
// without the first three and the extra bits of matches.
func (e *blockEncoder) plan() int {
	e.builder.build(&e.lits, litLimit)
	e.builder.build(&e.dists, maxCodeBits)
	e.planHeader()
	size := 5 + 5 + 4 + 3*e.numPres + e.pres.bits(&e.pres.codes)
	for s := 16; s < preCodes; s++ {
		size += int(e.pres.freq[s]) * int(preExtra[s])
	}
	return size + e.lits.bits(&e.lits.codes) + e.dists.bits(&e.dists.codes)
}

// planHeader puts the lengths of all codes as runs into e.header and makes
// the code for them. Runs may go on from the one code to the other.
func (e *blockEncoder) planHeader() {
	clear(e.pres.freq[:preCodes])
	e.headers = 0
	length, run := uint32(0), 0
	next := 0 // symbol
	for t, offset := &e.lits, 0; ; t, offset = &e.dists, next {
		for _, s := range t.used[:t.n] {
			if gap := offset + int(s) - next; gap > 0 {
				if length != 0 {
					e.putRun(length, run)
					length, run = 0, 0
				}
				run += gap
			}
			if n := t.codes[s] >> codeShift; n != length {
				e.putRun(length, run)
				length, run = n, 0
			}
			run++
			next = offset + int(s) + 1
		}
		if t == &e.dists {
			break
		}
	}
	e.putRun(length, run)
	e.pres.list(preCodes)
	e.builder.build(&e.pres, maxPreCode)
	e.numPres = preCodes
	for e.numPres > 4 && e.pres.codes[codeLengthOrder[e.numPres-1]] == 0 {
		e.numPres--
	}
}

// putRun appends run equal lengths to e.header.
func (e *blockEncoder) putRun(length uint32, run int) {
	if length == 0 {
		// RFC 1951, 3.2.7: 17 repeats zero 3 to 10 times, 18 11 to 138.
		for run >= 11 {
			n := min(run, 138)
			e.put(18, n-11)
			run -= n
		}
		if run >= 3 {
			e.put(17, run-3)
			return
		}
	} else if run > 3 {
		// 16 repeats the length before 3 to 6 times.
		e.put(int(length), 0)
		for run--; run >= 3; {
			n := min(run, 6)
			e.put(16, n-3)
			run -= n
		}
	}
	for range run {
		e.put(int(length), 0)
	}
}

func (e *blockEncoder) put(symbol, extra int) {
	e.header[e.headers] = uint16(symbol | extra<<8)
	e.headers++
	e.pres.freq[symbol]++
}

func (e *blockEncoder) writeHeader(c *bitCursor) {
	c.add(uint64(e.lits.used[e.lits.n-1])+1-257, 5) // endOfBlock has always a code
	c.add(uint64(e.dists.used[e.dists.n-1])+1-1, 5)
	c.add(uint64(e.numPres-4), 4)
	c.flush()
	for _, s := range codeLengthOrder[:e.numPres] {
		c.add(uint64(e.pres.codes[s]>>codeShift), 3)
		c.flush()
	}
	for _, h := range e.header[:e.headers] {
		s := h & 0xff
		p := e.pres.codes[s]
		c.add(uint64(p&codeMask)|uint64(h>>8)<<(p>>codeShift), uint(p>>codeShift)+uint(preExtra[s]))
		c.flush()
	}
}

// encode writes the symbols of a block. The state of the cursor is kept in
// variables of its own, which the compiler holds in registers: all of a
// block's symbols depend on it, one after the other.
func (c *bitCursor) encode(data []byte, seqs []sequence, lits, dists *[maxSymbols]code) {
	mem, at, acc, n := c.mem, c.at, c.acc, c.n
	le := binary.LittleEndian
	for i := range seqs {
		s := &seqs[i]
		p := data[:s.lits]
		data = data[int(s.lits)+int(s.len)+leastLen:]
		for len(p) >= 4 {
			c0, c1, c2, c3 := lits[p[0]], lits[p[1]], lits[p[2]], lits[p[3]]
			p = p[4:]
			acc |= uint64(c0&codeMask) << (n & 63)
			n += uint(c0 >> codeShift)
			acc |= uint64(c1&codeMask) << (n & 63)
			n += uint(c1 >> codeShift)
			acc |= uint64(c2&codeMask) << (n & 63)
			n += uint(c2 >> codeShift)
			acc |= uint64(c3&codeMask) << (n & 63)
			n += uint(c3 >> codeShift)
			le.PutUint64(mem[at:at+8:at+8], acc)
			at += int(n >> 3)
			acc >>= n & 56
			n &= 7
		}
		for _, b := range p {
			l := lits[b]
			acc |= uint64(l&codeMask) << (n & 63)
			n += uint(l >> codeShift)
		}
		le.PutUint64(mem[at:at+8:at+8], acc)
		at += int(n >> 3)
		acc >>= n & 56
		n &= 7

		l := lits[endOfBlock+1+int(s.lsym)]
		acc |= uint64(l&codeMask) << n
		n += uint(l >> codeShift)
		acc |= uint64(s.len-lengthBase[s.lsym]) << (n & 63)
		n += uint(lengthExtra[s.lsym])
		d := dists[s.dsym]
		acc |= uint64(d&codeMask) << (n & 63)
		n += uint(d >> codeShift)
		acc |= uint64(s.dist-distBase[s.dsym]) << (n & 63)
		n += uint(distExtra[s.dsym])
		le.PutUint64(mem[at:at+8:at+8], acc)
		at += int(n >> 3)
		acc >>= n & 56
		n &= 7
	}
	for _, b := range data {
		l := lits[b]
		acc |= uint64(l&codeMask) << n
		n += uint(l >> codeShift)
		le.PutUint64(mem[at:at+8:at+8], acc)
		at += int(n >> 3)
		acc >>= n & 56
		n &= 7
	}
	c.at, c.acc, c.n = at, acc, n
	l := lits[endOfBlock]
	c.add(uint64(l&codeMask), uint(l>>codeShift))
	c.flush()
}
