package pushservice

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

func TestBroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(s.Broadcast("a", "1"))
		must(s.Broadcast("b", "1"))
		u := connect(t, s)
		u.send(`{"messageType":"hello","use_webpush":true,"broadcasts":{"a":"0","b":"1","c":"7"}}`)
		if d := cmp.Diff(map[string]string{"a": "1"}, u.want(typeHello).Broadcasts); d != "" {
			t.Errorf("hello (-want +got):\n%s", d)
		}
		must(s.Broadcast("c", "8"))
		must(s.Broadcast("d", "1")) // nobody follows it
		if d := cmp.Diff(map[string]string{"c": "8"}, u.want(typeOfBroadcast).Broadcasts); d != "" {
			t.Errorf("c (-want +got):\n%s", d)
		}
		u.send(`{"messageType":"broadcast_subscribe","broadcasts":{"d":"0"}}`)
		if d := cmp.Diff(map[string]string{"d": "1"}, u.want(typeOfBroadcast).Broadcasts); d != "" {
			t.Errorf("d (-want +got):\n%s", d)
		}
		u.gone()
		if n := len(s.broadcasts.by); n != 0 {
			t.Errorf("%d broadcasts are still followed", n)
		}
		if s.Broadcast("", "1") == nil || s.Broadcast(strings.Repeat("x", 300), "1") == nil || s.Broadcast("e", strings.Repeat("x", 300)) == nil {
			t.Error("broadcasts out of bounds are taken")
		}
	})
}
