//go:build !purego

#include "textflag.h"

// Registers:
//
//	R0   the next byte
//	R2   the last byte at which a vector, or a round of 64 bytes, can begin
//	R1   the end of the text
//	V0   sum of the mistakes; a text without any has none
//	V1   firstHigh, V2 firstLow, V3 secondHigh
//	V4   0F in each byte
//	V5   60 in each byte: what is E0 or more keeps its highest bit without it
//	V6   70, and F0
//	V7   80

// CHECK adds the mistakes of 16 bytes. V16 holds them, V17, V18 and V19 those
// that begin one, two and three bytes before. A maximum and a difference are
// a difference that stops at zero.
#define CHECK \
	VUSHR $4, V17.B16, V20.B16; \
	VTBL  V20.B16, [V1.B16], V20.B16; \
	VAND  V4.B16, V17.B16, V21.B16; \
	VTBL  V21.B16, [V2.B16], V21.B16; \
	VUSHR $4, V16.B16, V22.B16; \
	VTBL  V22.B16, [V3.B16], V22.B16; \
	VAND  V20.B16, V21.B16, V20.B16; \
	VAND  V20.B16, V22.B16, V20.B16; \
	VUMAX V5.B16, V18.B16, V18.B16; \
	VSUB  V5.B16, V18.B16, V18.B16; \
	VUMAX V6.B16, V19.B16, V19.B16; \
	VSUB  V6.B16, V19.B16, V19.B16; \
	VORR  V18.B16, V19.B16, V18.B16; \
	VAND  V7.B16, V18.B16, V18.B16; \
	VEOR  V18.B16, V20.B16, V20.B16; \
	VORR  V20.B16, V0.B16, V0.B16

// AT does CHECK for the bytes at R0+off, before which there are others.
#define AT(off) \
	FMOVQ off(R0), F16; \
	FMOVQ off-1(R0), F17; \
	FMOVQ off-2(R0), F18; \
	FMOVQ off-3(R0), F19; \
	CHECK

// func scan(p []byte) bool
TEXT ·scan(SB), NOSPLIT, $0-25
	MOVD  p_base+0(FP), R0
	MOVD  p_len+8(FP), R1
	ADD   R0, R1
	VEOR  V0.B16, V0.B16, V0.B16
	MOVD  $·firstHigh(SB), R3
	VLD1  (R3), [V1.B16]
	MOVD  $·firstLow(SB), R3
	VLD1  (R3), [V2.B16]
	MOVD  $·secondHigh(SB), R3
	VLD1  (R3), [V3.B16]
	VMOVI $0x0F, V4.B16
	VMOVI $0x60, V5.B16
	VMOVI $0x70, V6.B16
	VMOVI $0x80, V7.B16

	// Before the first byte there is, so to say, ASCII.
	FMOVQ (R0), F16
	VEXT  $15, V16.B16, V0.B16, V17.B16
	VEXT  $14, V16.B16, V0.B16, V18.B16
	VEXT  $13, V16.B16, V0.B16, V19.B16
	CHECK
	ADD   $16, R0
	SUB   $64, R1, R2
	CMP   R2, R0
	BHI   rest

loop:
	// Where 64 bytes and the three before them are ASCII nothing can be wrong.
	FMOVQ -3(R0), F16
	FMOVQ 13(R0), F17
	FMOVQ 29(R0), F18
	FMOVQ 45(R0), F19
	FMOVQ 48(R0), F20
	VORR  V16.B16, V17.B16, V16.B16
	VORR  V18.B16, V19.B16, V18.B16
	VORR  V16.B16, V20.B16, V16.B16
	VORR  V16.B16, V18.B16, V16.B16
	VMOV  V16.D[0], R3
	VMOV  V16.D[1], R4
	ORR   R3, R4
	TST   $0x8080808080808080, R4
	BNE   check
	ADD   $64, R0
	CMP   R2, R0
	BLS   loop
	B     rest

check:
	AT(0)
	AT(16)
	AT(32)
	AT(48)
	ADD $64, R0
	CMP R2, R0
	BLS loop

rest:
	// Fewer than 64 bytes are left; the last vector ends with them.
	SUB $16, R1, R2

last:
	CMP R2, R0
	BHS end
	AT(0)
	ADD $16, R0
	B   last

end:
	MOVD R2, R0
	AT(0)
	VMOV V0.D[0], R3
	VMOV V0.D[1], R4
	ORR  R3, R4
	CMP  $0, R4
	CSET EQ, R4
	MOVB R4, ret+24(FP)
	RET
