package frame

import "strconv"

// An Error is a peer's breach of the protocol, found in its bytes. The
// connection has to be failed with a close frame of Code and Reason
// (RFC 6455, 7.1.7). All values are made once: an Error costs no allocation
// and may be compared by identity.
type Error struct {
	Code   Code   // the status code to close with
	Token  string // stable name for counting, as "frame_control_too_long"
	Reason string // one sentence; fits into a close frame
}

func (e *Error) Error() string {
	return "frame: " + e.Reason + " (close " + strconv.Itoa(int(e.Code)) + " " + e.Code.String() + ")"
}

// What a header, or the sequence of headers, can do wrong.
var (
	errOpcodeReserved    = &Error{CodeProtocol, "frame_opcode_reserved", "the opcode is reserved"}
	errControlFragmented = &Error{CodeProtocol, "frame_control_fragmented", "a control frame must not be fragmented"}
	errControlTooLong    = &Error{CodeProtocol, "frame_control_too_long", "a control frame carries at most 125 bytes"}
	errLengthNotMinimal  = &Error{CodeProtocol, "frame_length_not_minimal", "the length must use the shortest form"}
	errLengthTopBit      = &Error{CodeProtocol, "frame_length_top_bit", "the most significant bit of a 64-bit length must be 0"}
	errRSV               = &Error{CodeProtocol, "frame_rsv_unexpected", "a reserved bit is set that no extension gave a meaning"}
	errRSVContinuation   = &Error{CodeProtocol, "frame_rsv_continuation", "a reserved bit of an extension is set on a continuation"}
	errRSVControl        = &Error{CodeProtocol, "frame_rsv_control", "a reserved bit is set on a control frame"}
	errMaskMissing       = &Error{CodeProtocol, "frame_mask_missing", "a client must mask its frames"}
	errMaskUnexpected    = &Error{CodeProtocol, "frame_mask_unexpected", "a server must not mask its frames"}
	errContinuation      = &Error{CodeProtocol, "frame_continuation_unexpected", "a continuation came with no message to continue"}
	errInterleaved       = &Error{CodeProtocol, "frame_data_interleaved", "a new message began inside a fragmented one"}
)

// What a message can do wrong.
var (
	errMessageTooBig    = &Error{CodeTooBig, "message_too_big", "the message is longer than the limit"}
	errTooManyFragments = &Error{CodeTooBig, "message_too_many_fragments", "the message has more fragments than the limit"}
	errTextUTF8         = &Error{CodeInvalidPayload, "message_text_not_utf8", "the text is not valid UTF-8"}
)

// What the payload of a close frame can do wrong.
var (
	errCloseShort  = &Error{CodeProtocol, "close_payload_too_short", "a close frame carries no byte or at least two"}
	errCloseCode   = &Error{CodeProtocol, "close_code_invalid", "the close code must not appear in a close frame"}
	errCloseReason = &Error{CodeInvalidPayload, "close_reason_not_utf8", "the close reason is not valid UTF-8"}
)
