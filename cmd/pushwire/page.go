package main

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed page
var pageFiles embed.FS

// pagePolicy lets the page load what lies beside it and connect to where it
// came from, nothing else; no inline script or style runs.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// page serves the page to try the server with, and 404 for any other path.
func page() http.Handler {
	root, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic("pushwire: " + err.Error()) // the folder is part of the binary
	}
	files := http.FileServerFS(root)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache") // embedded files have no date to revalidate by
		files.ServeHTTP(w, r)
	})
}
