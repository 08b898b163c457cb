package webpush

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestErrorTokensAreUniqueAndStable(t *testing.T) {
	snake := regexp.MustCompile(`^webpush_[a-z0-9]+(_[a-z0-9]+)+$`)
	sentence := regexp.MustCompile(`^[^()]+ \([^()]+(\([^()]*\)[^()]*)*\)$`)
	seen := map[string]fault{}
	for f := faultNone + 1; f < faultEnd; f++ {
		d := faults[f]
		if !snake.MatchString(d.token) {
			t.Errorf("fault %d: token %q", f, d.token)
		}
		if g, ok := seen[d.token]; ok {
			t.Errorf("faults %d and %d have the token %q", g, f, d.token)
		}
		seen[d.token] = f
		if !sentence.MatchString(strings.Replace(d.reason, "toJSON()", "toJSON", 1)) {
			t.Errorf("%s: %q is not what happened (why, what to do)", d.token, d.reason)
		}
		if strings.HasSuffix(d.reason, ".") || d.reason[0] >= 'A' && d.reason[0] <= 'Z' {
			t.Errorf("%s: %q is not in lower case without a point", d.token, d.reason)
		}
	}
	if _, ok := seen[(&SizeError{}).Token()]; ok {
		t.Error("the token of SizeError is taken")
	}
}

func TestErrorMatchesByToken(t *testing.T) {
	for _, tt := range []struct{ err, same, other, empty, elsewhere error }{
		{faultAuthSize.subscription(1), &SubscriptionError{Token: "webpush_subscription_auth_size"}, &SubscriptionError{Token: "x"}, &SubscriptionError{}, &DecryptError{Token: "webpush_subscription_auth_size"}},
		{faultBodyPoint.decrypt(), &DecryptError{Token: "webpush_decrypt_point"}, &DecryptError{Token: "x"}, &DecryptError{}, &VAPIDError{Token: "webpush_decrypt_point"}},
		{faultVAPIDKey.vapid(), &VAPIDError{Token: "webpush_vapid_key"}, &VAPIDError{Token: "x"}, &VAPIDError{}, &ConfigError{Token: "webpush_vapid_key"}},
		{faultKeyCurve.config(), &ConfigError{Token: "webpush_config_key_curve"}, &ConfigError{Token: "x"}, &ConfigError{}, &SubscriptionError{Token: "webpush_config_key_curve"}},
	} {
		err := fmt.Errorf("around: %w", tt.err)
		if !errors.Is(err, tt.same) {
			t.Errorf("%v does not match its own token", tt.err)
		}
		if errors.Is(err, tt.other) || errors.Is(err, tt.empty) || errors.Is(err, tt.elsewhere) {
			t.Errorf("%v matches another", tt.err)
		}
		if !strings.HasPrefix(tt.err.Error(), "webpush: ") {
			t.Errorf("%v has no prefix", tt.err)
		}
	}
}
