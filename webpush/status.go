package webpush

import "errors"

// ErrTooLarge is what a message is that does not fit.
var ErrTooLarge = errors.New("webpush: the message is too large")
