package httpstream

import (
	"bytes"
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pushwire/pushwire/topic"
)

// itemsEqual compares what the wire carries.
var itemsEqual = cmp.Options{cmpopts.IgnoreUnexported(topic.Item{}), cmpopts.EquateEmpty()}

var itemTable = []struct {
	name string
	item topic.Item
	json string
}{
	{"text", topic.Item{Cursor: "e-7", Type: "message", Data: []byte("hello")}, `{"cursor":"e-7","data":"hello"}`},
	{"type", topic.Item{Cursor: "e-8", Type: "price", Data: []byte("1")}, `{"cursor":"e-8","type":"price","data":"1"}`},
	{"empty", topic.Item{Cursor: "e-9", Type: "message"}, `{"cursor":"e-9","data":""}`},
	{"quotes", topic.Item{Cursor: "e-10", Type: "message", Data: []byte(`{"a":"\\"}`)}, `{"cursor":"e-10","data":"{\"a\":\"\\\\\"}"}`},
	{"lines", topic.Item{Cursor: "e-11", Type: "message", Data: []byte("a\nb\r\tc\u2028\u2029\x00\x7f")}, `{"cursor":"e-11","data":"a\nb\r\tc\u2028\u2029\u0000` + "\x7f" + `"}`},
	{"HTML stays", topic.Item{Cursor: "e-12", Type: "message", Data: []byte("<b>&")}, `{"cursor":"e-12","data":"<b>&"}`},
	{"other scripts", topic.Item{Cursor: "e-13", Type: "größe", Data: []byte("日本 😀")}, `{"cursor":"e-13","type":"größe","data":"日本 😀"}`},
	{"binary", topic.Item{Cursor: "e-14", Type: "message", Data: []byte{0, 255, 10}, Binary: true}, `{"cursor":"e-14","base64":"AP8K"}`},
	{"binary with a type", topic.Item{Cursor: "e-15", Type: "blob", Data: []byte("a"), Binary: true}, `{"cursor":"e-15","type":"blob","base64":"YQ=="}`},
	{"empty binary", topic.Item{Cursor: "e-16", Type: "message", Binary: true}, `{"cursor":"e-16","base64":""}`},
}

func TestItemJSON(t *testing.T) {
	for _, tt := range itemTable {
		t.Run(tt.name, func(t *testing.T) {
			got := appendItem([]byte("x"), &tt.item)
			if string(got) != "x"+tt.json {
				t.Errorf("append:\n got %s\nwant x%s", got, tt.json)
			}
			l, err := parseLine([]byte(tt.json))
			if err != nil || l.Kind != lineItem {
				t.Fatalf("parse: %v, kind %d", err, l.Kind)
			}
			if d := cmp.Diff(tt.item, l.Item, itemsEqual); d != "" {
				t.Error("parse of append:", d)
			}
		})
	}
}

func TestAnswerJSON(t *testing.T) {
	a := answer{Cursor: "e-9", More: true}
	want := `{"items":[`
	for i, tt := range itemTable {
		a.Items = append(a.Items, tt.item)
		if i > 0 {
			want += ","
		}
		want += tt.json
	}
	want += `],"cursor":"e-9","more":true}` + "\n"
	got := appendAnswer(nil, &a)
	if string(got) != want {
		t.Errorf("append:\n got %s\nwant %s", got, want)
	}
	back, err := parseAnswer(got)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(a, back, itemsEqual); d != "" {
		t.Error(d)
	}
	if got := string(appendAnswer(nil, &answer{Cursor: "e-1"})); got != `{"items":[],"cursor":"e-1"}`+"\n" {
		t.Errorf("empty answer: %s", got)
	}
}

func TestControlLines(t *testing.T) {
	gone := &topic.GoneError{After: "a-1", Oldest: "b-3", Head: "b-9"}
	for _, tt := range []struct {
		json []byte
		want string
		line line
	}{
		{appendPosition(nil, "b-9"), `{"cursor":"b-9"}`, line{Kind: linePosition, Item: topic.Item{Cursor: "b-9"}}},
		{appendReset(nil, gone, "b-3"), `{"reset":{"after":"a-1","oldest":"b-3","head":"b-9"},"cursor":"b-3"}`,
			line{Kind: lineReset, Item: topic.Item{Cursor: "b-3"}, Reset: gone}},
	} {
		if string(tt.json) != tt.want {
			t.Errorf("append:\n got %s\nwant %s", tt.json, tt.want)
		}
		l, err := parseLine(tt.json)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tt.line, l, itemsEqual); d != "" {
			t.Error(d)
		}
	}
}

func TestRefusalJSON(t *testing.T) {
	gone := &topic.GoneError{After: "a-1", Oldest: "b-3", Head: "b-9"}
	b := appendRefusal(nil, tokenGone, "lost", gone)
	if want := `{"error":"gone","message":"lost","after":"a-1","oldest":"b-3","head":"b-9"}` + "\n"; string(b) != want {
		t.Errorf("append:\n got %s\nwant %s", b, want)
	}
	if d := cmp.Diff(refusalBody{tokenGone, "lost", gone}, parseRefusal(b)); d != "" {
		t.Error(d)
	}
	b = appendRefusal(nil, "bad_query", `not "so"`, nil)
	if d := cmp.Diff(refusalBody{"bad_query", `not "so"`, nil}, parseRefusal(b)); d != "" {
		t.Error(d)
	}
	for _, body := range []string{"", "<html>502 Bad Gateway</html>", "[]", "7", `{"error":7}`} {
		if r := parseRefusal([]byte(body)); r.Token != "" || r.Gone != nil {
			t.Errorf("parse of %q: %+v", body, r)
		}
	}
}

func TestPublishedJSON(t *testing.T) {
	if c, err := parsePublished([]byte(`{"cursor":"e-8","new":[1]}`)); c != "e-8" || err != nil {
		t.Error(c, err)
	}
	for _, body := range []string{"", "{}", `{"cursor":8}`, "<html>"} {
		if c, err := parsePublished([]byte(body)); err == nil {
			t.Errorf("parse of %q: %q", body, c)
		}
	}
}

// Fields that a later version may add are passed over.
func TestUnknownFieldsArePassedOver(t *testing.T) {
	l, err := parseLine([]byte(` {"new":{"a":[1,{"b":null}]},"data":"x", "cursor" : "e-1","key":"k"} `))
	if err != nil || l.Kind != lineItem || string(l.Item.Data) != "x" || l.Item.Cursor != "e-1" {
		t.Error(l, err)
	}
	a, err := parseAnswer([]byte(`{"new":1,"items":[{"cursor":"e-1","data":"x","z":2}],"cursor":"e-1"}`))
	if err != nil || len(a.Items) != 1 || a.More {
		t.Error(a, err)
	}
}

func TestBrokenLinesAndAnswers(t *testing.T) {
	for _, s := range []string{
		"", "x", "7", "null", "[]", `""`, "{}", `{"cursor":""}`, `{"cursor":7}`, `{"data":"x"}`,
		`{"cursor":"e-1","data":7}`, `{"cursor":"e-1","base64":"%%"}`, `{"cursor":"e-1","data":"x","base64":"eA=="}`,
		`{"cursor":"e-1"} {}`, `{"cursor":"e-1"`, `{"reset":7,"cursor":"e-1"}`, `{"reset":{"after":"e-1"}}`,
	} {
		if l, err := parseLine([]byte(s)); err == nil {
			t.Errorf("line %q: %+v", s, l)
		}
	}
	for _, s := range []string{
		"", "null", "[]", "{}", `{"items":[]}`, `{"items":{},"cursor":"e-1"}`, `{"items":[{"cursor":"e-1"}],"cursor":"e-1"}`,
		`{"items":[{"data":""}],"cursor":"e-1"}`, `{"items":[7],"cursor":"e-1"}`, `{"items":[],"cursor":"e-1","more":1}`,
		`{"items":[],"cursor":"e-1"}}`,
	} {
		if a, err := parseAnswer([]byte(s)); err == nil {
			t.Errorf("answer %q: %+v", s, a)
		}
	}
	whole := appendAnswer(nil, &answer{Items: []topic.Item{itemTable[0].item, itemTable[8].item}, Cursor: "e-15"})
	for n := range len(whole) - len("\n") {
		if _, err := parseAnswer(whole[:n]); err == nil {
			t.Errorf("cut at %d: no error", n)
		}
	}
}

// An item that was encoded is a line: whatever it holds, no byte of it ends
// one.
func TestItemsAreLines(t *testing.T) {
	var all []byte
	for c := range 256 {
		all = append(all, byte(c))
	}
	for r := rune(0x80); r < 0x3000; r++ {
		all = utf8.AppendRune(all, r)
	}
	for _, binary := range []bool{false, true} {
		b := appendItem(nil, &topic.Item{Cursor: topic.Cursor(all), Type: string(all), Data: all, Binary: binary})
		if i := bytes.IndexFunc(b, func(r rune) bool { return r < 0x20 || r == '\u2028' || r == '\u2029' }); i >= 0 {
			t.Errorf("byte %#x at %d", b[i], i)
		}
	}
}

// likeStdlib is what encoding/json makes of a string without its escapes for
// HTML.
func likeStdlib(t *testing.T, s string) string {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestStringsAreThoseOfEncodingJSON(t *testing.T) {
	for c := range 256 {
		for _, s := range []string{string([]byte{byte(c)}), "a" + string([]byte{byte(c)}) + "b", string(rune(c))} {
			if got, want := string(appendString(nil, s)), likeStdlib(t, s); got != want {
				t.Errorf("%q: got %s, want %s", s, got, want)
			}
		}
	}
}

func TestEncodingDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 4096)
	for _, tt := range itemTable {
		if n := testing.AllocsPerRun(100, func() { appendItem(buf, &tt.item) }); n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}

func FuzzItemJSON(f *testing.F) {
	for _, tt := range itemTable {
		f.Add(string(tt.item.Cursor), tt.item.Type, tt.item.Data, tt.item.Binary)
	}
	f.Add("\xff", "\xe2\x80", []byte("\xf0\x9f\x98\xed\xa0\x80"), false)
	f.Fuzz(func(t *testing.T, cursor, typ string, data []byte, binary bool) {
		for _, s := range []string{cursor, typ, string(data)} {
			got, want := string(appendString(nil, s)), likeStdlib(t, s)
			if got != want {
				t.Fatalf("%q: got %s, want %s", s, got, want)
			}
			if of := string(appendString(nil, []byte(s))); of != want {
				t.Fatalf("%q as bytes: got %s, want %s", s, of, want)
			}
		}
		it := topic.Item{Cursor: topic.Cursor(cursor), Type: typ, Data: data, Binary: binary}
		b := appendItem(nil, &it)
		if !json.Valid(b) {
			t.Fatalf("not JSON: %s", b)
		}
		l, err := parseLine(b)
		if cursor == "" {
			if err == nil {
				t.Fatal("an item without a cursor was taken")
			}
			return
		}
		if err != nil || l.Kind != lineItem {
			t.Fatal(err, l.Kind)
		}
		want := it
		want.Cursor, want.Type = topic.Cursor(strings.ToValidUTF8(cursor, "\x00")), strings.ToValidUTF8(typ, "\x00")
		if !utf8.ValidString(cursor) || !utf8.ValidString(typ) || !binary && !utf8.Valid(data) {
			return // replaced, as encoding/json does
		}
		if typ == "" {
			want.Type = defaultType
		}
		if d := cmp.Diff(want, l.Item, itemsEqual); d != "" {
			t.Fatal(d)
		}
		a, err := parseAnswer(appendAnswer(nil, &answer{Items: []topic.Item{it, it}, Cursor: it.Cursor}))
		if err != nil || len(a.Items) != 2 {
			t.Fatal(err)
		}
	})
}

// What a server sends may be anything: no panic, and what is understood is
// understood again after it was written.
func FuzzParseLine(f *testing.F) {
	for _, tt := range itemTable {
		f.Add([]byte(tt.json))
	}
	f.Add([]byte(`{"reset":{"after":"a-1","oldest":"b-3","head":"b-9"},"cursor":"b-3"}`))
	f.Add([]byte(`{"items":[{"cursor":"e-1","data":"x"}],"cursor":"e-1","more":true}`))
	f.Add([]byte(`{"error":"gone","message":"","after":"","oldest":"","head":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		parseRefusal(b)
		parsePublished(b)
		if a, err := parseAnswer(b); err == nil {
			back, err := parseAnswer(appendAnswer(nil, &a))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(a, back, itemsEqual); d != "" {
				t.Fatal(d)
			}
		}
		l, err := parseLine(b)
		if err != nil {
			return
		}
		var again []byte
		switch l.Kind {
		case lineItem:
			again = appendItem(nil, &l.Item)
		case linePosition:
			again = appendPosition(nil, l.Item.Cursor)
		case lineReset:
			again = appendReset(nil, l.Reset, l.Item.Cursor)
		}
		back, err := parseLine(again)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(l, back, itemsEqual); d != "" {
			t.Fatal(d)
		}
	})
}

// An answer of a server that means harm is refused at its first item that is
// none, before there is a place for each of them.
func TestAnswerOfNoItemsCostsNothing(t *testing.T) {
	for _, item := range []string{`{}`, `{"cursor":"e-1"}`, `{"data":""}`, `5`} {
		b := []byte(`{"items":[` + strings.Repeat(item+",", 1<<20/len(item)) + item + `],"cursor":"e-1"}`)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := parseAnswer(b)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: taken for an item", item)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
			t.Errorf("%s: %d bytes are allocated for an answer of %d", item, n, len(b))
		}
	}
	for _, none := range []string{`{"items":null,"cursor":"e-1"}`, `{"cursor":"e-1"}`, `{"items":[],"cursor":"e-1"}`} {
		if a, err := parseAnswer([]byte(none)); err != nil || len(a.Items) != 0 {
			t.Errorf("%s: %d items, %v", none, len(a.Items), err)
		}
	}
	// As ever with encoding/json, the last of two members counts.
	one, two := `[{"cursor":"e-1","data":"a"}]`, `[{"cursor":"e-2","data":"b"}]`
	for last, want := range map[string]int{two: 1, "[]": 0, "null": 0} {
		a, err := parseAnswer([]byte(`{"items":` + one + `,"items":` + last + `,"cursor":"e-2"}`))
		if err != nil || len(a.Items) != want || want == 1 && a.Items[0].Cursor != "e-2" {
			t.Errorf("%s after %s: %v, %v", last, one, a.Items, err)
		}
	}
	if _, err := parseAnswer([]byte(`{"items":{},"cursor":"e-1"}`)); err == nil {
		t.Error("an object is taken for a list")
	}
}
