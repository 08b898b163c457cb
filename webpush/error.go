package webpush

import (
	"fmt"
	"strconv"
)

// A SubscriptionError is a page's, or that of who stored what it sent: a
// subscription that no message can be sent to. The text holds no endpoint,
// because whoever knows one may send to it.
type SubscriptionError struct {
	Token  string // stable name for counting, as "webpush_subscription_auth_size"
	Reason string // one sentence: what happened (why, what to do)
}

func (e *SubscriptionError) Error() string { return "webpush: " + e.Reason }

// Is makes errors.Is(err, &SubscriptionError{Token: "..."}) work.
func (e *SubscriptionError) Is(target error) bool {
	t, ok := target.(*SubscriptionError)
	return ok && t.Token != "" && t.Token == e.Token
}

// A DecryptError is the sender's, or that of whoever changed its message: a
// body that gives no plaintext.
type DecryptError struct {
	Token  string // stable name for counting, as "webpush_decrypt_authentic"
	Reason string // one sentence: what happened (why, what to do)
}

func (e *DecryptError) Error() string { return "webpush: " + e.Reason }

// Is makes errors.Is match by token, as [SubscriptionError.Is] does.
func (e *DecryptError) Is(target error) bool {
	t, ok := target.(*DecryptError)
	return ok && t.Token != "" && t.Token == e.Token
}

// A VAPIDError is the sender's: it is not who it says it is, or says so in a
// way that can't be held against it. A push service answers it with 403, or
// with 401 where Missing is true.
type VAPIDError struct {
	Token   string // stable name for counting, as "webpush_vapid_signature"
	Reason  string // one sentence: what happened (why, what to do)
	Missing bool   // the field is of another scheme, or empty
}

func (e *VAPIDError) Error() string { return "webpush: " + e.Reason }

// Is makes errors.Is match by token, as [SubscriptionError.Is] does.
func (e *VAPIDError) Is(target error) bool {
	t, ok := target.(*VAPIDError)
	return ok && t.Token != "" && t.Token == e.Token
}

// A ConfigError is the application's own mistake: a key, a message or a
// client that can't be used.
type ConfigError struct {
	Token  string // stable name, as "webpush_config_key_curve"
	Reason string // one sentence: what is wrong (why, what to do)
}

func (e *ConfigError) Error() string { return "webpush: " + e.Reason }

// Is makes errors.Is match by token, as [SubscriptionError.Is] does.
func (e *ConfigError) Is(target error) bool {
	t, ok := target.(*ConfigError)
	return ok && t.Token != "" && t.Token == e.Token
}

// reason fills the verbs of a fault's sentence.
func (f fault) reason(args ...any) string {
	if len(args) == 0 {
		return faults[f].reason
	}
	return fmt.Sprintf(faults[f].reason, args...)
}

func (f fault) subscription(args ...any) *SubscriptionError {
	return &SubscriptionError{faults[f].token, f.reason(args...)}
}

func (f fault) decrypt(args ...any) *DecryptError {
	return &DecryptError{faults[f].token, f.reason(args...)}
}

func (f fault) vapid(args ...any) *VAPIDError {
	return &VAPIDError{faults[f].token, f.reason(args...), f == faultVAPIDScheme}
}

func (f fault) config(args ...any) *ConfigError {
	return &ConfigError{faults[f].token, f.reason(args...)}
}

// maxQuote is how many bytes of somebody else's an error text repeats.
const maxQuote = 80

// quote makes s safe to show: bounded, and escaped as a Go string in ASCII.
func quote(s string) string {
	if len(s) > maxQuote {
		return strconv.QuoteToASCII(s[:maxQuote]) + " and more"
	}
	return strconv.QuoteToASCII(s)
}

// A SizeError is the application's: a plaintext that does not fit into a push
// message. It matches [ErrTooLarge].
type SizeError struct {
	Size, Limit int // bytes
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("webpush: the message has %d bytes (%d are the limit of what every push service takes; send an ID and let the page fetch the rest)", e.Size, e.Limit)
}

// Token returns the stable name of the fault, for counting.
func (e *SizeError) Token() string { return "webpush_message_size" }

// Is makes errors.Is(err, ErrTooLarge) work.
func (e *SizeError) Is(target error) bool { return target == ErrTooLarge }
