package main

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// newChi: the middlewares wrap the ResponseWriter, and the handshake finds the
// connection behind it. A middleware that ends requests after a time
// (middleware.Timeout) ends the request's context, which a Conn does not follow.
func newChi(a *app) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.Recoverer, middleware.Compress(5))
	r.Get("/", a.page)
	r.Route("/api", func(r chi.Router) {
		r.Get("/status", a.status)
	})
	r.Method(http.MethodGet, "/ws", a.socket())
	return r
}
