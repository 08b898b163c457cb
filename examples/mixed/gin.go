package main

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// newGin: gin.WrapH makes a route of any http.Handler.
func newGin(a *app) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(gin.Recovery())
	r.GET("/", gin.WrapF(a.page))
	api := r.Group("/api")
	api.GET("/status", gin.WrapF(a.status))
	r.GET("/ws", gin.WrapH(a.socket()))
	return r
}
