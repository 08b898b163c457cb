package main

import (
	"context"
	"fmt"
	"io"
)

// webpushCommands are what follows "pushwire webpush".
var webpushCommands = []command{
	{"keys", "", "makes the key that push services know an application by, or shows one", webpushKeys},
	{"send", "FILE", "sends a message to the subscriptions in a file", webpushSend},
	{"serve", "", "a push service for user agents and application servers", webpushServe},
}

func webPush(ctx context.Context, c console, args []string) int {
	if len(args) == 0 {
		webpushUsage(c.err)
		return exitUsage
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		if len(rest) == 0 {
			webpushUsage(c.out)
			return exitOK
		}
		name, rest = rest[0], []string{"-h"}
	}
	for _, cmd := range webpushCommands {
		if cmd.name == name {
			return cmd.run(ctx, c, rest)
		}
	}
	fmt.Fprintf(c.err, "pushwire webpush: there is no command %q; \"pushwire webpush help\" lists them\n", name)
	return exitUsage
}

func webpushUsage(w io.Writer) {
	fmt.Fprint(w, "usage: pushwire webpush COMMAND [FLAGS]\n\n")
	for _, cmd := range webpushCommands {
		fmt.Fprintf(w, "  %-22s%s\n", cmd.name+" "+cmd.args, cmd.about)
	}
	fmt.Fprintf(w, "  %-22s%s\n", "help COMMAND", "the flags of a command")
}
