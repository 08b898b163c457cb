package httpstream

import "net/http"

func (e *endpoint) socket(w http.ResponseWriter, r *http.Request, q *query) {
	e.o.refuse(w, r, unavailable("not merged yet"))
}

func (e *endpoint) events(w http.ResponseWriter, r *http.Request, q *query) {
	e.o.refuse(w, r, unavailable("not merged yet"))
}
