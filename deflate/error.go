package deflate

import "strconv"

// An Error is a fault of the peer: compressed data that is corrupt (the token
// begins with "deflate_data_"), or an answer of a server that our offer does
// not allow ("deflate_answer_"). The connection has to be failed; which close
// code says so, RFC 7692 leaves to the caller. Two errors match in the sense
// of errors.Is when their tokens are equal.
//
// Errors about data are made once, so that they cost no allocation. Those
// about an answer quote a piece of it, at most 40 bytes and escaped.
type Error struct {
	Token  string // stable name for counting, as "deflate_data_distance"
	Reason string // one sentence; that about data fits into a close frame
}

func (e *Error) Error() string { return "deflate: " + e.Reason }

// Is makes errors.Is(err, &Error{Token: "deflate_data_distance"}) work.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Token != "" && t.Token == e.Token
}

// What compressed data can do wrong.
var (
	errBlockType    = &Error{"deflate_data_block_type", "the block type 11 is reserved"}
	errStoredLength = &Error{"deflate_data_stored_length", "the length of a stored block differs from its complement"}
	errCodeCounts   = &Error{"deflate_data_code_counts", "more than 286 length or 30 distance codes are declared"}
	errCodeLengths  = &Error{"deflate_data_code_lengths", "the set of code length codes is over-subscribed or incomplete"}
	errCodeRepeat   = &Error{"deflate_data_code_repeat", "a repeated code length has nothing before it or goes beyond the last code"}
	errCodeEnd      = &Error{"deflate_data_code_end", "the end of the block has no code"}
	errLiteralCodes = &Error{"deflate_data_literal_codes", "the set of literal and length codes is over-subscribed or incomplete"}
	errDistCodes    = &Error{"deflate_data_distance_codes", "the set of distance codes is over-subscribed or incomplete"}
	errSymbol       = &Error{"deflate_data_symbol", "a code has no meaning"}
	errDistance     = &Error{"deflate_data_distance", "a distance reaches beyond the window or the data before it"}
	errTruncated    = &Error{"deflate_data_truncated", "the message ends inside a block"}
)

// What a server's answer can do wrong: each is the token, and the sentence
// that [answerFault.quote] completes.
type answerFault struct{ token, reason string }

var (
	faultSyntax        = answerFault{"deflate_answer_syntax", "the server's answer has an element that is malformed"}
	faultTwice         = answerFault{"deflate_answer_twice", "the server's answer accepts permessage-deflate twice"}
	faultUnknown       = answerFault{"deflate_answer_parameter_unknown", "the server's answer has a parameter that is not defined"}
	faultRepeated      = answerFault{"deflate_answer_parameter_repeated", "the server's answer has a parameter twice"}
	faultValue         = answerFault{"deflate_answer_value", "the server's answer has a parameter with an invalid value"}
	faultClientBits    = answerFault{"deflate_answer_client_bits", "the server's answer limits the client's window, which was not offered"}
	faultServerBits    = answerFault{"deflate_answer_server_bits", "the server's answer does not keep to the window that was offered"}
	faultServerContext = answerFault{"deflate_answer_server_context", "the server's answer keeps the context that it was asked to drop"}
)

// maxQuote is how many bytes of a peer's own an error text repeats.
const maxQuote = 40

func (f answerFault) quote(s string) *Error {
	q, more := s, ""
	if len(q) > maxQuote {
		q, more = q[:maxQuote], " and more"
	}
	return &Error{f.token, f.reason + ": " + strconv.QuoteToASCII(q) + more}
}

// An OptionsError is a mistake on our own side: a window outside 8 to 15 bits.
type OptionsError struct {
	Field string // "ServerBits" or "ClientBits"
	Bits  int
}

func (e *OptionsError) Error() string {
	return "deflate: " + e.Field + " is " + strconv.Itoa(e.Bits) + " (a window has 8 to 15 bits; 0 is 15)"
}
