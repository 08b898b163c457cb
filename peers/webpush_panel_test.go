package peers

import (
	"strings"
	"testing"

	"github.com/pushwire/pushwire/webpush/pushservice"
)

// TestWebPushPanel uses the page of "pushwire serve" for Web Push in Firefox,
// with our push service in place of Mozilla's.
func TestWebPushPanel(t *testing.T) {
	service := newFirefoxService(t)
	s := startServed(t, build(t), "-push-private")
	f := startFirefox(t, firefoxPush("ws"+strings.TrimPrefix(service.url, "http")+"/"))
	within(t, service.hellos, browserTime, "Firefox's hello")
	f.open(t, s.url+"push.html")

	// until gives what a function returns once that is true.
	const until = `const until = async (look) => {
	  for (let i = 0; i < 600; i++) {
	    const found = look();
	    if (found) return found;
	    await new Promise((done) => setTimeout(done, 50));
	  }
	  return "state: " + document.getElementById("state").textContent + ", error: " + document.getElementById("error").textContent;
	};`
	var got string
	f.eval(t, `async () => { `+until+`
	  const state = document.getElementById("state");
	  await until(() => state.textContent === "not subscribed");
	  document.getElementById("subscribe").click();
	  return until(() => state.textContent.startsWith("subscribed at ") && state.textContent);
	}`, &got)
	if !strings.HasPrefix(got, "subscribed at 127.0.0.1") {
		t.Fatal(got)
	}
	f.eval(t, `async (text) => { `+until+`
	  document.getElementById("text").value = text;
	  document.getElementById("send-form").requestSubmit();
	  return until(() => document.querySelector("#arrived li")?.textContent);
	}`, &got, "Grüße <b>an</b> alle")
	if got != "Grüße <b>an</b> alle" {
		t.Errorf("what arrived: %q", got)
	}
	if a := within(t, service.acks, pushTime, "the acknowledgement"); a.Code != pushservice.AckDelivered {
		t.Errorf("acknowledged as %+v", a)
	}
	f.eval(t, `async () => { `+until+`
	  document.getElementById("subscribe").click();
	  return until(() => document.getElementById("state").textContent === "not subscribed" && "not subscribed");
	}`, &got)
	if got != "not subscribed" {
		t.Error(got)
	}
}
