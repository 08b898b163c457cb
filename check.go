package pushwire

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"runtime/debug"

	"github.com/pushwire/pushwire/handshake"
)

// check asks AcceptOptions.Check about a request that has passed all checks of
// ours. ctx ends with the time of the handshake.
//
// RFC 6455, 4.2.2, 4: "If the requested service is not available, the server
// MUST send an appropriate HTTP error code (such as 404 Not Found) and abort
// the WebSocket handshake."
func (o *AcceptOptions) check(ctx context.Context, remote string, r *handshake.Request) error {
	if o.Check == nil {
		return nil
	}
	err := o.callCheck(ctx, remote, r)
	var he *handshake.Error
	switch {
	case errors.As(err, &he) && he != nil:
		return err
	case ctx.Err() == nil && err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		// A yes comes too late: nobody promised the client to wait that long,
		// or to the server that a handshake may take it.
		return &checkError{&handshake.Error{
			Status: http.StatusServiceUnavailable, Token: "handshake_check_timeout",
			Reason: "the server did not decide in time whether to answer this request (try again in a moment)",
		}, fmt.Errorf("the handshake's time ended within AcceptOptions.Check: %w", ctx.Err())}
	case err == nil:
		err = ctx.Err()
	}
	return &checkError{&handshake.Error{
		Status: http.StatusInternalServerError, Token: "handshake_check_failed",
		Reason: "the server could not decide whether to answer this request",
	}, fmt.Errorf("AcceptOptions.Check: %w", err)}
}

// callCheck turns a panic into an error: under Serve nobody else would, and
// one request must not end the process.
func (o *AcceptOptions) callCheck(ctx context.Context, remote string, r *handshake.Request) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		err = fmt.Errorf("panic: %v", v)
		if e, ok := v.(error); ok && errors.Is(e, http.ErrAbortHandler) {
			return
		}
		if o.Logger != nil {
			o.Logger.Error("pushwire: panic in AcceptOptions.Check", "remote", remote, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			return
		}
		log.Printf("pushwire: panic in AcceptOptions.Check for %v: %v\n%s", remote, v, debug.Stack())
	}()
	return o.Check(ctx, r)
}

// checkError is a Check that failed without a decision: what the client is
// told, and the cause, which stays here. The two are apart because the cause
// may well be an error of a network, though not of the client's connection.
type checkError struct {
	answer *handshake.Error
	cause  error
}

func (e *checkError) Error() string   { return "pushwire: accept: " + e.cause.Error() }
func (e *checkError) Unwrap() []error { return []error{e.answer, e.cause} }
