package httpstream_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// A topic and the browser client for it, from one server.
func ExampleClientJS() {
	var log topic.Log
	mux := http.NewServeMux()
	mux.Handle("/news", httpstream.Handler(&log, nil))
	mux.Handle("/pushwire.js", httpstream.ClientJS())
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<!doctype html>
<ul id=news></ul>
<script type=module>
  import { follow } from "/pushwire.js";
  for await (const { data } of follow("/news")) {
    news.appendChild(document.createElement("li")).textContent = data;
  }
</script>`)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()

	res, err := http.Get(srv.URL + "/pushwire.js")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	fmt.Println(res.Status, res.Header.Get("Content-Type"))
	// Output: 200 OK text/javascript; charset=utf-8
}
