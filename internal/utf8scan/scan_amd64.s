//go:build !purego

#include "textflag.h"

// Registers of both kernels:
//
//	SI   the next byte
//	R8   the last byte at which a vector, or a round of 64 bytes, can begin
//	R9   the end of the text
//	R10  the last byte at which 128 bytes can begin
//	0    sum of the mistakes; a text without any has none
//	1-3  firstHigh, firstLow, secondHigh
//	4    0F in each byte
//	5    60 in each byte: what is E0 or more keeps its highest bit without it
//	6    70, and F0
//	7    80

// CONSTANT16 fills X with a byte.
#define CONSTANT16(byte, X) \
	MOVQ       $(byte * 0x0101010101010101), AX; \
	MOVQ       AX, X; \
	PUNPCKLQDQ X, X

// CHECK16 adds the mistakes of 16 bytes. X8 holds them, X9, X10 and X11 those
// that begin one, two and three bytes before.
#define CHECK16 \
	MOVO    X9, X12; \
	PSRLW   $4, X12; \
	PAND    X4, X12; \
	MOVO    X1, X13; \
	PSHUFB  X12, X13; \
	PAND    X4, X9; \
	MOVO    X2, X14; \
	PSHUFB  X9, X14; \
	PAND    X14, X13; \
	PSRLW   $4, X8; \
	PAND    X4, X8; \
	MOVO    X3, X14; \
	PSHUFB  X8, X14; \
	PAND    X14, X13; \
	PSUBUSB X5, X10; \
	PSUBUSB X6, X11; \
	POR     X11, X10; \
	PAND    X7, X10; \
	PXOR    X10, X13; \
	POR     X13, X0

// AT16 does CHECK16 for the bytes at SI+off, before which there are others.
#define AT16(off) \
	MOVOU off(SI), X8; \
	MOVOU off-1(SI), X9; \
	MOVOU off-2(SI), X10; \
	MOVOU off-3(SI), X11; \
	CHECK16

// func scanSSSE3(p []byte) bool
TEXT ·scanSSSE3(SB), NOSPLIT, $0-25
	MOVQ  p_base+0(FP), SI
	MOVQ  p_len+8(FP), CX
	LEAQ  (SI)(CX*1), R9
	PXOR  X0, X0
	MOVOU ·firstHigh(SB), X1
	MOVOU ·firstLow(SB), X2
	MOVOU ·secondHigh(SB), X3
	CONSTANT16(0x0F, X4)
	CONSTANT16(0x60, X5)
	CONSTANT16(0x70, X6)
	CONSTANT16(0x80, X7)

	// Before the first byte there is, so to say, ASCII.
	MOVOU  (SI), X8
	MOVO   X8, X9
	MOVO   X8, X10
	MOVO   X8, X11
	PSLLDQ $1, X9
	PSLLDQ $2, X10
	PSLLDQ $3, X11
	CHECK16
	ADDQ   $16, SI
	LEAQ   -64(R9), R8
	CMPQ   SI, R8
	JHI    rest

loop:
	// Where 64 bytes and the three before them are ASCII nothing can be wrong.
	MOVOU    -3(SI), X8
	MOVOU    13(SI), X9
	MOVOU    29(SI), X10
	MOVOU    45(SI), X11
	MOVOU    48(SI), X12
	POR      X9, X8
	POR      X11, X10
	POR      X12, X8
	POR      X10, X8
	PMOVMSKB X8, AX
	TESTL    AX, AX
	JNE      check
	ADDQ     $64, SI
	CMPQ     SI, R8
	JLS      loop
	JMP      rest

check:
	AT16(0)
	AT16(16)
	AT16(32)
	AT16(48)
	ADDQ $64, SI
	CMPQ SI, R8
	JLS  loop

rest:
	// Fewer than 64 bytes are left; the last vector ends with them.
	LEAQ -16(R9), R8

last:
	CMPQ SI, R8
	JCC  end
	AT16(0)
	ADDQ $16, SI
	JMP  last

end:
	MOVQ     R8, SI
	AT16(0)
	PXOR     X8, X8
	PCMPEQB  X8, X0
	PMOVMSKB X0, AX
	CMPL     AX, $0xFFFF
	SETEQ    ret+24(FP)
	RET

// CONSTANT32 fills Y, whose lower half is X, with a byte.
#define CONSTANT32(byte, X, Y) \
	MOVL         $(byte * 0x01010101), AX; \
	VMOVD        AX, X; \
	VPBROADCASTD X, Y

// CHECK32 adds the mistakes of 32 bytes. cur holds them, Y9, Y10 and Y11 those
// that begin one, two and three bytes before.
#define CHECK32(cur) \
	VPSRLW   $4, Y9, Y12; \
	VPAND    Y4, Y12, Y12; \
	VPSHUFB  Y12, Y1, Y12; \
	VPAND    Y4, Y9, Y13; \
	VPSHUFB  Y13, Y2, Y13; \
	VPSRLW   $4, cur, Y14; \
	VPAND    Y4, Y14, Y14; \
	VPSHUFB  Y14, Y3, Y14; \
	VPAND    Y12, Y13, Y12; \
	VPAND    Y12, Y14, Y12; \
	VPSUBUSB Y5, Y10, Y10; \
	VPSUBUSB Y6, Y11, Y11; \
	VPOR     Y10, Y11, Y10; \
	VPAND    Y7, Y10, Y10; \
	VPXOR    Y10, Y12, Y12; \
	VPOR     Y12, Y0, Y0

// AT32 does CHECK32 for the bytes in cur, which are those at SI+off and have
// others before them.
#define AT32(off, cur) \
	VMOVDQU off-1(SI), Y9; \
	VMOVDQU off-2(SI), Y10; \
	VMOVDQU off-3(SI), Y11; \
	CHECK32(cur)

// func scanAVX2(p []byte) bool
TEXT ·scanAVX2(SB), NOSPLIT, $0-25
	MOVQ           p_base+0(FP), SI
	MOVQ           p_len+8(FP), CX
	LEAQ           (SI)(CX*1), R9
	VPXOR          X0, X0, X0
	VBROADCASTI128 ·firstHigh(SB), Y1
	VBROADCASTI128 ·firstLow(SB), Y2
	VBROADCASTI128 ·secondHigh(SB), Y3
	CONSTANT32(0x0F, X4, Y4)
	CONSTANT32(0x60, X5, Y5)
	CONSTANT32(0x70, X6, Y6)
	CONSTANT32(0x80, X7, Y7)

	// Before the first byte there is, so to say, ASCII: Y9 is zeros and then
	// the lower half of Y8.
	VMOVDQU    (SI), Y8
	VPERM2I128 $0x08, Y8, Y8, Y13
	VPALIGNR   $15, Y13, Y8, Y9
	VPALIGNR   $14, Y13, Y8, Y10
	VPALIGNR   $13, Y13, Y8, Y11
	CHECK32(Y8)
	ADDQ       $32, SI
	LEAQ       -64(R9), R8
	LEAQ       -128(R9), R10
	CMPQ       SI, R8
	JHI        rest

loop:
	// Where 64 bytes and the three before them are ASCII nothing can be wrong.
	VMOVDQU   (SI), Y8
	VMOVDQU   32(SI), Y15
	VPOR      -3(SI), Y8, Y9
	VPOR      Y9, Y15, Y9
	VPMOVMSKB Y9, AX
	TESTL     AX, AX
	JNE       check
	ADDQ      $64, SI

ascii:
	// It seldom comes alone, and behind ASCII only the bytes themselves count:
	// 1.7 times as fast for 1 KiB of it, 2.8 times for 64 KiB.
	CMPQ      SI, R10
	JHI       atASCII
	VMOVDQU   (SI), Y8
	VMOVDQU   64(SI), Y9
	VPOR      32(SI), Y8, Y8
	VPOR      96(SI), Y9, Y9
	VPOR      Y8, Y9, Y8
	VPMOVMSKB Y8, AX
	TESTL     AX, AX
	JNE       atASCII
	SUBQ      $-128, SI
	JMP       ascii

atASCII:
	CMPQ SI, R8
	JLS  loop
	JMP  rest

check:
	AT32(0, Y8)
	AT32(32, Y15)
	ADDQ $64, SI
	CMPQ SI, R8
	JLS  loop

rest:
	// Fewer than 64 bytes are left; the last vector ends with them.
	LEAQ    -32(R9), R8
	CMPQ    SI, R8
	JCC     last
	VMOVDQU (SI), Y8
	AT32(0, Y8)

last:
	MOVQ    R8, SI
	VMOVDQU (SI), Y8
	AT32(0, Y8)
	VPTEST  Y0, Y0
	SETEQ   ret+24(FP)
	VZEROUPPER
	RET
