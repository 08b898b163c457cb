package deflate

import "encoding/binary"

const (
	literalTabMask  = 1<<literalTabBits - 1
	distanceTabMask = 1<<distanceTabBits - 1
)

// decode decodes the symbols of a block until its end, which changes the
// state, or until src is used up or the output at limit.
func (z *Inflater) decode(src []byte, pos, limit int) (_ int, err error) {
	if len(src)-pos >= 8 {
		if pos, err = z.decodeFast(src, pos, limit); err != nil || z.state != inflateSymbols {
			return pos, err
		}
	}
	for z.w < limit {
		pos = z.fill(src, pos)
		e := z.lit[z.bits&literalTabMask]
		if e&entryLink != 0 {
			e = z.lit[(e>>entryValue+uint32(z.bits>>literalTabBits)&(1<<(e>>entryCode&entryCodeMax)-1))%literalTabSize]
		}
		// A code that did not come whole is taken for one with zeros at its
		// end. It cannot be shorter than what came of it.
		drop := uint(e & entryDrop)
		if drop > z.nbits {
			return pos, nil
		}
		switch {
		case e&entryLiteral != 0:
			z.drop(drop)
			z.buf[z.w] = byte(e >> entryValue)
			z.w++
			continue
		case e&entryEnd != 0:
			z.drop(drop)
			z.state = inflateHeader
			return pos, nil
		case e&entryInvalid != 0:
			return pos, errSymbol
		}
		length := e>>entryValue + uint32(z.bits&(1<<drop-1)>>(e>>entryCode&entryCodeMax))
		rest := z.bits >> drop
		d := z.dist[rest&distanceTabMask]
		if d&entryLink != 0 {
			d = z.dist[(d>>entryValue+uint32(rest>>distanceTabBits)&(1<<(d>>entryCode&entryCodeMax)-1))%distanceTabSize]
		}
		both := drop + uint(d&entryDrop)
		if both > z.nbits {
			return pos, nil
		}
		if d&entryInvalid != 0 {
			return pos, errSymbol
		}
		distance := int(d>>entryValue) + int(rest&(1<<(d&entryDrop)-1)>>(d>>entryCode&entryCodeMax))
		if distance > z.w || distance > z.window {
			return pos, errDistance
		}
		z.drop(both)
		copyMatch(z.buf, z.w, distance, int(length))
		z.w += int(length)
	}
	return pos, nil
}

// decodeFast is decode while there are eight bytes of src to load at once. It
// keeps all that the loop needs in variables. It may take in less of src than
// it could.
func (z *Inflater) decodeFast(src []byte, pos, limit int) (_ int, err error) {
	var (
		bits, nbits  = z.bits, uint64(z.nbits)
		w, window    = z.w, z.window
		buf          = z.buf
		lits, dists  = z.lit, z.dist
		e, d         uint32
		length, dist int
	)
	// At most 56 bits are wanted at a time. What is loaded beyond nbits is
	// the same as what the next load brings there.
	for w < limit && pos <= len(src)-8 {
		bits |= binary.LittleEndian.Uint64(src[pos:]) << (nbits & 63)
		pos += int((63 - nbits) >> 3)
		nbits |= 56

		// Literals come in runs: four short codes are 40 bits at most.
		e = lits[bits&literalTabMask]
		if int32(e) < 0 {
			buf[w] = byte(e >> entryValue)
			w++
			bits >>= e & entryDrop
			nbits -= uint64(e & entryDrop)
			e = lits[bits&literalTabMask]
			if int32(e) < 0 {
				buf[w] = byte(e >> entryValue)
				w++
				bits >>= e & entryDrop
				nbits -= uint64(e & entryDrop)
				e = lits[bits&literalTabMask]
				if int32(e) < 0 {
					buf[w] = byte(e >> entryValue)
					w++
					bits >>= e & entryDrop
					nbits -= uint64(e & entryDrop)
					e = lits[bits&literalTabMask]
					if int32(e) < 0 {
						buf[w] = byte(e >> entryValue)
						w++
						bits >>= e & entryDrop
						nbits -= uint64(e & entryDrop)
						continue
					}
				}
			}
			// A length and a distance have 15 + 5 + 15 + 13 bits at most.
			if nbits < 48 {
				if pos > len(src)-8 {
					break
				}
				bits |= binary.LittleEndian.Uint64(src[pos:]) << (nbits & 63)
				pos += int((63 - nbits) >> 3)
				nbits |= 56
			}
		}
		if e&entrySpecial != 0 {
			if e&entryLink != 0 {
				e = lits[(e>>entryValue+uint32(bits>>literalTabBits)&(1<<(e>>entryCode&entryCodeMax)-1))%literalTabSize]
			}
			if int32(e) < 0 {
				buf[w] = byte(e >> entryValue)
				w++
				bits >>= e & entryDrop
				nbits -= uint64(e & entryDrop)
				continue
			}
			if e&entryEnd != 0 {
				bits >>= e & entryDrop
				nbits -= uint64(e & entryDrop)
				z.state = inflateHeader
				break
			}
			if e&entryInvalid != 0 {
				err = errSymbol
				break
			}
		}
		length = int(e>>entryValue) + int(bits&(1<<(e&entryDrop)-1)>>(e>>entryCode&entryCodeMax))
		bits >>= e & entryDrop
		nbits -= uint64(e & entryDrop)

		d = dists[bits&distanceTabMask]
		if d&entrySpecial != 0 {
			if d&entryLink != 0 {
				d = dists[(d>>entryValue+uint32(bits>>distanceTabBits)&(1<<(d>>entryCode&entryCodeMax)-1))%distanceTabSize]
			}
			if d&entryInvalid != 0 {
				err = errSymbol
				break
			}
		}
		dist = int(d>>entryValue) + int(bits&(1<<(d&entryDrop)-1)>>(d>>entryCode&entryCodeMax))
		bits >>= d & entryDrop
		nbits -= uint64(d & entryDrop)
		if dist > w || dist > window {
			err = errDistance
			break
		}
		copyMatch(buf, w, dist, length)
		w += length
	}
	z.w = w
	z.bits, z.nbits = bits&(1<<nbits-1), uint(nbits)
	return pos, err
}

// copyMatch repeats length bytes of buf (3 to 258), beginning dist before w,
// at w. RFC 1951, 3.2.3: "the referenced string may overlap the current
// position". Up to 15 bytes behind them are overwritten too.
func copyMatch(buf []byte, w, dist, length int) {
	from := w - dist
	if dist >= 8 {
		binary.LittleEndian.PutUint64(buf[w:], binary.LittleEndian.Uint64(buf[from:]))
		binary.LittleEndian.PutUint64(buf[w+8:], binary.LittleEndian.Uint64(buf[from+8:]))
		if length <= 16 {
			return
		}
		if dist >= length {
			copy(buf[w+16:w+length], buf[from+16:])
			return
		}
		repeat(buf[:w+length], w+8, dist)
		return
	}
	// A word of the dist bytes over and over. It holds them whole, so what
	// comes behind it has as period the next multiple of dist above 7.
	word := binary.LittleEndian.Uint64(buf[from:]) & (1<<(8*dist) - 1)
	word |= word << (8 * dist)
	word |= word << (16 * dist)
	word |= word << (32 * dist)
	binary.LittleEndian.PutUint64(buf[w:], word)
	if length > 8 {
		repeat(buf[:w+length], w+8, int(wordPeriod[dist]))
	}
}

var wordPeriod = [8]uint8{1: 8, 2: 8, 3: 9, 4: 8, 5: 10, 6: 12, 7: 14}

// repeat fills buf from w on with what stands period bytes before.
func repeat(buf []byte, w, period int) {
	for w < len(buf) {
		w += copy(buf[w:], buf[w-period:w])
		period *= 2 // what was written can be copied at once
	}
}
