package deflate

import (
	"math/bits"
)

const (
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
	fixedDists    [distCodes]code
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
	builder  codeBuilder
	litFreq  [maxSymbols + 2]uint32
	distFreq [distCodes + 2]uint32
	preFreq  [preCodes]uint32
	lits     [maxSymbols]code
	dists    [distCodes]code
	pres     [preCodes]code
	header   [maxSymbols + distCodes]uint16 // symbols of the code lengths: symbol | extra << 8
	headers  int                            // how many of header are in use
	numLits  int
	numDists int
	numPres  int
}

// write appends one block for data, which seqs divide, the rest behind them
// being literals, in the smallest of the three ways.
func (e *blockEncoder) write(w *bitWriter, data []byte, seqs []sequence) {
	extra := e.count(data, seqs)
	stored := 8*(4+len(data)+int(w.n+3+7)/8) - int(w.n)
	fixed := 3 + extra + e.fixedBits()
	dynamic := 3 + extra + e.plan()
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
		c.encode(data, seqs, &e.lits, &e.dists)
		w.close(&c)
	}
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
	clear(e.litFreq[:])
	clear(e.distFreq[:])
	e.litFreq[endOfBlock] = 1
	pos := 0
	for i := range seqs {
		s := &seqs[i]
		next := pos + int(s.lits)
		for _, c := range data[pos:next] {
			e.litFreq[c]++
		}
		e.litFreq[endOfBlock+1+int(s.lsym&31)]++
		e.distFreq[s.dsym&31]++
		pos = next + int(s.len) + leastLen
	}
	for _, c := range data[pos:] {
		e.litFreq[c]++
	}
	for i, n := range e.litFreq[endOfBlock+1 : maxSymbols] {
		extra += int(n) * int(lengthExtra[i])
	}
	for i, n := range e.distFreq[:distCodes] {
		extra += int(n) * int(distExtra[i])
	}
	return extra
}

func (e *blockEncoder) fixedBits() int {
	n := 0
	for s, f := range e.litFreq[:maxSymbols] {
		n += int(f) * int(fixedLits[s]>>codeShift)
	}
	for _, f := range e.distFreq[:distCodes] {
		n += int(f) * 5
	}
	return n
}

// preOrder is the order in which the lengths of the code for code lengths are
// sent. RFC 1951, 3.2.7.
var preOrder = [preCodes]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

var preExtra = [preCodes]uint8{16: 2, 17: 3, 18: 7}

// plan makes the codes of a dynamic block and returns its size in bits
// without the first three and the extra bits of matches.
func (e *blockEncoder) plan() int {
	e.builder.build(e.lits[:], e.litFreq[:maxSymbols], litLimit)
	e.builder.build(e.dists[:], e.distFreq[:distCodes], maxCodeBits)
	e.numLits, e.numDists = maxSymbols, distCodes
	for e.lits[e.numLits-1] == 0 {
		e.numLits--
	}
	for e.dists[e.numDists-1] == 0 {
		e.numDists--
	}
	e.planHeader()
	size := 5 + 5 + 4 + 3*e.numPres
	for s, f := range e.preFreq {
		size += int(f) * int(e.pres[s]>>codeShift+uint32(preExtra[s]))
	}
	for s, c := range e.lits[:e.numLits] {
		size += int(e.litFreq[s]) * int(c>>codeShift)
	}
	for s, c := range e.dists[:e.numDists] {
		size += int(e.distFreq[s]) * int(c>>codeShift)
	}
	return size
}

// planHeader puts the lengths of all codes as runs into e.header and makes
// the code for them.
func (e *blockEncoder) planHeader() {
	clear(e.preFreq[:])
	var lengths [maxSymbols + distCodes + 1]uint8
	for s, c := range e.lits[:e.numLits] {
		lengths[s] = uint8(c >> codeShift)
	}
	for s, c := range e.dists[:e.numDists] {
		lengths[e.numLits+s] = uint8(c >> codeShift)
	}
	total := e.numLits + e.numDists
	lengths[total] = 255 // ends the last run
	e.headers = 0
	put := func(symbol, extra int) {
		e.header[e.headers] = uint16(symbol | extra<<8)
		e.headers++
		e.preFreq[symbol]++
	}
	for i := 0; i < total; {
		length := lengths[i]
		run := 1
		for lengths[i+run] == length {
			run++
		}
		i += run
		if length == 0 {
			// RFC 1951, 3.2.7: 17 repeats zero 3 to 10 times, 18 11 to 138.
			for run >= 11 {
				n := min(run, 138)
				put(18, n-11)
				run -= n
			}
			if run >= 3 {
				put(17, run-3)
				run = 0
			}
		} else {
			put(int(length), 0)
			run--
			// 16 repeats the length before 3 to 6 times.
			for run >= 3 {
				n := min(run, 6)
				put(16, n-3)
				run -= n
			}
		}
		for range run {
			put(int(length), 0)
		}
	}
	e.builder.build(e.pres[:], e.preFreq[:], maxPreCode)
	e.numPres = preCodes
	for e.numPres > 4 && e.pres[preOrder[e.numPres-1]] == 0 {
		e.numPres--
	}
}

func (e *blockEncoder) writeHeader(c *bitCursor) {
	c.add(uint64(e.numLits-257), 5)
	c.add(uint64(e.numDists-1), 5)
	c.add(uint64(e.numPres-4), 4)
	c.flush()
	for _, s := range preOrder[:e.numPres] {
		c.add(uint64(e.pres[s]>>codeShift), 3)
		c.flush()
	}
	for _, h := range e.header[:e.headers] {
		s := h & 0xff
		p := e.pres[s]
		c.add(uint64(p&0xffff)|uint64(h>>8)<<(p>>codeShift), uint(p>>codeShift)+uint(preExtra[s]))
		c.flush()
	}
}

// encode writes the symbols of a block.
func (c *bitCursor) encode(data []byte, seqs []sequence, lits *[maxSymbols]code, dists *[distCodes]code) {
	k := *c
	pos := 0
	for i := range seqs {
		s := &seqs[i]
		next := pos + int(s.lits)
		k.literals(data[pos:next], lits)
		pos = next + int(s.len) + leastLen
		l := lits[endOfBlock+1+int(s.lsym)]
		k.add(uint64(l&0xffff), uint(l>>codeShift))
		k.add(uint64(s.len-lengthBase[s.lsym]), uint(lengthExtra[s.lsym]))
		d := dists[s.dsym]
		k.add(uint64(d&0xffff), uint(d>>codeShift))
		k.add(uint64(s.dist-distBase[s.dsym]), uint(distExtra[s.dsym]))
		k.flush()
	}
	k.literals(data[pos:], lits)
	l := lits[endOfBlock]
	k.add(uint64(l&0xffff), uint(l>>codeShift))
	k.flush()
	*c = k
}

func (k *bitCursor) literals(p []byte, lits *[maxSymbols]code) {
	for len(p) >= 4 {
		q := p[:4]
		p = p[4:]
		a, b, c, d := lits[q[0]], lits[q[1]], lits[q[2]], lits[q[3]]
		k.add(uint64(a&0xffff), uint(a>>codeShift))
		k.add(uint64(b&0xffff), uint(b>>codeShift))
		k.add(uint64(c&0xffff), uint(c>>codeShift))
		k.add(uint64(d&0xffff), uint(d>>codeShift))
		k.flush()
	}
	for _, b := range p {
		a := lits[b]
		k.add(uint64(a&0xffff), uint(a>>codeShift))
	}
	k.flush()
}
