package httpstream_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

func itoa(n int) string { return strconv.Itoa(n) }

const three = `{"items":[{"cursor":"E-1","data":"1"},{"cursor":"E-2","data":"2"},{"cursor":"E-3","data":"3"}],"cursor":"E-3"}` + "\n"

// requests are what a short poll is asked, over a log with the items 1, 2, 3.
var requests = []struct {
	name   string
	query  string
	fields []string // name, value pairs
	status int
	cursor string // Pushwire-Cursor
	etag   string
	body   string // "" for none; a refusal is its token
}{
	{"from the oldest", "", nil, 200, "E-3", `W/"E-3"`, three},
	{"from the oldest, said", "?after=", nil, 200, "E-3", `W/"E-3"`, three},
	{"from the beginning", "?after=E-0", nil, 200, "E-3", `"E-3"`, three},
	{"in the middle", "?after=E-2", nil, 200, "E-3", `"E-3"`, `{"items":[{"cursor":"E-3","data":"3"}],"cursor":"E-3"}` + "\n"},
	{"at the end", "?after=E-3", nil, 204, "E-3", `"E-3"`, ""},
	{"now", "?after=now", nil, 204, "E-3", `W/"E-3"`, ""},
	{"limit", "?limit=2", nil, 200, "E-2", `W/"E-2+"`, `{"items":[{"cursor":"E-1","data":"1"},{"cursor":"E-2","data":"2"}],"cursor":"E-2","more":true}` + "\n"},
	{"limit that is just met", "?limit=3&after=E-0", nil, 200, "E-3", `"E-3"`, three},
	{"limit beyond all", "?limit=9999999999999999", nil, 200, "E-3", `W/"E-3"`, three},
	{"field", "", []string{"Last-Event-ID", "E-2"}, 200, "E-3", `"E-3"`, `{"items":[{"cursor":"E-3","data":"3"}],"cursor":"E-3"}` + "\n"},
	{"query before field", "?after=E-3", []string{"Last-Event-ID", "E-2"}, 204, "E-3", `"E-3"`, ""},
	{"parameters of the application", "?token=x&after=E-3&token=y", nil, 204, "E-3", `"E-3"`, ""},

	{"known", "", []string{"If-None-Match", `"E-3"`}, 304, "E-3", `W/"E-3"`, ""},
	{"known, weak", "", []string{"If-None-Match", `W/"E-3"`}, 304, "E-3", `W/"E-3"`, ""},
	{"known, in a list", "", []string{"If-None-Match", `"a,b" ,, W/"x", "E-3"`}, 304, "E-3", `W/"E-3"`, ""},
	{"known, in two fields", "", []string{"If-None-Match", `"E-1"`, "If-None-Match", `"E-3"`}, 304, "E-3", `W/"E-3"`, ""},
	{"known, from a cursor", "?after=E-1", []string{"If-None-Match", `"E-3"`}, 304, "E-3", `"E-3"`, ""},
	{"known, nothing new", "?after=E-3", []string{"If-None-Match", `"E-3"`}, 304, "E-3", `"E-3"`, ""},
	{"known, now", "?after=now", []string{"If-None-Match", `"E-3"`}, 304, "E-3", `W/"E-3"`, ""},
	{"any", "", []string{"If-None-Match", `*`}, 304, "E-3", `W/"E-3"`, ""},
	{"any of nothing", "?after=E-3", []string{"If-None-Match", `*`}, 204, "E-3", `"E-3"`, ""},
	{"known before", "", []string{"If-None-Match", `"E-2"`}, 200, "E-3", `W/"E-3"`, three},
	{"part of a tag", "", []string{"If-None-Match", `"E-30", "xE-3"`}, 200, "E-3", `W/"E-3"`, three},
	{"no tag", "", []string{"If-None-Match", `E-3`}, 200, "E-3", `W/"E-3"`, three},
	{"tag without an end", "", []string{"If-None-Match", `"E-3`}, 200, "E-3", `W/"E-3"`, three},
	{"star in a list", "", []string{"If-None-Match", `"x", *`}, 200, "E-3", `W/"E-3"`, three},
	{"weak in lower case", "", []string{"If-None-Match", `w/"E-3"`}, 200, "E-3", `W/"E-3"`, three},
	{"empty condition", "", []string{"If-None-Match", ``}, 200, "E-3", `W/"E-3"`, three},
	{"cut answer is another", "?limit=3&after=E-0", []string{"If-None-Match", `"E-3+"`}, 200, "E-3", `"E-3"`, three},
	{"whole answer is another", "?limit=2", []string{"If-None-Match", `"E-2"`}, 200, "E-2", `W/"E-2+"`,
		`{"items":[{"cursor":"E-1","data":"1"},{"cursor":"E-2","data":"2"}],"cursor":"E-2","more":true}` + "\n"},

	{"JSON is accepted", "?after=E-3", []string{"Accept", "application/json"}, 204, "E-3", `"E-3"`, ""},
	{"all is accepted", "?after=E-3", []string{"Accept", "text/html, */*;q=0.1"}, 204, "E-3", `"E-3"`, ""},
	{"JSON is not accepted", "", []string{"Accept", "text/html"}, 406, "", "", "not_acceptable"},
	{"JSON is refused", "", []string{"Accept", "*/*, application/json;q=0"}, 406, "", "", "not_acceptable"},

	{"other epoch", "?after=a-1", nil, 410, "E-0", "", "gone"},
	{"future", "?after=E-4", nil, 410, "E-0", "", "gone"},
	{"far future", "?after=E-18446744073709551615", nil, 410, "E-0", "", "gone"},
	{"beyond numbers", "?after=E-18446744073709551616", nil, 400, "", "", "bad_cursor"},
	{"zero in front", "?after=E-01", nil, 400, "", "", "bad_cursor"},
	{"sign", "?after=E--1", nil, 400, "", "", "bad_cursor"},
	{"no number", "?after=E-", nil, 400, "", "", "bad_cursor"},
	{"garbage", "?after=hello", nil, 400, "", "", "bad_cursor"},
	{"Now in another case", "?after=Now", nil, 400, "", "", "bad_cursor"},
	{"NUL", "?after=E-1%00", nil, 400, "", "", "bad_cursor"},
	{"lines", "?after=E-1%0d%0aX:y", nil, 400, "", "", "bad_cursor"},
	{"not UTF-8", "?after=%ff%fe", nil, 400, "", "", "bad_cursor"},
	{"long", "?after=" + strings.Repeat("a", 65), nil, 400, "", "", "bad_cursor"},
	{"garbage in the field", "", []string{"Last-Event-ID", "hello"}, 400, "", "", "bad_cursor"},
	{"twice", "?after=E-1&after=E-1", nil, 400, "", "", "bad_query"},
	{"bad escape", "?after=%zz", nil, 400, "", "", "bad_query"},
	{"semicolon", "?after=E-1;limit=2", nil, 400, "", "", "bad_query"},
	{"no limit", "?limit=", nil, 400, "", "", "bad_query"},
	{"limit of none", "?limit=0", nil, 400, "", "", "bad_query"},
	{"limit below none", "?limit=-1", nil, 400, "", "", "bad_query"},
	{"limit that is no number", "?limit=1e3", nil, 400, "", "", "bad_query"},
	{"limit with too many digits", "?limit=00000000000000001", nil, 400, "", "", "bad_query"},
	{"wait that is no number", "?wait=1e3", nil, 400, "", "", "bad_query"},
	{"wait with a sign", "?wait=-1", nil, 400, "", "", "bad_query"},
	{"wait with nothing behind its point", "?wait=1.", nil, 400, "", "", "bad_query"},
	{"wait with nothing before its point", "?wait=.5", nil, 400, "", "", "bad_query"},
	{"wait twice", "?wait=0&wait=0", nil, 400, "", "", "bad_query"},
	{"wait not at all", "?wait=0&after=E-3", nil, 204, "E-3", `"E-3"`, ""},
	{"wait of nothing", "?wait=0.000000000&after=E-2", nil, 200, "E-3", `"E-3"`, `{"items":[{"cursor":"E-3","data":"3"}],"cursor":"E-3"}` + "\n"},
	{"huge query", "?x=" + strings.Repeat("a", 5000), nil, 414, "", "", "bad_query"},
	{"many parameters", "?" + strings.Repeat("a&", 2000) + "after=E-3", nil, 204, "E-3", `"E-3"`, ""},
}

// wantRefusal holds an answer to be a refusal with the token.
func wantRefusal(t *testing.T, a answer, token string) {
	t.Helper()
	var body struct{ Error, Message string }
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || body.Error != token || !strings.HasSuffix(body.Message, ".") {
		t.Errorf("body %q, want the token %s and a sentence", a.body, token)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Content-Type") != "application/json" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("header %v", a.header)
	}
}

func TestShortPollRequests(t *testing.T) {
	log, real, short := filled(t, 3)
	for _, h := range []struct {
		name string
		http.Handler
	}{{"ShortPoll", httpstream.ShortPoll(log, nil)}, {"Handler", httpstream.Handler(log, nil)}, {"without bounds", httpstream.ShortPoll(bare{log}, nil)}} {
		srv := way{}.serve(t, h, nil)
		for _, tt := range requests {
			if h.name == "without bounds" && strings.Contains(tt.query, "now") {
				continue // see TestSourceWithoutBounds
			}
			t.Run(h.name+"/"+tt.name, func(t *testing.T) {
				var fields []string
				for _, f := range tt.fields {
					fields = append(fields, real(f))
				}
				for _, method := range []string{"GET", "HEAD"} {
					a := ask(t, srv.Client(), method+" "+srv.URL+real(tt.query), "", fields...)
					if a.status != tt.status || short(a.header.Get("Pushwire-Cursor")) != tt.cursor || short(a.header.Get("ETag")) != tt.etag {
						t.Errorf("%s: %d, cursor %q, ETag %q; want %d, %q, %q", method, a.status, short(a.header.Get("Pushwire-Cursor")), short(a.header.Get("ETag")), tt.status, tt.cursor, tt.etag)
					}
					if a.header.Get("Vary") == "" {
						t.Error("no Vary")
					}
					if method == "HEAD" {
						if a.body != "" {
							t.Errorf("HEAD with the body %q", a.body)
						}
						continue
					}
					if tt.status >= 400 {
						wantRefusal(t, a, tt.body)
						continue
					}
					if short(a.body) != tt.body {
						t.Errorf("body %s\nwant %s", short(a.body), tt.body)
					}
					want := "no-cache"
					if strings.Contains(tt.query, "wait") && h.name == "Handler" {
						want = "no-store"
					}
					if got := a.header.Get("Cache-Control"); got != want {
						t.Errorf("Cache-Control %q, want %q", got, want)
					}
				}
			})
		}
	}
}

func TestGoneTellsWhereToGoOn(t *testing.T) {
	log, real, short := filled(t, 0)
	log.MaxItems = 5
	fill(log, 1, 20)
	srv := way{}.serve(t, httpstream.Handler(log, nil), nil)
	a := ask(t, srv.Client(), "GET "+srv.URL+real("?after=E-3"), "")
	var body struct{ Error, After, Oldest, Head string }
	if err := json.Unmarshal([]byte(short(a.body)), &body); err != nil {
		t.Fatal(err)
	}
	if a.status != 410 || body.After != "E-3" || body.Oldest != "E-15" || body.Head != "E-20" || short(a.header.Get("Pushwire-Cursor")) != "E-15" {
		t.Errorf("%d %s %v", a.status, a.body, a.header)
	}
	a = ask(t, srv.Client(), "GET "+srv.URL+"?after="+a.header.Get("Pushwire-Cursor"), "")
	if a.status != 200 || strings.Count(a.body, "data") != 5 {
		t.Errorf("from the oldest: %d %s", a.status, a.body)
	}
}

func TestLimitsOfAnAnswer(t *testing.T) {
	read := func(t *testing.T, log *topic.Log, o *httpstream.Options, query string) (sizes []int, data string) {
		t.Helper()
		h := httpstream.ShortPoll(log, o)
		for range 100 {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/?"+query, nil))
			if w.Code == 204 {
				return sizes, data
			}
			var a struct {
				Items  []struct{ Data string }
				Cursor string
				More   bool
			}
			if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 {
				t.Fatal(w.Code, err)
			}
			for _, it := range a.Items {
				data += it.Data + " "
			}
			sizes = append(sizes, len(a.Items))
			query = "after=" + a.Cursor
			if !a.More {
				return sizes, data
			}
		}
		t.Fatal("no end")
		return nil, ""
	}
	log, _, _ := filled(t, 200)
	var all strings.Builder
	for i := range 200 {
		all.WriteString(itoa(i+1) + " ")
	}
	for _, tt := range []struct {
		name  string
		o     *httpstream.Options
		query string
		sizes string
	}{
		{"defaults", nil, "", "[200]"},
		{"items", &httpstream.Options{MaxItems: 90}, "", "[90 90 20]"},
		{"items, just met", &httpstream.Options{MaxItems: 200}, "", "[200]"},
		{"items and a larger wish", &httpstream.Options{MaxItems: 150}, "limit=1000", "[150 50]"},
		{"buffer, just met", &httpstream.Options{MaxItems: 64}, "", "[64 64 64 8]"},
		{"one by one", &httpstream.Options{MaxBytes: 1, MaxItems: 1000}, "limit=1", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.sizes == "" {
				fill := &topic.Log{}
				for range 3 {
					fill.Append("", []byte(strings.Repeat("x", 1000)))
				}
				if sizes, _ := read(t, fill, tt.o, tt.query); len(sizes) != 3 {
					t.Errorf("answers with %v items; an item that is larger than the limit goes alone", sizes)
				}
				return
			}
			sizes, data := read(t, log, tt.o, tt.query)
			if got := strings.ReplaceAll(jsonOf(sizes), ",", " "); got != tt.sizes {
				t.Errorf("answers with %s items, want %s", got, tt.sizes)
			}
			if data != all.String() {
				t.Errorf("not all in order: %s", data)
			}
		})
	}
	t.Run("bytes", func(t *testing.T) {
		sizes, data := read(t, log, &httpstream.Options{MaxBytes: 1000}, "")
		if len(sizes) < 5 || data != all.String() {
			t.Errorf("%v %s", sizes, data)
		}
		w := httptest.NewRecorder()
		httpstream.ShortPoll(log, &httpstream.Options{MaxBytes: 1000}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if n := w.Body.Len(); n > 1100 || n < 900 {
			t.Errorf("%d bytes", n)
		}
	})
}

func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// What the source can't tell is left out or echoed, as good as it gets.
func TestSourceWithoutBounds(t *testing.T) {
	log, real, short := filled(t, 0)
	srv := way{}.serve(t, httpstream.Handler(bare{log}, nil), nil)
	a := ask(t, srv.Client(), "GET "+srv.URL, "")
	if _, ok := a.header["Pushwire-Cursor"]; a.status != 204 || ok || a.header.Get("ETag") != "" {
		t.Errorf("empty: %d %v", a.status, a.header)
	}
	if a = ask(t, srv.Client(), "GET "+srv.URL+"?after=now", ""); a.status != 204 || a.header.Get("Pushwire-Cursor") != "now" {
		t.Errorf("now: %d %v", a.status, a.header)
	}
	fill(log, 1, 3)
	if a = ask(t, srv.Client(), "GET "+srv.URL, ""); a.status != 200 || short(a.body) != three {
		t.Errorf("filled: %d %s", a.status, a.body)
	}
	if a = ask(t, srv.Client(), "GET "+srv.URL+real("?after=E-3"), ""); a.status != 204 || short(a.header.Get("Pushwire-Cursor")) != "E-3" {
		t.Errorf("at the end: %d %v", a.status, a.header)
	}
}

// faulty is a source that fails.
type faulty struct{ err error }

func (f faulty) Read(context.Context, topic.Cursor, []topic.Item) ([]topic.Item, error) {
	return nil, f.err
}

func TestErrorsOfTheSource(t *testing.T) {
	for _, accept := range []string{"application/json", "application/x-ndjson"} {
		for _, err := range []error{errors.New("secret: broker at 10.0.0.1 is down"), topic.ErrClosed} {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Accept", accept)
			httpstream.Handler(faulty{err}, nil).ServeHTTP(w, r)
			a := answer{w.Code, w.Result().Header, w.Body.String()}
			if a.status != 503 || strings.Contains(a.body, "10.0.0.1") || a.header.Get("Retry-After") == "" {
				t.Errorf("%v: %d %s %v", err, a.status, a.body, a.header)
			}
			wantRefusal(t, a, "unavailable")
		}
	}
}

func TestBinaryItemsAndTypes(t *testing.T) {
	var log topic.Log
	log.Publish(t.Context(), topic.Publication{Type: "blob", Data: []byte{0, 0xff}, Binary: true})
	log.Append("note", []byte("a\nb\u2028"))
	w := httptest.NewRecorder()
	httpstream.ShortPoll(&log, nil).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	for _, want := range []string{`"type":"blob","base64":"AP8="}`, `"type":"note","data":"a\nb\u2028"}`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s\nhas no %s", w.Body, want)
		}
	}
}

func TestMethods(t *testing.T) {
	log, _, _ := filled(t, 1)
	open := &httpstream.Options{Allow: func(*http.Request) error { return nil }}
	for _, tt := range []struct {
		o      *httpstream.Options
		src    topic.Source
		method string
		status int
		allow  string
	}{
		{nil, log, "PUT", 405, "GET, HEAD, OPTIONS"},
		{nil, log, "DELETE", 405, "GET, HEAD, OPTIONS"},
		{nil, log, "BREW", 405, "GET, HEAD, OPTIONS"},
		{nil, log, "POST", 405, "GET, HEAD, OPTIONS"},
		{open, bare{log}, "POST", 405, "GET, HEAD, OPTIONS"},
		{open, log, "PATCH", 405, "GET, HEAD, POST, OPTIONS"},
		{nil, log, "OPTIONS", 204, "GET, HEAD, OPTIONS"},
		{open, log, "OPTIONS", 204, "GET, HEAD, POST, OPTIONS"},
		{open, log, "POST", 201, ""},
	} {
		srv := way{}.serve(t, httpstream.Handler(tt.src, tt.o), nil)
		a := ask(t, srv.Client(), tt.method+" "+srv.URL, "")
		if a.status != tt.status || a.header.Get("Allow") != tt.allow {
			t.Errorf("%s: %d, Allow %q; want %d, %q", tt.method, a.status, a.header.Get("Allow"), tt.status, tt.allow)
		}
		if tt.status == 405 {
			wantRefusal(t, a, "method_not_allowed")
		}
	}
}

func TestCheckComesFirst(t *testing.T) {
	log, _, _ := filled(t, 1)
	asked := 0
	o := &httpstream.Options{
		Check: func(r *http.Request) error {
			asked++
			switch r.Header.Get("Authorization") {
			case "":
				return &httpstream.RefusedError{Status: 401, Token: "who_are_you", Message: "Please say who you are.", Header: http.Header{"Www-Authenticate": {"Bearer"}}}
			case "odd":
				return &httpstream.RefusedError{Status: 200, Message: "That is no refusal."}
			case "no":
				return errors.New("secret: user 7 is banned")
			}
			return nil
		},
		Allow: func(*http.Request) error { return errors.New("secret: read only") },
	}
	srv := way{}.serve(t, httpstream.Handler(log, o), nil)
	for _, tt := range []struct {
		method, authorization string
		status                int
		token                 string
	}{
		{"GET", "", 401, "who_are_you"}, {"POST", "", 401, "who_are_you"}, {"GET", "no", 403, "forbidden"}, {"GET", "odd", 403, "forbidden"},
		{"POST", "yes", 403, "forbidden"}, {"GET", "yes", 200, ""}, {"BREW", "", 401, "who_are_you"},
	} {
		before := asked
		var fields []string
		if tt.authorization != "" {
			fields = []string{"Authorization", tt.authorization}
		}
		a := ask(t, srv.Client(), tt.method+" "+srv.URL+"?after=", "", fields...)
		if a.status != tt.status || strings.Contains(a.body, "secret") || asked != before+1 {
			t.Errorf("%s %q: %d %s, asked %d times", tt.method, tt.authorization, a.status, a.body, asked-before)
		}
		if tt.token != "" {
			wantRefusal(t, a, tt.token)
		}
		if tt.status == 401 && a.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("header %v", a.header)
		}
	}
}

func TestPollsOverAllWays(t *testing.T) {
	overAllWays(t, func(t *testing.T, w way) {
		log, real, short := filled(t, 3)
		srv := w.serve(t, httpstream.Handler(log, &httpstream.Options{Allow: func(*http.Request) error { return nil }}), nil)
		c := srv.Client()
		if a := ask(t, c, "GET "+srv.URL, ""); a.status != 200 || short(a.body) != three {
			t.Errorf("short: %d %s", a.status, a.body)
		}
		if a := ask(t, c, "HEAD "+srv.URL, ""); a.status != 200 || a.body != "" || a.header.Get("Content-Length") == "" {
			t.Errorf("head: %d %s %v", a.status, a.body, a.header)
		}
		got := make(chan answer)
		go func() { got <- ask(t, c, "GET "+srv.URL+real("?after=E-3&wait=20"), "") }()
		if a := ask(t, c, "POST "+srv.URL+"?type=x", "four"); a.status != 201 || short(a.body) != `{"cursor":"E-4"}`+"\n" {
			t.Errorf("post: %d %s", a.status, a.body)
		}
		if a := <-got; a.status != 200 || short(a.body) != `{"items":[{"cursor":"E-4","type":"x","data":"four"}],"cursor":"E-4"}`+"\n" {
			t.Errorf("long: %d %s", a.status, a.body)
		}
	})
}
