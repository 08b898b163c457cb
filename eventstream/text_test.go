package eventstream

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// What errors say: a prefix, what happened, and what the other side said, cut.
func TestErrorTexts(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	for want, err := range map[string]error{
		`eventstream: no stream: no (answered with 403)`:                                                             &RequestError{Status: 403, Reason: "no"},
		`eventstream: the server answered "503 Busy" and not with a stream`:                                          &StatusError{Status: "503 Busy"},
		`eventstream: the server answered in the content coding "br", which was not undone`:                          &ContentTypeError{ContentEncoding: "br"},
		`eventstream: the server answered with content of the type "text/html" and not "text/event-stream"`:          &ContentTypeError{ContentType: "text/html"},
		`eventstream: the server was silent for 1m0s`:                                                                &IdleError{time.Minute},
		`eventstream: stream ended: closed`:                                                                          &EndError{End: EndClosed},
		`eventstream: stream ended: the client has gone: EOF`:                                                        &EndError{EndGone, io.EOF},
		`eventstream: stream ended: the client does not read`:                                                        &EndError{End: EndTimeout},
		`eventstream: stream ended: the lifetime is over`:                                                            &EndError{End: EndLifetime},
		`eventstream: stream ended: the server is shutting down`:                                                     &EndError{End: EndShutdown},
		`eventstream: stream ended: writing failed`:                                                                  &EndError{End: EndFailed},
		`eventstream: stream ended: the client fell too far behind`:                                                  &EndError{End: EndBehind},
		`eventstream: stream ended: unknown end`:                                                                     &EndError{End: EndBehind + 1},
		`EOF`:                                                                                                        &finalError{io.EOF},
		`eventstream: the server answered with content of the type "` + long[:100] + `" and not "text/event-stream"`: &ContentTypeError{ContentType: long},
	} {
		if got := err.Error(); got != want {
			t.Errorf("%T says %q, want %q", err, got, want)
		}
	}
	if !errors.Is(&finalError{io.EOF}, io.EOF) {
		t.Error("the cause of a final error is lost")
	}
	for err, passing := range map[net.Error]bool{&IdleError{}: true, &EndError{}: false} {
		//lint:ignore SA1019 what it says has to be what it means as long as it is there
		if err.Temporary() != passing {
			t.Errorf("%T: Temporary is %v", err, !passing)
		}
	}
}
