package peers

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// transportsDown are the transports of the page from the best down, as it
// writes them.
var transportsDown = []struct{ id, name string }{
	{"websocket", "WebSocket"},
	{"eventstream", "Event stream"},
	{"stream", "JSON lines"},
	{"longpoll", "Long poll"},
	{"shortpoll", "Short poll"},
}

// TestDemo uses the page of the transports as a person would: looks at all of
// them, chats, switches one transport after the other off and sees the chat go
// on over the next one, and back.
func TestDemo(t *testing.T) {
	b := newBrowser(t)
	binary := build(t)
	certificate := newSecure(t)
	if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		args []string
		view view
	}{
		{"desktop", nil, view{width: 1280, height: 900}},
		{"phone", []string{"-cert", certificate.cert, "-key", certificate.key}, phone},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := startServed(t, binary, row.args...)
			b.console = nil
			b.open(t, s.url, row.view)
			testDemo(t, b, s, row.name)
		})
	}
}

func testDemo(t *testing.T, b *browser, s *served, name string) {
	for _, tr := range transportsDown {
		b.wait(t, "#panel-"+tr.id+" .state", "connected")
	}
	b.wait(t, "#auto", "WebSocket")

	// The counter ticks over all of them, and each has cost something.
	for _, tr := range transportsDown {
		b.wait(t, "#panel-"+tr.id+" .delay", "ms")
		b.wait(t, "#panel-"+tr.id+" .each", "B")
	}
	type figures struct{ Items, Requests int }
	look := func(id string) figures {
		return eval[figures](t, b, `(id) => {
		  const of = (name) => +document.querySelector("#panel-" + id + " ." + name).textContent;
		  return { Items: of("items"), Requests: of("requests") };
		}`, id)
	}
	b.wait(t, "#panel-shortpoll .requests", "3")
	for id, only := range map[string]bool{"websocket": true, "eventstream": true, "stream": true, "longpoll": false} {
		if f := look(id); f.Items == 0 || (f.Requests == 1) != only {
			t.Errorf("%s: %+v", id, f)
		}
	}

	// A message by keyboard, and one from elsewhere, come over all of them.
	b.fill(t, "#text", "Grüße <b>an</b> alle")
	b.press(t, "Enter")
	b.wait(t, "#chat li", "Grüße <b>an</b> alle")
	for _, tr := range transportsDown {
		b.wait(t, "#panel-"+tr.id+" .last", "Grüße <b>an</b> alle")
	}
	if strings.HasPrefix(s.url, "http:") {
		res, err := http.Post(s.url+"topics/demo", "text/plain", strings.NewReader("from elsewhere"))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		b.wait(t, "#chat li", "somebody from elsewhere")
	}
	b.act(t, "shot", command{"path": filepath.Join(shots, "demo-"+name+".png")})

	// Down the ladder, a message at each step, and up again.
	for i, tr := range transportsDown[:len(transportsDown)-1] {
		b.click(t, "#accept-"+tr.id)
		b.wait(t, "#panel-"+tr.id+" .state", "again in")
		b.wait(t, "#auto", transportsDown[i+1].name)
		text := "over the next one, " + transportsDown[i+1].name
		b.fill(t, "#text", text)
		b.press(t, "Enter")
		b.wait(t, "#chat li", text)
	}
	b.act(t, "shot", command{"path": filepath.Join(shots, "demo-"+name+"-refused.png")})
	b.click(t, "#accept-websocket")
	// It has climbed in vain by now, so the next try may take 24 seconds.
	back := false
	for range 4 {
		back = back || eval[bool](t, b, `() => new Promise((done) => {
		  const end = Date.now() + 10000;
		  const look = () => document.getElementById("auto").textContent === "WebSocket" ? done(true)
		    : Date.now() > end ? done(false) : setTimeout(look, 50);
		  look();
		})`, nil)
	}
	if !back {
		t.Error("the chat did not come back to the WebSocket")
	}
	b.wait(t, "#panel-websocket .state", "connected")
	if lost := eval[int](t, b, `() => document.querySelectorAll("#chat .reset").length`, nil); lost > 0 {
		t.Errorf("%d times messages were lost", lost)
	}
	chat := eval[[]string](t, b, `() => [...document.querySelectorAll("#chat li .body")].map((e) => e.textContent)`, nil)
	seen := map[string]bool{}
	for _, line := range chat {
		if seen[line] {
			t.Errorf("%q came twice", line)
		}
		seen[line] = true
	}
	if want := len(transportsDown); len(chat) < want {
		t.Errorf("%d messages, want %d or more: %q", len(chat), want, chat)
	}

	// Every control has a name, and nothing is wider than a small phone.
	if unnamed := eval[[]string](t, b, `() => [...document.querySelectorAll("input, textarea, button")]
	  .filter((e) => !(e.labels?.length || e.ariaLabel || e.tagName === "BUTTON" && e.textContent.trim()))
	  .map((e) => e.id || e.outerHTML)`, nil); len(unnamed) > 0 {
		t.Errorf("controls without a name: %q", unnamed)
	}
	if over := eval[int](t, b, `() => document.documentElement.scrollWidth - document.documentElement.clientWidth`, nil); over > 0 {
		t.Errorf("the page is %d pixels wider than the window", over)
	}

	said := s.interrupt(t)
	if !strings.Contains(said, "all closed, 0 left") {
		t.Errorf("pushwire serve: %q", said)
	}
	b.wait(t, "#auto", "again in")
	// What is refused, and a server that is gone, the browser writes to the
	// console by itself; an error of the page would be another one.
	for _, line := range b.console {
		if !strings.Contains(line, "502") && !strings.Contains(line, "ERR_") && !strings.Contains(line, "WebSocket connection to") {
			t.Errorf("the console: %q", line)
		}
	}
}
