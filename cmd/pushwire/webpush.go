package main

import "context"

// webpushCommands are what follows "pushwire webpush".
var webpushCommands = []command{
	{"keys", "", "makes the key that push services know an application by, or shows one", webpushKeys},
	{"send", "FILE", "sends a message to the subscriptions in a file", webpushSend},
	{"serve", "", "a push service for user agents and application servers", webpushServe},
}

func webPush(ctx context.Context, c console, args []string) int {
	return dispatch(ctx, c, "pushwire webpush", webpushCommands, args)
}
