package frame

import (
	"errors"
	"strings"
	"testing"
)

// RFC 6455, 7.4, and the IANA registry: 1004 is reserved, 1005, 1006 and 1015
// never travel, 1012 to 1014 were registered later.
func TestCloseCodesFrom0To5100(t *testing.T) {
	valid := map[int]bool{1000: true, 1001: true, 1002: true, 1003: true, 1007: true, 1008: true, 1009: true,
		1010: true, 1011: true, 1012: true, 1013: true, 1014: true}
	for c := 3000; c < 5000; c++ {
		valid[c] = true
	}
	codes := []int{32767, 32768, 65534, 65535}
	for c := range 5101 {
		codes = append(codes, c)
	}
	for _, c := range codes {
		payload := []byte{byte(c >> 8), byte(c), 'w', 'h', 'y'}
		code, reason, err := ParseClose(payload)
		sent, serr := AppendClose([]byte("x"), Server, Code(c), "why")
		if valid[c] {
			if int(code) != c || reason != "why" || err != nil {
				t.Errorf("ParseClose of %d = %d, %q, %v", c, code, reason, err)
			}
			if want := "x\x88\x05" + string(payload); string(sent) != want || serr != nil {
				t.Errorf("AppendClose of %d = % x, %v", c, sent, serr)
			}
		} else {
			if err != error(errCloseCode) || code != 0 || reason != "" {
				t.Errorf("ParseClose of %d = %d, %q, %v", c, code, reason, err)
			}
			if string(sent) != "x" || !errors.Is(serr, ErrCloseCode) {
				t.Errorf("AppendClose of %d = % x, %v", c, sent, serr)
			}
		}
		if Code(c).Valid() != valid[c] {
			t.Errorf("%d valid: %v", c, !valid[c])
		}
	}
}

func TestParseClosePayloads(t *testing.T) {
	for _, c := range []struct {
		name, payload string
		code          Code
		reason        string
		err           error
	}{
		{"NoPayloadIs1005", "", 1005, "", nil},
		{"RefusesOneByte", "\x03", 0, "", errCloseShort},
		{"CodeAlone", "\x03\xe8", 1000, "", nil},
		{"Reason", "\x03\xe8Gr\u00fc\u00dfe", 1000, "Gr\u00fc\u00dfe", nil},
		{"LongestReason", "\x03\xe8" + strings.Repeat("r", MaxReason), 1000, strings.Repeat("r", MaxReason), nil},
		{"RefusesReasonThatIsNotUTF8", "\x03\xe8\xff", 0, "", errCloseReason},
		{"RefusesReasonCutInsideARune", "\x03\xe8ab\xe2\x82", 0, "", errCloseReason},
		{"RefusesSurrogateInReason", "\x03\xe8\xed\xa0\x80", 0, "", errCloseReason},
		{"CodeIsCheckedBeforeReason", "\x03\xed\xff", 0, "", errCloseCode},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, reason, err := ParseClose([]byte(c.payload))
			if code != c.code || reason != c.reason || err != c.err {
				t.Errorf("got %d, %q, %v", code, reason, err)
			}
		})
	}
}

func TestAppendCloseRefusesBadReasons(t *testing.T) {
	for _, reason := range []string{strings.Repeat("r", MaxReason+1), "\xff", "ab\xe2\x82", "\xed\xa0\x80"} {
		got, err := AppendClose([]byte("x"), Client, CodeNormal, reason)
		if string(got) != "x" || !errors.Is(err, ErrCloseReason) {
			t.Errorf("%q: % x, %v", reason, got, err)
		}
	}
	got, err := AppendClose(nil, Server, CodeNormal, strings.Repeat("r", MaxReason))
	if len(got) != 2+MaxControl || err != nil {
		t.Errorf("the longest reason: %d bytes, %v", len(got), err)
	}
}

func TestAppendCloseMasksByRole(t *testing.T) {
	got, err := AppendClose(nil, Client, 4321, "bye")
	if err != nil {
		t.Fatal(err)
	}
	ev, n, err := (&Decoder{Role: Server}).Next(got)
	if err != nil || n != len(got) || ev.Type != Close || !ev.Header.Masked {
		t.Fatalf("%+v, %d, %v", ev, n, err)
	}
	if code, reason, err := ParseClose(ev.Payload); code != 4321 || reason != "bye" || err != nil {
		t.Errorf("%d, %q, %v", code, reason, err)
	}
}

func TestCodeNamesAreDistinct(t *testing.T) {
	seen := make(map[string]Code)
	for c := Code(1000); c <= 1015; c++ {
		name := c.String()
		if other, ok := seen[name]; ok {
			t.Errorf("%d and %d are both %q", c, other, name)
		}
		seen[name] = c
		if (name[0] >= '0' && name[0] <= '9') != (c == 1004) {
			t.Errorf("%d is %q", uint16(c), name)
		}
	}
	if Code(4000).String() != "4000" {
		t.Errorf("4000 is %q", Code(4000))
	}
}
