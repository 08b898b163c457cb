package pushwire_test

import (
	"strings"
	"testing"

	"github.com/pushwire/pushwire"
)

func TestJSONFaultsLeaveTheConnectionUsable(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		ctx := t.Context()
		if err := pushwire.WriteJSON(ctx, p.client, make(chan int)); err == nil || p.client.Err() != nil {
			t.Errorf("a channel was encoded: %v", err)
		}
		if err := sendMessage(p.client, "{"); err != nil {
			t.Fatal(err)
		}
		if err := pushwire.WriteJSON(ctx, p.client, map[string]string{"html": "<b>&"}); err != nil {
			t.Fatal(err)
		}
		if _, err := pushwire.ReadJSON[map[string]string](ctx, p.server); err == nil || !strings.Contains(err.Error(), "JSON") {
			t.Errorf("a fragment was decoded: %v", err)
		}
		if m, err := pushwire.ReadJSON[map[string]string](ctx, p.server); err != nil || m["html"] != "<b>&" {
			t.Errorf("%v, %v", m, err)
		}
	})
}
