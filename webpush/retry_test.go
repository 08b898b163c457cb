package webpush

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRetry: which failures are tried again, how often, and what comes of it.
func TestRetry(t *testing.T) {
	down := errors.New("the network is down")
	for _, tt := range []struct {
		name     string
		attempts int
		answers  []any // an int is a status, an error that of the network
		calls    int
		want     any // the status that is accepted or refused in the end, or the error
	}{
		{"500 and then well", 0, []any{500, 201}, 2, 201},
		{"503 and reset and then well", 0, []any{503, down, 201}, 3, 201},
		{"429 three times", 0, []any{429, 429, 429, 201}, 4, 201},
		{"never well", 0, []any{500, 502, 503, 504}, 4, 504},
		{"always down", 0, []any{down, down, down, down}, 4, down},
		{"tried once", 1, []any{500}, 1, 500},
		{"tried twice", 2, []any{500, 500}, 2, 500},
		{"gone", 0, []any{410}, 1, 410},
		{"500 and then gone", 0, []any{500, 410}, 2, 410},
		{"a bad request", 0, []any{400}, 1, 400},
		{"unauthorized", 0, []any{403}, 1, 403},
		{"too large", 0, []any{413}, 1, 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				var bodies []string
				c := newClient(t, func(r *http.Request) (*http.Response, error) {
					bodies = append(bodies, string(read(t, r)))
					a := tt.answers[calls]
					calls++
					if err, ok := a.(error); ok {
						return nil, err
					}
					return answer(a.(int), ""), nil
				})
				c.Retry.Attempts = tt.attempts
				a, err := c.Send(t.Context(), newUserKeys(t).Subscription(sampleEndpoint), &Message{Payload: []byte("x")})
				if calls != tt.calls {
					t.Errorf("%d requests, want %d", calls, tt.calls)
				}
				if len(slices.Compact(bodies)) != 1 {
					t.Error("the message was not the same each time")
				}
				switch want := tt.want.(type) {
				case error:
					var ne *NetworkError
					if !errors.Is(err, want) || !errors.As(err, &ne) || !ne.Temporary() || ne.Timeout() {
						t.Errorf("got %v", err)
					}
				case int:
					var se *StatusError
					if want == 201 && (err != nil || a.Attempts != tt.calls) {
						t.Errorf("%+v, %v", a, err)
					}
					if want != 201 && (!errors.As(err, &se) || se.StatusCode != want) {
						t.Errorf("got %v", err)
					}
				}
			})
		})
	}
}

// TestRetryWaits measures the waits: anywhere between 0 and a bound that
// doubles up to the longest.
func TestRetryWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rounds = 300
		bounds := []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 700 * time.Millisecond, 700 * time.Millisecond}
		low, high := slices.Repeat([]time.Duration{time.Hour}, len(bounds)), make([]time.Duration, len(bounds))
		sub := newUserKeys(t).Subscription(sampleEndpoint)
		var at []time.Time
		c := newClient(t, func(*http.Request) (*http.Response, error) {
			at = append(at, time.Now())
			return answer(500, ""), nil
		})
		c.Retry = Retry{Attempts: 6, Base: 100 * time.Millisecond, MaxWait: 700 * time.Millisecond}
		for range rounds {
			at = at[:0]
			c.Send(t.Context(), sub, &Message{})
			if len(at) != 6 {
				t.Fatalf("%d requests", len(at))
			}
			for i := range bounds {
				wait := at[i+1].Sub(at[i])
				low[i], high[i] = min(low[i], wait), max(high[i], wait)
			}
		}
		for i, bound := range bounds {
			// Of 300 waits none in a twentieth of the range: once in 5 million.
			if low[i] > bound/20 || high[i] < bound-bound/20 || high[i] > bound {
				t.Errorf("wait %d is from %v to %v, want 0 to %v", i+1, low[i], high[i], bound)
			}
		}
	})
}

// TestRetryAfter: what the service asks for is waited for, in seconds or to a
// date, as long as it is not too long.
func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		name        string
		status      int
		field, date func(now time.Time) string
		least, most time.Duration
		calls       int
	}{
		{"seconds", 429, func(time.Time) string { return "7" }, nil, 7 * time.Second, 8 * time.Second, 2},
		{"seconds with 503", 503, func(time.Time) string { return "7" }, nil, 7 * time.Second, 8 * time.Second, 2},
		{"none", 429, func(time.Time) string { return "0" }, nil, 0, time.Second, 2},
		{"a date", 429, func(now time.Time) string { return now.Add(9 * time.Second).UTC().Format(http.TimeFormat) }, nil, 8 * time.Second, 10 * time.Second, 2},
		{"a date by a clock that is ahead", 429, func(now time.Time) string { return now.Add(time.Hour + 9*time.Second).UTC().Format(http.TimeFormat) },
			func(now time.Time) string { return now.Add(time.Hour).UTC().Format(http.TimeFormat) }, 9 * time.Second, 10 * time.Second, 2},
		{"a date gone by", 429, func(now time.Time) string { return now.Add(-time.Hour).UTC().Format(http.TimeFormat) }, nil, 0, time.Second, 2},
		{"something else", 429, func(time.Time) string { return "soon" }, nil, 0, time.Second, 2},
		{"the longest", 429, func(time.Time) string { return "30" }, nil, 30 * time.Second, 30 * time.Second, 2},
		{"too long", 429, func(time.Time) string { return "31" }, nil, 0, 0, 1},
		{"a number without end", 429, func(time.Time) string { return strings.Repeat("9", 40) }, nil, 0, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				c := newClient(t, func(*http.Request) (*http.Response, error) {
					if calls++; calls > 1 {
						return answer(201, ""), nil
					}
					fields := []string{"Retry-After", tt.field(time.Now())}
					if tt.date != nil {
						fields = append(fields, "Date", tt.date(time.Now()))
					}
					return answer(tt.status, "", fields...), nil
				})
				c.Retry.Base = time.Second
				begin := time.Now()
				_, err := c.Send(t.Context(), newUserKeys(t).Subscription(sampleEndpoint), &Message{})
				took := time.Since(begin)
				if calls != tt.calls || took < tt.least || took > tt.most {
					t.Errorf("%d requests in %v, want %d in %v to %v", calls, took, tt.calls, tt.least, tt.most)
				}
				if tt.calls == 1 {
					var se *StatusError
					if !errors.Is(err, ErrRateLimited) || !errors.As(err, &se) || se.RetryAfter <= 30*time.Second {
						t.Errorf("got %v", err)
					}
				} else if err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestSendEndsWithItsContext: during an attempt, during a wait, and before a
// wait that would be in vain.
func TestSendEndsWithItsContext(t *testing.T) {
	sub := newUserKeys(t).Subscription(sampleEndpoint)
	cause := errors.New("enough")
	t.Run("before", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		c := newClient(t, func(*http.Request) (*http.Response, error) { panic("sent") })
		if _, err := c.Send(ctx, sub, &Message{}); !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("during an attempt", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			c := newClient(t, func(r *http.Request) (*http.Response, error) {
				cancel(cause)
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
			if _, err := c.Send(ctx, sub, &Message{}); !errors.Is(err, cause) {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("during a wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			c := newClient(t, func(r *http.Request) (*http.Response, error) {
				time.AfterFunc(time.Second, func() { cancel(cause) })
				return answer(503, "", "Retry-After", "20"), nil
			})
			begin := time.Now()
			_, err := c.Send(ctx, sub, &Message{})
			var se *StatusError
			if !errors.Is(err, cause) || !errors.As(err, &se) || time.Since(begin) != time.Second {
				t.Errorf("got %v after %v", err, time.Since(begin))
			}
		})
	})
	t.Run("before a wait in vain", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			c := newClient(t, func(r *http.Request) (*http.Response, error) { return answer(503, "", "Retry-After", "20"), nil })
			begin := time.Now()
			_, err := c.Send(ctx, sub, &Message{})
			var se *StatusError
			if !errors.As(err, &se) || errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 0 {
				t.Errorf("got %v after %v", err, time.Since(begin))
			}
		})
	})
	t.Run("an attempt takes too long", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			c := newClient(t, func(r *http.Request) (*http.Response, error) {
				if calls++; calls == 2 {
					return answer(201, ""), nil
				}
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
			begin := time.Now()
			a, err := c.Send(t.Context(), sub, &Message{})
			if err != nil || a.Attempts != 2 || time.Since(begin) < DefaultTimeout || time.Since(begin) > DefaultTimeout+DefaultBase {
				t.Errorf("%+v, %v after %v", a, err, time.Since(begin))
			}
			c.Retry.Attempts = 1
			calls = 0
			_, err = c.Send(t.Context(), sub, &Message{})
			var ne *NetworkError
			if !errors.As(err, &ne) || !ne.Timeout() {
				t.Errorf("got %v", err)
			}
		})
	})
}

// TestPassing is the list of what is worth another attempt.
func TestPassing(t *testing.T) {
	if passing(&ConfigError{}) || passing(context.Canceled) || passing(nil) || passing(&NetworkError{Err: &GuardError{}}) {
		t.Error("more than the network's errors are tried again")
	}
	if !passing(&NetworkError{Err: &url.Error{Err: io.ErrUnexpectedEOF}}) {
		t.Error("the network's are not")
	}
}
