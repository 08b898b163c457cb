package httpstream_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/httpstream"
)

// maxClient is what the browser client may weigh, in bytes.
const maxClient = 8 << 10

func clientFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("client", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestClientIsSmall(t *testing.T) {
	b := clientFile(t, "pushwire.min.js")
	var zipped bytes.Buffer
	w, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	w.Write(b)
	w.Close()
	t.Logf("%d bytes minified, %d gzipped", len(b), zipped.Len())
	if len(b) >= maxClient {
		t.Errorf("%d bytes, want less than %d", len(b), maxClient)
	}
}

func TestClientPackageHasItsFiles(t *testing.T) {
	var p struct {
		Types   string
		Exports map[string]struct{ Types, Default string }
		Files   []string
	}
	if err := json.Unmarshal(clientFile(t, "package.json"), &p); err != nil {
		t.Fatal(err)
	}
	named := append([]string{p.Types}, p.Files...)
	for _, e := range p.Exports {
		named = append(named, e.Types, e.Default)
	}
	if len(named) < 8 {
		t.Errorf("package.json names %q", named)
	}
	for _, name := range named {
		clientFile(t, name)
	}
}

// askClient sends a request with header fields in pairs.
func askClient(method, target string, fields ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	httpstream.ClientJS().ServeHTTP(w, r)
	return w.Result()
}

func bodyOf(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestClientJS(t *testing.T) {
	for _, tt := range []struct{ target, file, mediaType string }{
		{"/pushwire.js", "pushwire.min.js", "text/javascript; charset=utf-8"},
		{"/any/name", "pushwire.min.js", "text/javascript; charset=utf-8"},
		{"/pushwire.js?source", "pushwire.js", "text/javascript; charset=utf-8"},
		{"/lib/pushwire.d.ts", "pushwire.d.ts", "application/typescript; charset=utf-8"},
	} {
		want := string(clientFile(t, tt.file))
		tags := map[string]bool{}
		for _, coding := range []string{"", "gzip, br", "br;q=1.0, GZIP ; q=0.5", "gzip;q=0", "gzip;q=0.000, *", "*"} {
			zipped := coding == "gzip, br" || coding == "br;q=1.0, GZIP ; q=0.5"
			res := askClient("GET", tt.target, "Accept-Encoding", coding)
			got := bodyOf(t, res)
			if zipped {
				r, err := gzip.NewReader(strings.NewReader(got))
				if err != nil {
					t.Fatalf("%s, %q: %v", tt.target, coding, err)
				}
				b, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				got = string(b)
			}
			if res.StatusCode != http.StatusOK || got != want {
				t.Errorf("%s, %q: status %d, %d bytes; want those of %s", tt.target, coding, res.StatusCode, len(got), tt.file)
			}
			if (res.Header.Get("Content-Encoding") == "gzip") != zipped {
				t.Errorf("%s, %q: Content-Encoding %q", tt.target, coding, res.Header.Get("Content-Encoding"))
			}
			tag := res.Header.Get("ETag")
			tags[tag] = true
			for name, value := range map[string]string{
				"Content-Type": tt.mediaType, "Cache-Control": "no-cache", "Vary": "Accept-Encoding",
				"X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "*",
			} {
				if got := res.Header.Get(name); got != value {
					t.Errorf("%s: %s: %q, want %q", tt.target, name, got, value)
				}
			}

			head := askClient("HEAD", tt.target, "Accept-Encoding", coding)
			if b := bodyOf(t, head); head.StatusCode != http.StatusOK || b != "" || head.Header.Get("ETag") != tag {
				t.Errorf("HEAD %s: status %d, %d bytes, ETag %s", tt.target, head.StatusCode, len(b), head.Header.Get("ETag"))
			}
			again := askClient("GET", tt.target, "Accept-Encoding", coding, "If-None-Match", `"x", W/`+tag)
			if b := bodyOf(t, again); again.StatusCode != http.StatusNotModified || b != "" || again.Header.Get("ETag") != tag {
				t.Errorf("%s with its ETag: status %d, %d bytes", tt.target, again.StatusCode, len(b))
			}
			if other := askClient("GET", tt.target, "If-None-Match", `"x"`); other.StatusCode != http.StatusOK {
				t.Errorf("%s with another ETag: status %d", tt.target, other.StatusCode)
			}
		}
		if len(tags) != 2 || tags[""] {
			t.Errorf("%s: the ETags are %v, want one a coding", tt.target, tags)
		}
	}
}

func TestClientJSIsOnlyRead(t *testing.T) {
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if res := askClient(method, "/pushwire.js"); res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: status %d, Allow %q", method, res.StatusCode, res.Header.Get("Allow"))
		}
	}
}
