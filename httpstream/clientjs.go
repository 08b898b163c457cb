package httpstream

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The browser client, as its package folder has it.
var (
	//go:embed client/pushwire.js
	clientSource []byte
	//go:embed client/pushwire.min.js
	clientMinified []byte
	//go:embed client/pushwire.d.ts
	clientTypes []byte
)

// ClientJS serves the browser client, an ES module:
//
//	http.Handle("/pushwire.js", httpstream.ClientJS())
//
//	<script type="module">
//	  import { follow, publish } from "/pushwire.js";
//	  for await (const item of follow("/topics/news")) console.log(item.data);
//	</script>
//
// It is minified; with ?source in the query it is readable. Where the path ends
// in ".d.ts" it is the types for TypeScript. client/README.md says what the
// module does.
//
// The module belongs to the server's version, so a browser asks each time
// whether it is still the same, by ETag, and gets 304. It may be imported by
// the pages of any origin: it holds nothing but what everybody can read. What
// pages may follow is up to [Options].
func ClientJS() http.Handler { return http.HandlerFunc(serveClient) }

// Media types. RFC 9239, 6: "text/javascript" is the one to use.
const (
	typeModule = "text/javascript; charset=utf-8"
	typeTypes  = "application/typescript; charset=utf-8"
)

// asset is a file of the client in the forms that it is sent in.
type asset struct {
	mediaType   string
	plain, gzip []byte
	etag        string // without quotes and coding
}

var clientAssets = sync.OnceValue(func() (a struct{ source, minified, types asset }) {
	a.source = newAsset(typeModule, clientSource)
	a.minified = newAsset(typeModule, clientMinified)
	a.types = newAsset(typeTypes, clientTypes)
	return a
})

func newAsset(mediaType string, b []byte) asset {
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		panic("httpstream: " + err.Error()) // the level is one
	}
	w.Write(b) // to memory
	w.Close()
	sum := sha256.Sum256(b)
	return asset{mediaType, b, zipped.Bytes(), base64.RawURLEncoding.EncodeToString(sum[:12])}
}

func serveClient(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	// RFC 9110, 9.1: "All general-purpose servers MUST support the methods
	// GET and HEAD."
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "The client is read with GET.", http.StatusMethodNotAllowed)
		return
	}
	all := clientAssets()
	a := &all.minified
	if strings.HasSuffix(r.URL.Path, ".d.ts") {
		a = &all.types
	} else if r.URL.Query().Has("source") {
		a = &all.source
	}
	h.Set("Content-Type", a.mediaType)
	h.Set("X-Content-Type-Options", "nosniff")
	// RFC 9111, 5.2.2.4: no-cache "indicates that the response MUST NOT be
	// used to satisfy any other request without forwarding it for validation".
	h.Set("Cache-Control", "no-cache")
	// A module of another origin is fetched with CORS.
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	addVary(h, "Accept-Encoding")
	body, etag := a.plain, a.etag
	if acceptsGzip(r.Header["Accept-Encoding"]) {
		h.Set("Content-Encoding", "gzip")
		// RFC 9110, 8.8.3: two codings are two representations, and need
		// two strong validators.
		body, etag = a.gzip, a.etag+"-gzip"
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reports whether gzip is named in Accept-Encoding, other than by a
// weight of zero (RFC 9110, 12.5.3). Who says nothing, or "*", gets it plain.
func acceptsGzip(fields []string) bool {
	for _, field := range fields {
		for item := range strings.SplitSeq(field, ",") {
			coding, weight, _ := strings.Cut(item, ";")
			if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				continue
			}
			name, q, _ := strings.Cut(strings.TrimSpace(weight), "=")
			return !strings.EqualFold(strings.TrimSpace(name), "q") || strings.Trim(q, "0. ") != ""
		}
	}
	return false
}
