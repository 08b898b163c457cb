package deflate

// codeLengthOrder is RFC 1951, 3.2.7: "code lengths for the code length
// alphabet given just above, in the order: 16, 17, 18, ...".
var codeLengthOrder = [maxLengthCodes]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// readCodes reads the two codes that stand before a dynamic block, RFC 1951,
// 3.2.7, and goes on to the state inflateSymbols. In any other state it needs
// more input.
func (z *Inflater) readCodes(src []byte, pos int) (int, error) {
	if z.state == inflateCounts {
		if pos = z.fill(src, pos); z.nbits < 14 {
			return pos, nil
		}
		z.literals = int(z.bits&31) + 257
		z.distances = int(z.bits>>5&31) + 1
		z.lengthCodes = int(z.bits>>10&15) + 4
		z.drop(14)
		if z.literals > maxLiterals || z.distances > maxDistances {
			return pos, errCodeCounts
		}
		z.read = 0
		z.state = inflateCodeLengths
	}
	if z.state == inflateCodeLengths {
		for z.read < z.lengthCodes {
			if z.nbits < 3 {
				if pos = z.fill(src, pos); z.nbits < 3 {
					return pos, nil
				}
			}
			z.codeLengths[codeLengthOrder[z.read]] = uint8(z.bits & 7)
			z.drop(3)
			z.read++
		}
		for _, i := range codeLengthOrder[z.lengthCodes:] {
			z.codeLengths[i] = 0
		}
		z.litCodes.clear()
		for symbol, length := range z.codeLengths {
			if length != 0 {
				z.litCodes.add(symbol, 1, length)
			}
		}
		if !z.litCodes.table(z.precode[:], longestPrecode, precodeEntries[:]) {
			return pos, errCodeLengths
		}
		z.litCodes.clear()
		z.distCodes.clear()
		z.read, z.lastLength = 0, 0
		z.state = inflateLengths
	}
	pos, err := z.readLengths(src, pos)
	if err != nil || z.read < z.literals+z.distances {
		return pos, err
	}
	// A block without an end could only be corrupt.
	if !z.litCodes.has(symbolEnd) {
		return pos, errCodeEnd
	}
	if !z.litCodes.table(z.ownLit[:], literalTabBits, literalEntries[:]) {
		return pos, errLiteralCodes
	}
	if !z.distCodes.table(z.ownDist[:], distanceTabBits, distanceEntries[:]) {
		return pos, errDistCodes
	}
	z.lit, z.dist = &z.ownLit, &z.ownDist
	z.state = inflateSymbols
	return pos, nil
}

// readLengths reads the lengths of both codes, those of zero left out.
func (z *Inflater) readLengths(src []byte, pos int) (int, error) {
	all := z.literals + z.distances
	for z.read < all {
		if z.nbits < longestPrecode+7 {
			pos = z.fill(src, pos)
		}
		e := z.precode[z.bits&(1<<longestPrecode-1)]
		drop, code := uint(e&entryDrop), uint(e>>entryCode&entryCodeMax)
		if drop > z.nbits {
			return pos, nil
		}
		if e&entryInvalid != 0 {
			return pos, errSymbol
		}
		n, length := 1, uint8(e>>entryValue)
		if length >= 16 {
			n = 3 + int(z.bits&(1<<drop-1)>>code)
			switch {
			case length > 17:
				n, length = n+8, 0
			case length == 17:
				length = 0
			case z.read == 0:
				return pos, errCodeRepeat
			default:
				length = z.lastLength
			}
		}
		z.drop(drop)
		if z.read+n > all {
			return pos, errCodeRepeat
		}
		if length != 0 {
			// RFC 1951, 3.2.7: "The code length repeat codes can cross from
			// HLIT + 257 to the HDIST + 1 code lengths."
			first := max(0, min(n, z.literals-z.read))
			if first > 0 {
				z.litCodes.add(z.read, first, length)
			}
			if first < n {
				z.distCodes.add(z.read+first-z.literals, n-first, length)
			}
		}
		z.read += n
		z.lastLength = length
	}
	return pos, nil
}
