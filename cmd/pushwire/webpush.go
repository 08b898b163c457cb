package main

import (
	"context"
	"fmt"
)

// webpushCommands are the subcommands of webpush.
var webpushCommands = []command{
	{"serve", "", "a push service for user agents and application servers", webpushServe},
}

func webpushCommand(ctx context.Context, c console, args []string) int {
	if len(args) == 0 {
		webpushUsage(c)
		return exitUsage
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		c.err = c.out // asked for, so no error
		webpushUsage(c)
		return exitOK
	}
	for _, cmd := range webpushCommands {
		if cmd.name == name {
			return cmd.run(ctx, c, rest)
		}
	}
	fmt.Fprintf(c.err, "pushwire webpush: there is no command %q; \"pushwire webpush help\" lists them\n", name)
	return exitUsage
}

func webpushUsage(c console) {
	fmt.Fprint(c.err, "usage: pushwire webpush COMMAND [FLAGS]\n\n")
	for _, cmd := range webpushCommands {
		fmt.Fprintf(c.err, "  %-22s%s\n", cmd.name+" "+cmd.args, cmd.about)
	}
}
