package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// costs is what /demo/VIEW/usage answers.
type costs struct {
	Panels map[string]struct{ In, Out, Requests int64 }
}

func ask(t *testing.T, method, url string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// TestDemoCountsBytes: what a panel has cost are the bytes of its requests and
// answers, also where one connection serves several panels.
func TestDemoCountsBytes(t *testing.T) {
	at, _ := startServe(t)
	base := "http://" + at + "/demo/view1/"
	for range 3 {
		ask(t, "GET", base+"shortpoll?after=now", nil)
		ask(t, "GET", base+"longpoll?after=now&wait=0", nil)
	}
	_, body := ask(t, "GET", base+"usage", nil)
	var c costs
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	short, long := c.Panels["shortpoll"], c.Panels["longpoll"]
	if short.Requests != 3 || long.Requests != 3 || c.Panels["websocket"].Requests != 0 {
		t.Errorf("requests: %+v", c.Panels)
	}
	for path, got := range map[string]int64{"shortpoll?after=now": short.In, "longpoll?after=now&wait=0": long.In} {
		head := fmt.Sprintf("GET /demo/view1/%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n\r\n", path, at)
		// net/http may have read the first byte of a request before it lets us
		// know that the one before is over.
		if d := got - int64(3*len(head)); d < -3 || d > 3 {
			t.Errorf("%s: %d bytes in, want %d", path, got, 3*len(head))
		}
	}
	if short.Out < 3*100 || short.Out > 3*400 {
		t.Errorf("short polls: %+v", short)
	}
}

// TestDemoRefuses: a transport is refused for one page, not for others, and
// what uses it is cut.
func TestDemoRefuses(t *testing.T) {
	at, _ := startServe(t)
	base := "http://" + at + "/demo/"
	lines := http.Header{"Accept": {"application/x-ndjson"}}
	res, err := http.DefaultClient.Do(func() *http.Request {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", base+"a/stream?after=now", nil)
		r.Header = lines
		return r
	}())
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%v, %v", res, err)
	}
	defer res.Body.Close()
	if res, _ := ask(t, "POST", base+"a/refuse/stream", nil); res.StatusCode != http.StatusNoContent {
		t.Fatalf("refuse: %v", res.Status)
	}
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("the stream ended in good order, and was to be cut")
	}
	if res, _ := ask(t, "GET", base+"a/auto", lines); res.StatusCode != http.StatusBadGateway {
		t.Errorf("the page that had it refused: %v", res.Status)
	}
	if res, _ := ask(t, "GET", base+"a/auto", nil); res.StatusCode != http.StatusNoContent {
		t.Errorf("another transport of this page: %v", res.Status)
	}
	ask(t, "DELETE", base+"a/refuse/stream", nil)
	if res, _ := ask(t, "GET", base+"a/auto?after=x", lines); res.StatusCode != http.StatusBadRequest {
		t.Errorf("allowed again, with a wrong cursor: %v", res.Status)
	}
	for _, path := range []string{"a/refuse/pigeon", "a/refuse/auto", strings.Repeat("v", maxViewName+1) + "/refuse/stream"} {
		if res, _ := ask(t, "POST", base+path, nil); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %v", path, res.Status)
		}
	}
	if res, _ := ask(t, "GET", base+"a/pigeon", nil); res.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown panel: %v", res.Status)
	}
}

// TestViewsAreBounded: the page that was silent longest makes room.
func TestViewsAreBounded(t *testing.T) {
	var v views
	first := v.get("first")
	for i := range viewsMax + 10 {
		v.get(fmt.Sprint(i))
		if i == viewsMax/2 && v.get("first") != first {
			t.Fatal("a page that is there was forgotten")
		}
	}
	if len(v.all) != viewsMax {
		t.Errorf("%d views, want %d", len(v.all), viewsMax)
	}
	if v.get("first") != first {
		t.Error("a page that asked lately was forgotten before others")
	}
}
