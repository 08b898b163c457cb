package utf8scan

// The mistakes that two neighbouring bytes can show. Each is a bit, and each
// of three nibbles (both of the first byte, the high one of the second) has
// the mistakes that it can be a part of. Those on which all three agree are
// made.
const (
	tooShort  = 1 << iota // a lead byte, and then no continuation
	tooLong               // ASCII, and then a continuation
	overlong2             // C0 or C1, and then a continuation: below U+0080
	overlong3             // E0, and then below A0: below U+0800
	overlong4             // F0, and then below 90: below U+10000; also F5 to FF, and then below 90
	surrogate             // ED, and then from A0 on: U+D800 to U+DFFF
	tooLarge              // F4 to FF, and then from 90 on: above U+10FFFF
	twoConts              // two continuations: no mistake if a character of three or four bytes began before them

	anyLow = tooShort | tooLong | twoConts // for which the low nibble does not matter
)

// twoConts is the highest bit of a byte, because the kernels compare it with
// that of the bytes two and three before: of one of them that is E0 or F0 or
// more they keep the highest bit, and both or neither have to be there.

// firstHigh is looked up by the high nibble of the first byte.
var firstHigh = [16]byte{
	0x0: tooLong, 0x1: tooLong, 0x2: tooLong, 0x3: tooLong, 0x4: tooLong, 0x5: tooLong, 0x6: tooLong, 0x7: tooLong,
	0x8: twoConts, 0x9: twoConts, 0xA: twoConts, 0xB: twoConts,
	0xC: tooShort | overlong2,
	0xD: tooShort,
	0xE: tooShort | overlong3 | surrogate,
	0xF: tooShort | overlong4 | tooLarge,
}

// firstLow is looked up by the low nibble of the first byte.
var firstLow = [16]byte{
	0x0: anyLow | overlong2 | overlong3 | overlong4,
	0x1: anyLow | overlong2,
	0x2: anyLow,
	0x3: anyLow,
	0x4: anyLow | tooLarge,
	0x5: anyLow | tooLarge | overlong4,
	0x6: anyLow | tooLarge | overlong4,
	0x7: anyLow | tooLarge | overlong4,
	0x8: anyLow | tooLarge | overlong4,
	0x9: anyLow | tooLarge | overlong4,
	0xA: anyLow | tooLarge | overlong4,
	0xB: anyLow | tooLarge | overlong4,
	0xC: anyLow | tooLarge | overlong4,
	0xD: anyLow | tooLarge | overlong4 | surrogate,
	0xE: anyLow | tooLarge | overlong4,
	0xF: anyLow | tooLarge | overlong4,
}

// secondHigh is looked up by the high nibble of the second byte.
var secondHigh = [16]byte{
	0x0: tooShort, 0x1: tooShort, 0x2: tooShort, 0x3: tooShort, 0x4: tooShort, 0x5: tooShort, 0x6: tooShort, 0x7: tooShort,
	0x8: tooLong | twoConts | overlong2 | overlong3 | overlong4,
	0x9: tooLong | twoConts | overlong2 | overlong3 | tooLarge,
	0xA: tooLong | twoConts | overlong2 | surrogate | tooLarge,
	0xB: tooLong | twoConts | overlong2 | surrogate | tooLarge,
	0xC: tooShort, 0xD: tooShort, 0xE: tooShort, 0xF: tooShort,
}
