package pushservice_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/pushwire/pushwire/webpush/pushservice"
)

// A service whose messages survive a restart.
func Example() {
	folder, err := os.MkdirTemp("", "push")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	store, err := pushservice.OpenFile(filepath.Join(folder, "push.store"))
	if err != nil {
		fmt.Println(err)
		return
	}
	service, err := pushservice.New(&pushservice.Options{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(service)
	defer server.Close()
	defer service.Shutdown(context.Background())

	res, err := http.Post(server.URL+"/subscribe", "", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	res.Body.Close()
	_, push, _ := strings.Cut(res.Header.Get("Link"), "<")
	push, _, _ = strings.Cut(push, ">")

	req, err := http.NewRequest("POST", push, strings.NewReader("hello"))
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("TTL", "60")
	if res, err = http.DefaultClient.Do(req); err != nil {
		fmt.Println(err)
		return
	}
	res.Body.Close()
	fmt.Println(res.Status, service.Stats().Messages)
	// Output: 201 Created 1
}
