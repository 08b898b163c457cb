//go:build !purego

#include "textflag.h"

// The plan is that of mask_amd64.s: a payload of up to 128 bytes is covered
// from both ends, the last 64 bytes of a longer one wait in registers while a
// loop does the rest, and nothing is stored before all has been loaded that
// overlaps it. Stores are not aligned: the cores of today take 16 bytes at any
// address, but for the few that cross a line.
//
// Registers on the way from an entry to the kernel:
//
//	R0  dst
//	R1  src
//	R2  n, their length
//	R3  key, as it meets the first byte
//	R4  key, as it meets a word that ends with the last byte, n modulo 4 bytes on
//	R5  dst+n
//	R6  src+n

// func xor(p []byte, key uint32)
TEXT ·xor(SB), NOSPLIT, $0-28
	MOVD  p_base+0(FP), R0
	MOVD  R0, R1
	MOVD  p_len+8(FP), R2
	MOVWU key+24(FP), R3
	B     maskNEON<>(SB)

// func copyXOR(dst, src []byte, key uint32)
TEXT ·copyXOR(SB), NOSPLIT, $0-52
	MOVD  dst_base+0(FP), R0
	MOVD  src_base+24(FP), R1
	MOVD  src_len+32(FP), R2
	MOVWU key+48(FP), R3
	B     maskNEON<>(SB)

TEXT maskNEON<>(SB), NOSPLIT|NOFRAME, $0-0
	CMP  $4, R2
	BLO  upTo3
	LSL  $3, R2, R4
	RORW R4, R3, R4 // takes the shift modulo 32
	ADD  R2, R0, R5
	ADD  R2, R1, R6
	CMP  $16, R2
	BLO  upTo15
	VDUP R3, V0.S4
	VDUP R4, V1.S4
	CMP  $32, R2
	BHI  over32

	FMOVQ (R1), F2
	FMOVQ -16(R6), F3
	VEOR  V0.B16, V2.B16, V2.B16
	VEOR  V1.B16, V3.B16, V3.B16
	FMOVQ F2, (R0)
	FMOVQ F3, -16(R5)
	RET

over32:
	SUB  $32, R6, R7
	SUB  $32, R5, R8
	CMP  $64, R2
	BHI  over64
	VLD1 (R1), [V2.B16, V3.B16]
	VLD1 (R7), [V4.B16, V5.B16]
	VEOR V0.B16, V2.B16, V2.B16
	VEOR V0.B16, V3.B16, V3.B16
	VEOR V1.B16, V4.B16, V4.B16
	VEOR V1.B16, V5.B16, V5.B16
	VST1 [V2.B16, V3.B16], (R0)
	VST1 [V4.B16, V5.B16], (R8)
	RET

over64:
	// The last 64 bytes stay in V4 to V7 until the end.
	SUB  $64, R6, R7
	SUB  $64, R5, R8
	VLD1 (R7), [V4.B16, V5.B16, V6.B16, V7.B16]
	VEOR V1.B16, V4.B16, V4.B16
	VEOR V1.B16, V5.B16, V5.B16
	VEOR V1.B16, V6.B16, V6.B16
	VEOR V1.B16, V7.B16, V7.B16

loop64:
	VLD1.P 64(R1), [V16.B16, V17.B16, V18.B16, V19.B16]
	VEOR   V0.B16, V16.B16, V16.B16
	VEOR   V0.B16, V17.B16, V17.B16
	VEOR   V0.B16, V18.B16, V18.B16
	VEOR   V0.B16, V19.B16, V19.B16
	VST1.P [V16.B16, V17.B16, V18.B16, V19.B16], 64(R0)
	CMP    R8, R0
	BLO    loop64

	VST1 [V4.B16, V5.B16, V6.B16, V7.B16], (R8)
	RET

upTo15:
	CMP   $8, R2
	BLO   upTo7
	ORR   R3<<32, R3, R3
	ORR   R4<<32, R4, R4
	MOVD  (R1), R7
	MOVD  -8(R6), R8
	EOR   R3, R7, R7
	EOR   R4, R8, R8
	MOVD  R7, (R0)
	MOVD  R8, -8(R5)
	RET

upTo7:
	MOVWU (R1), R7
	MOVWU -4(R6), R8
	EORW  R3, R7, R7
	EORW  R4, R8, R8
	MOVW  R7, (R0)
	MOVW  R8, -4(R5)
	RET

upTo3:
	// One by one: a word would hold a byte that is not ours.
	CBZ   R2, done
	MOVBU (R1), R7
	EORW  R3, R7, R7
	MOVB  R7, (R0)
	CMP   $2, R2
	BLO   done
	MOVBU 1(R1), R7
	EORW  R3>>8, R7, R7
	MOVB  R7, 1(R0)
	BEQ   done
	MOVBU 2(R1), R7
	EORW  R3>>16, R7, R7
	MOVB  R7, 2(R0)

done:
	RET
