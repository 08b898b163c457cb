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
			z.lengths[codeLengthOrder[z.read]] = uint8(z.bits & 7)
			z.drop(3)
			z.read++
		}
		for _, i := range codeLengthOrder[z.lengthCodes:] {
			z.lengths[i] = 0
		}
		if !buildTable(z.precode[:], precodeBits, z.lengths[:maxLengthCodes], precodeEntries[:]) {
			return pos, errCodeLengths
		}
		z.read = 0
		z.state = inflateLengths
	}
	pos, err := z.readLengths(src, pos)
	if all := z.literals + z.distances; err != nil || z.read < all {
		return pos, err
	}
	// A block without an end could only be corrupt.
	if z.lengths[endOfBlock] == 0 {
		return pos, errCodeEnd
	}
	if !buildTable(z.ownLit[:], literalTabBits, z.lengths[:z.literals], literalEntries[:]) {
		return pos, errLiteralCodes
	}
	if !buildTable(z.ownDist[:], distanceTabBits, z.lengths[z.literals:z.literals+z.distances], distanceEntries[:]) {
		return pos, errDistCodes
	}
	z.lit, z.dist = &z.ownLit, &z.ownDist
	z.state = inflateSymbols
	return pos, nil
}

// readLengths reads the lengths of both codes: "The code length repeat codes
// can cross from HLIT + 257 to the HDIST + 1 code lengths."
func (z *Inflater) readLengths(src []byte, pos int) (int, error) {
	all := z.literals + z.distances
	for z.read < all {
		if z.nbits < maxPrecodeBits+7 {
			pos = z.fill(src, pos)
		}
		e := z.precode[z.bits&(1<<precodeBits-1)]
		drop, code := uint(e&entryDrop), uint(e>>entryCode&entryCodeMax)
		if e&entryInvalid != 0 && z.nbits >= code {
			return pos, errSymbol
		}
		if z.nbits < drop {
			return pos, nil
		}
		extra := int(z.bits & (1<<drop - 1) >> code)
		z.drop(drop)
		symbol := uint8(e >> entryValue)
		if symbol < 16 {
			z.lengths[z.read] = symbol
			z.read++
			continue
		}
		n, length := 3+extra, uint8(0)
		switch symbol {
		case 16:
			if z.read == 0 {
				return pos, errCodeRepeat
			}
			length = z.lengths[z.read-1]
		case 18:
			n += 8
		}
		if z.read+n > all {
			return pos, errCodeRepeat
		}
		for i := range z.lengths[z.read : z.read+n] {
			z.lengths[z.read+i] = length
		}
		z.read += n
	}
	return pos, nil
}
