package deflate

import (
	"errors"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/handshake"
)

// checks has a row for each sentence of RFC 7692, 7 and 7.1, that binds a
// client. A token is that of the error.
var checks = []struct {
	why     string
	options Options
	answer  []string
	params  Params
	agreed  bool
	token   string
}{
	{"5: no element, no compression", Options{}, nil, Params{}, false, ""},
	{"nor with another extension's", Options{}, []string{"permessage-bzip2", "permessage-deflate2"}, Params{}, false, ""},
	{"7.1.3: the simplest answer", Options{}, []string{"permessage-deflate"}, Params{false, false, 15, 15}, true, ""},
	{"beside another extension", Options{}, []string{"foo; x", "permessage-deflate", "bar"}, Params{false, false, 15, 15}, true, ""},
	{"the same extension twice", Options{}, []string{"permessage-deflate", "permessage-deflate"}, Params{}, false, "deflate_answer_twice"},

	{"7: a parameter not defined for an answer", Options{}, []string{"permessage-deflate; mux=4"}, Params{}, false, "deflate_answer_parameter_unknown"},
	{"7: an invalid value", Options{}, []string{"permessage-deflate; server_max_window_bits=7"}, Params{}, false, "deflate_answer_value"},
	{"7: the same parameter twice", Options{}, []string{"permessage-deflate; server_max_window_bits=9; server_max_window_bits=9"}, Params{}, false, "deflate_answer_parameter_repeated"},
	{"an element that is malformed", Options{}, []string{"permessage-deflate;"}, Params{}, false, "deflate_answer_syntax"},

	{"7.1.1.1: the server may drop its context unasked", Options{}, []string{"permessage-deflate; server_no_context_takeover"}, Params{true, false, 15, 15}, true, ""},
	{"7.1.1.1: and has to, when asked", Options{ServerNoContext: true}, []string{"permessage-deflate"}, Params{}, false, "deflate_answer_server_context"},
	{"7.1.1.1: as here", Options{ServerNoContext: true}, []string{"permessage-deflate; server_no_context_takeover"}, Params{true, false, 15, 15}, true, ""},
	{"7.1.1.1: it has no value", Options{}, []string{"permessage-deflate; server_no_context_takeover=1"}, Params{}, false, "deflate_answer_value"},
	{"7.1.1.2: a client must support it, unasked too", Options{}, []string{"permessage-deflate; client_no_context_takeover"}, Params{false, true, 15, 15}, true, ""},
	{"7.1.1.2: the server may ignore the hint", Options{ClientNoContext: true}, []string{"permessage-deflate"}, Params{false, false, 15, 15}, true, ""},
	{"7.1.1.2: it has no value", Options{}, []string{`permessage-deflate; client_no_context_takeover="1"`}, Params{}, false, "deflate_answer_value"},

	{"7.1.2.1: the server may limit its window unasked", Options{}, []string{"permessage-deflate; server_max_window_bits=8"}, Params{false, false, 8, 15}, true, ""},
	{"7.1.2.1: the same value accepts", Options{ServerBits: 10}, []string{"permessage-deflate; server_max_window_bits=10"}, Params{false, false, 10, 15}, true, ""},
	{"7.1.2.1: or a smaller one", Options{ServerBits: 10}, []string{"permessage-deflate; server_max_window_bits=9"}, Params{false, false, 9, 15}, true, ""},
	{"7.1.2.1: not a larger one", Options{ServerBits: 10}, []string{"permessage-deflate; server_max_window_bits=11"}, Params{}, false, "deflate_answer_server_bits"},
	{"7.1.2.1: nor none", Options{ServerBits: 10}, []string{"permessage-deflate"}, Params{}, false, "deflate_answer_server_bits"},
	{"7.1.2.1: it needs a value", Options{}, []string{"permessage-deflate; server_max_window_bits"}, Params{}, false, "deflate_answer_value"},

	{"7.1.2.2: the server may limit the client", Options{}, []string{"permessage-deflate; client_max_window_bits=9"}, Params{false, false, 15, 9}, true, ""},
	{"7.1.2.2: above the hint is not forbidden", Options{ClientBits: 9}, []string{"permessage-deflate; client_max_window_bits=12"}, Params{false, false, 15, 12}, true, ""},
	{"7.1.2.2: nor to ignore it", Options{ClientBits: 9}, []string{"permessage-deflate"}, Params{false, false, 15, 15}, true, ""},
	{"7.1.2.2: an answer has a decimal integer value", Options{}, []string{"permessage-deflate; client_max_window_bits"}, Params{}, false, "deflate_answer_value"},

	{"7.1.3: the fallback was accepted", Options{ServerNoContext: true, ServerBits: 10, Fallback: true}, []string{"permessage-deflate"}, Params{false, false, 15, 15}, true, ""},
	{"7.1.3: with a larger window than was preferred", Options{ServerBits: 10, Fallback: true}, []string{"permessage-deflate; server_max_window_bits=12"}, Params{false, false, 12, 15}, true, ""},
	{"7.1.3: the first was accepted", Options{ServerBits: 10, Fallback: true}, []string{"permessage-deflate; server_max_window_bits=10"}, Params{false, false, 10, 15}, true, ""},
	{"white space and quotes", Options{}, []string{"permessage-deflate ; server_max_window_bits = \"1\\0\"\t"}, Params{false, false, 10, 15}, true, ""},
}

func TestCheck(t *testing.T) {
	for _, c := range checks {
		p, agreed, err := c.options.Check(c.answer)
		if p != c.params || agreed != c.agreed || tokenOf(err) != c.token {
			t.Errorf("%s: %+v, %v, %v; want %+v, %v, %q", c.why, p, agreed, err, c.params, c.agreed, c.token)
		}
	}
}

func tokenOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Token
	}
	return ""
}

func TestCheckRefusesBadAnswers(t *testing.T) {
	bad := malformed
	for _, v := range badValues {
		bad = append(bad, "permessage-deflate; server_max_window_bits="+v, "permessage-deflate; client_max_window_bits="+v,
			"permessage-deflate; server_no_context_takeover="+v, "permessage-deflate; client_no_context_takeover="+v)
	}
	for _, answer := range bad {
		p, agreed, err := Options{}.Check([]string{answer})
		if token := tokenOf(err); agreed || p != (Params{}) || token != "deflate_answer_value" && token != "deflate_answer_syntax" {
			t.Errorf("%q: %+v, %v, %v", answer, p, agreed, err)
		}
	}
}

// An offer without client_max_window_bits, which AppendOffer never makes,
// forbids it in the answer.
func TestAgainstClientBits(t *testing.T) {
	if got := (terms{clientBits: 15}).against(terms{}); got != &faultClientBits {
		t.Errorf("%+v", got)
	}
	if got := (terms{clientBits: 15}).against(terms{clientBits: anyBits}); got != nil {
		t.Errorf("%+v", got)
	}
}

var offersWritten = []struct {
	options Options
	want    string
}{
	{Options{}, "permessage-deflate; client_max_window_bits"},
	{Options{ServerBits: 15, ClientBits: 15}, "permessage-deflate; client_max_window_bits"},
	{Options{Fallback: true}, "permessage-deflate; client_max_window_bits"},
	{Options{ServerBits: 12, ClientBits: 12}, "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"},
	{Options{ServerNoContext: true, ClientNoContext: true}, "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits"},
	{Options{ServerBits: 12, ClientNoContext: true, Fallback: true},
		"permessage-deflate; client_no_context_takeover; server_max_window_bits=12; client_max_window_bits, permessage-deflate; client_no_context_takeover; client_max_window_bits"},
	{Options{ServerBits: 12, ClientBits: 12, Fallback: true}, // some decline a hint of less than they were told to use
		"permessage-deflate; server_max_window_bits=12; client_max_window_bits=12, permessage-deflate; client_max_window_bits"},
	{Options{ServerBits: 99, ClientBits: -3}, "permessage-deflate; client_max_window_bits=8"}, // Validate would have said so
}

func TestAppendOffer(t *testing.T) {
	for _, c := range offersWritten {
		if got := string(c.options.AppendOffer([]byte("x"))); got != "x"+c.want {
			t.Errorf("%+v: %q", c.options, got)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, o := range allOptions() {
		if err := o.Validate(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, bits := range []int{-1, 1, 7, 16, 1 << 20} {
		for field, o := range map[string]Options{"ServerBits": {ServerBits: bits}, "ClientBits": {ClientBits: bits}} {
			e, ok := errors.AsType[*OptionsError](o.Validate())
			if !ok || e.Field != field || e.Bits != bits || !strings.HasPrefix(e.Error(), "deflate: "+field+" is ") {
				t.Errorf("%+v: %v", o, e)
			}
		}
	}
}

// TestOfferAcceptCheck: for all wishes of both ends, through the fields of a
// real handshake, both compute the same Params, and the wishes that may be
// insisted on hold.
func TestOfferAcceptCheck(t *testing.T) {
	for _, client := range allOptions() {
		offers := offersOf(t, string(client.AppendOffer(nil)))
		for _, server := range allOptions() {
			checkAccept(t, server, offers)
			p, answer, ok := server.Accept(offers)
			got, agreed, err := client.Check([]string{answer})
			if !ok || !agreed || err != nil || got != p {
				t.Fatalf("%+v to %+v: %q; %+v and %+v, %v, %v", client, server, answer, p, got, agreed, err)
			}
			least := func(a, b int) int { return min(orMax(a), orMax(b)) }
			want := Params{client.ServerNoContext || server.ServerNoContext, client.ClientNoContext || server.ClientNoContext,
				least(client.ServerBits, server.ServerBits), least(client.ClientBits, server.ClientBits)}
			if p != want {
				t.Fatalf("%+v to %+v: %+v, want %+v", client, server, p, want)
			}
		}
	}
}

// offersOf is how a server gets what AppendOffer wrote.
func offersOf(t testing.TB, field string) []string {
	t.Helper()
	r, _, _, err := handshake.ParseRequest([]byte("GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Extensions: "+field+"\r\n\r\n"), 0, handshake.Limits{})
	if err != nil {
		t.Fatalf("%q: %v", field, err)
	}
	return r.Extensions
}
