package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire/webpush"
)

func TestWebpushCommandLine(t *testing.T) {
	for _, row := range []struct {
		args      string
		status    int
		out, errs string // a part of each, "" for nothing at all
	}{
		{"webpush", exitUsage, "", "usage: pushwire webpush COMMAND"},
		{"webpush help", exitOK, "send FILE", ""},
		{"webpush -h", exitOK, "keys", ""},
		{"help webpush", exitOK, "send FILE", ""},
		{"webpush help keys", exitOK, "-out file", ""},
		{"webpush send -h", exitOK, "-key file", ""},
		{"webpush nothing", exitUsage, "", `no command "nothing"`},
		{"webpush keys more", exitUsage, "", "1 arguments, want 0"},
		{"webpush keys -in none.key", exitFailed, "", "none.key"},
		{"webpush send", exitUsage, "", "0 arguments, want 1"},
		{"webpush send -", exitUsage, "", "-key is missing"},
		{"webpush send -key none.key -", exitFailed, "", "none.key"},
		{"webpush send -key none.key -title a -message b -", exitUsage, "", "exclude each other"},
		{"webpush send -key none.key -title a -navigate= -", exitFailed, "", "does not say where to navigate"},
	} {
		t.Run(row.args, func(t *testing.T) {
			status, out, errs := tool(t, "", strings.Fields(row.args)...)
			if status != row.status || !strings.Contains(out, row.out) || row.out == "" && out != "" || !strings.Contains(errs, row.errs) || row.errs == "" && errs != "" {
				t.Errorf("status %d, output %q, errors %q", status, out, errs)
			}
		})
	}
}

// TestWebpushKeys makes a key, keeps it in a file, and shows it again.
func TestWebpushKeys(t *testing.T) {
	status, out, errs := tool(t, "", "webpush", "keys")
	f := strings.Fields(out)
	if status != exitOK || errs != "" || len(f) != 4 || f[0] != "public" || f[2] != "private" {
		t.Fatalf("%d, %q, %q", status, out, errs)
	}
	dir := t.TempDir()
	raw, text := filepath.Join(dir, "raw"), filepath.Join(dir, "key.pem")
	if err := os.WriteFile(raw, []byte(f[3]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, _ = tool(t, "", "webpush", "keys", "-in", raw, "-out", text)
	if status != exitOK || out != "public   "+f[1]+"\n" {
		t.Errorf("to a file: %d, %q", status, out)
	}
	if info, err := os.Stat(text); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	status, out, _ = tool(t, "", "webpush", "keys", "-in", text, "-json")
	var shown map[string]string
	if err := json.Unmarshal([]byte(out), &shown); status != exitOK || err != nil || shown["publicKey"] != f[1] || shown["privateKey"] != f[3] {
		t.Errorf("from a file: %d, %q, %v", status, out, err)
	}
	if status, _, errs := tool(t, "", "webpush", "keys", "-out", text); status != exitFailed || !strings.Contains(errs, "exists") {
		t.Errorf("over a key: %d, %q", status, errs)
	}
}

func TestWebpushSend(t *testing.T) {
	keys, err := webpush.NewUserKeys()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var got []string
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := webpush.VerifyVAPID(r.Header.Get("Authorization"), "http://"+r.Host, time.Now()); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		if r.URL.Path == "/gone" {
			w.WriteHeader(http.StatusGone)
			return
		}
		body, _ := io.ReadAll(r.Body)
		plain, err := keys.Decrypt(body)
		if len(body) > 0 && err != nil {
			t.Error(err)
		}
		mu.Lock()
		got = append(got, r.Header.Get("TTL")+" "+r.Header.Get("Urgency")+" "+r.Header.Get("Topic")+" "+r.Header.Get("Content-Type")+" "+string(plain))
		mu.Unlock()
		w.Header().Set("Location", "/message/1")
		w.WriteHeader(http.StatusCreated)
	}))
	defer service.Close()
	dir := t.TempDir()
	key, file := filepath.Join(dir, "key.pem"), filepath.Join(dir, "subscriptions.json")
	if status, _, errs := tool(t, "", "webpush", "keys", "-out", key); status != exitOK {
		t.Fatal(errs)
	}
	one, err := json.Marshal(keys.Subscription(service.URL + "/1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, one, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ args, want string }{
		{"-message hello -ttl 1m -urgency high -topic upd", "60 high upd application/octet-stream hello"},
		{"-ttl -1s", "0    "},
		{"-title Hi -body there -navigate /x", `2419200   application/notification+json {"web_push":8030,"notification":{"title":"Hi","body":"there","navigate":"/x"}}`},
	} {
		got = nil
		status, out, errs := tool(t, "", append([]string{"webpush", "send", "-any", "-key", key, "-subject", "push@example.com"}, append(strings.Fields(row.args), file)...)...)
		if status != exitOK || out != "sent 201 "+service.URL+"/message/1\n" || errs != "" || len(got) != 1 || got[0] != row.want {
			t.Errorf("%s: status %d, output %q, errors %q, the service got %q", row.args, status, out, errs, got)
		}
	}

	gone, err := json.Marshal(keys.Subscription(service.URL + "/gone"))
	if err != nil {
		t.Fatal(err)
	}
	send := func(input string, args ...string) (int, string, string) {
		return tool(t, input, append([]string{"webpush", "send", "-key", key, "-subject", "push@example.com"}, append(args, "-")...)...)
	}
	status, out, errs := send(string(one)+"\n"+string(gone)+string(one), "-any", "-message", "x")
	if status != exitFailed || strings.Count(out, "sent 201") != 2 || !strings.Contains(out, "gone "+service.URL+"/gone\n") || errs != "" {
		t.Errorf("three: %d, %q, %q", status, out, errs)
	}
	if status, out, errs := send(string(one), "-message", "x"); status != exitFailed || out != "" || !strings.Contains(errs, "not public") {
		t.Errorf("without -any: %d, %q, %q", status, out, errs)
	}
	for _, row := range []struct{ in, want string }{
		{"", "there is no subscription"}, {"null", "subscription 1: it is null"}, {string(one) + "{", "subscription 2: "}, {`{"endpoint":"x"}`, "no URL that can be sent to"},
	} {
		if status, _, errs := send(row.in, "-any", "-message", "x"); status != exitFailed || !strings.Contains(errs, row.want) {
			t.Errorf("%q: %d, %q", row.in, status, errs)
		}
	}
	if status, _, errs := send(string(one)+string(one), "-any", "-topic", "a.b"); status != exitFailed || !strings.Contains(errs, "topic") {
		t.Errorf("a bad topic: %d, %q", status, errs)
	}
}
