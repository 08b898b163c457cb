package deflate

import (
	"encoding/binary"
	"io"
)

// Sizes of windows and of what an [Inflater] gives out, in bytes.
const (
	minBits = 8  // RFC 7692, 7.1.2: "between 8 to 15, inclusive"
	maxBits = 15 // a window of 32,768 bytes

	// MaxPiece is the most that one call of [Inflater.Next] returns: 32 KiB,
	// whatever the input claims to inflate to.
	MaxPiece = 32 << 10

	// inflateSlack is what has to be free behind the write position when a
	// symbol is decoded: four literals and the longest match (258), with the
	// words that a copy writes beyond its end (at most 15 bytes).
	inflateSlack = 288
)

// An Inflater decompresses messages, RFC 7692, 7.2.2. The zero value is ready
// for [Inflater.Reset]. It belongs to one goroutine at a time, and to one
// message: what a context has to keep between messages is its
// [Inflater.History], so that idle connections can share a few Inflaters
// through a pool.
//
// It holds 12 KiB of tables, the window, and room for pieces of four windows
// (between 4 and 32 KiB): 33 KiB in all for a window of 12 bits, 77 KiB for
// 15. Nothing is allocated after the first Reset for the largest window.
type Inflater struct {
	// buf[:w] ends with the history and what was inflated since; only its
	// last 1<<bits bytes count. Bytes beyond w are scratch.
	buf    []byte
	w      int
	window int // 1<<bits

	// bits holds the nbits next bits of the input, the first one lowest; all
	// above are 0. It takes in whole bytes, so that n of Next counts some
	// that are not decoded yet.
	bits  uint64
	nbits uint

	state inflateState
	final bool // the block at hand, or the last one, has BFINAL set
	begun bool // a byte of the message came
	err   error

	stored int // bytes to come in a stored block

	// The header of a dynamic block as far as it was read.
	literals, distances, lengthCodes int
	read                             int   // code lengths, of either kind
	lastLength                       uint8 // of them
	codeLengths                      [maxLengthCodes]uint8
	precode                          [1 << longestPrecode]uint32
	litCodes, distCodes              codeSet

	// The tables in use: own, or the fixed ones that all Inflaters share.
	lit     *literalTable
	dist    *distanceTable
	ownLit  literalTable
	ownDist distanceTable
}

// inflateState is where in a block the next bit belongs.
//
//	header ─► storedLength ─► storedData ─► header
//	   ├────────────────────────► symbols ─► header
//	   └─► counts ─► codeLengths ─► lengths ─► symbols
//
// A state is left only when all of its bits have come; bits that do not
// suffice stay in Inflater.bits.
type inflateState uint8

const (
	inflateHeader       inflateState = iota // BFINAL and BTYPE
	inflateStoredLength                     // byte-aligned; LEN and NLEN
	inflateStoredData                       // byte-aligned; stored bytes to come, at least one
	inflateCounts                           // HLIT, HDIST, HCLEN
	inflateCodeLengths                      // lengths of the code length codes
	inflateLengths                          // lengths of the other codes
	inflateSymbols                          // lit and dist are set
)

// Reset begins a message. Distances reach back up to 1<<bits bytes; bits has
// to be 8 to 15. history is what was inflated before in the same context (or
// nil): its last 1<<bits bytes are copied, it is not retained. It may be what
// [Inflater.History] returned.
func (z *Inflater) Reset(bits int, history []byte) {
	if bits < minBits || bits > maxBits {
		panic("deflate: Inflater.Reset with a window outside 8 to 15 bits")
	}
	window := 1 << bits
	if need := window + min(MaxPiece, max(4*window, 4<<10)) + inflateSlack; len(z.buf) < need {
		z.buf = make([]byte, need)
	}
	z.window = window
	z.w = copy(z.buf, history[max(0, len(history)-window):])
	z.bits, z.nbits = 0, 0
	z.state, z.final, z.begun, z.err = inflateHeader, false, false, nil
	z.stored = 0
}

// History returns what the next message of the context may refer to: at most
// the last 1<<bits bytes of the history and of all that was inflated. It is
// valid until the next call to Next or Reset.
func (z *Inflater) History() []byte { return z.buf[max(0, z.w-z.window):z.w:z.w] }

// Next consumes n bytes of src and returns the next piece of the message, at
// most [MaxPiece] bytes, valid until the next call to any method. src is not
// retained. Any split of the payload into calls gives the same bytes. Each
// call consumes all of src or returns a piece, or else an error; without last,
// an empty piece means that more input is needed.
//
// last says that src is the end of the message's payload; the four bytes that
// the sender took away are added by the Inflater. io.EOF comes with the last
// piece. Any other error is an [*Error], and the piece beside it is what came
// before the fault. All errors stay until the next Reset.
func (z *Inflater) Next(src []byte, last bool) (out []byte, n int, err error) {
	if z.err != nil {
		return nil, 0, z.err
	}
	if z.window == 0 {
		panic("deflate: Inflater.Next before Reset")
	}
	if room := len(z.buf) - inflateSlack - z.w; room < (len(z.buf)-z.window)/2 && z.w > z.window {
		z.w = copy(z.buf, z.buf[z.w-z.window:z.w])
	}
	from := z.w
	z.begun = z.begun || len(src) > 0
	// A symbol begins only below limit, so it ends within buf and MaxPiece.
	limit := min(len(z.buf), from+MaxPiece) - inflateSlack
	n, err = z.run(src, limit)
	if err == nil && last && n == len(src) && z.w < limit {
		err = z.end()
	}
	z.err = err
	return z.buf[from:z.w:z.w], n, err
}

// end is the verdict on a payload of which all bits were decoded that can be.
//
// RFC 7692, 7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of
// the payload of the message." They are LEN and NLEN of an empty stored block
// whose header is the last thing in the payload: 7.2.1, "the last octet of
// the compressed data contains (possibly part of) the DEFLATE header bits
// with the 'BTYPE' bits set to 00". Where these four octets would serve as
// anything else, the payload ended inside a block (and only data of a stored
// block, or a code that ends with the last bit, could then make it whole at
// all), so they need not be decoded.
func (z *Inflater) end() error {
	switch {
	case z.state == inflateStoredLength && z.nbits == 0:
		return io.EOF
	case z.state == inflateHeader && z.nbits == 0 && (z.final || !z.begun):
		// The octet that 7.2.3.4 calls necessary after a block with BFINAL,
		// or 7.2.3.6 for an empty message, is missing. It would add nothing.
		return io.EOF
	}
	return errTruncated
}

// run decodes until src is used up or the output is at limit, and returns how
// many bytes of src it took. The output is below limit if all that could be
// decoded was.
func (z *Inflater) run(src []byte, limit int) (pos int, err error) {
	for z.w < limit {
		switch z.state {
		case inflateHeader:
			if pos = z.fill(src, pos); z.nbits < 3 {
				return pos, nil
			}
			z.final = z.bits&1 != 0
			kind := z.bits >> 1 & 3
			z.drop(3)
			switch kind {
			case 0:
				// RFC 1951, 3.2.4: "Any bits of input up to the next byte
				// boundary are ignored."
				z.drop(z.nbits & 7)
				z.state = inflateStoredLength
			case 1:
				fixed := inflateFixed()
				z.lit, z.dist = &fixed.lit, &fixed.dist
				z.state = inflateSymbols
			case 2:
				z.state = inflateCounts
			default:
				// RFC 1951, 3.2.3: "11 - reserved (error)"
				return pos, errBlockType
			}
		case inflateStoredLength:
			if pos = z.fill(src, pos); z.nbits < 32 {
				return pos, nil
			}
			// RFC 1951, 3.2.4: "LEN is the number of data bytes in the block.
			// NLEN is the one's complement of LEN."
			length := uint16(z.bits)
			if length != ^uint16(z.bits>>16) {
				return pos, errStoredLength
			}
			z.drop(32)
			z.stored = int(length)
			z.state = inflateStoredData
			if length == 0 {
				z.endBlock()
			}
		case inflateStoredData:
			if pos = z.copyStored(src, pos, limit); z.stored > 0 {
				return pos, nil
			}
			z.endBlock()
		case inflateCounts, inflateCodeLengths, inflateLengths:
			if pos, err = z.readCodes(src, pos); err != nil || z.state != inflateSymbols {
				return pos, err
			}
		case inflateSymbols:
			if pos, err = z.decode(src, pos, limit); err != nil || z.state == inflateSymbols {
				return pos, err
			}
			z.endBlock()
		}
	}
	return pos, nil
}

// endBlock goes on to the next block. RFC 7692, 7.2.1: "When any DEFLATE block
// with the 'BFINAL' bit set to 1 doesn't end at a byte boundary, an endpoint
// MUST add minimal padding bits of 0 to make it end at a byte boundary. The
// next DEFLATE block follows the padded data if any." The window goes on too.
func (z *Inflater) endBlock() {
	z.state = inflateHeader
	if z.final {
		z.drop(z.nbits & 7)
	}
}

// fill takes bytes of src from pos on into bits, until there are 56 at least
// or src is used up, and returns the new pos.
func (z *Inflater) fill(src []byte, pos int) int {
	if pos <= len(src)-8 {
		z.bits |= binary.LittleEndian.Uint64(src[pos:]) << (z.nbits & 63)
		pos += int((63 - z.nbits) >> 3)
		z.nbits |= 56
		z.bits &= 1<<(z.nbits&63) - 1
		return pos
	}
	for z.nbits <= 56 && pos < len(src) {
		z.bits |= uint64(src[pos]) << z.nbits
		z.nbits += 8
		pos++
	}
	return pos
}

func (z *Inflater) drop(n uint) {
	z.bits >>= n
	z.nbits -= n
}

// copyStored moves bytes of a stored block, first those in bits, then from
// src, up to limit.
func (z *Inflater) copyStored(src []byte, pos, limit int) int {
	for z.stored > 0 && z.nbits > 0 && z.w < limit {
		z.buf[z.w] = byte(z.bits)
		z.drop(8)
		z.w++
		z.stored--
	}
	if z.nbits == 0 {
		n := min(z.stored, limit-z.w)
		n = copy(z.buf[z.w:z.w+n], src[pos:])
		z.w += n
		z.stored -= n
		pos += n
	}
	return pos
}
