package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// console is where a command reads and writes; a test puts its own there.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// command is one subcommand. run gets the arguments after the command's name;
// ctx ends with the first interrupt.
type command struct {
	name, args, about string
	run               func(ctx context.Context, c console, args []string) int
}

var commands = []command{
	{"serve", "", "topics over every transport, a WebSocket echo, and a page to try them in a browser", serve},
	{"listen", "URL", "follows a topic, or any event stream, and prints what comes", listen},
	{"publish", "URL [TEXT]", "publishes to a topic", publish},
	{"connect", "URL", "a WebSocket client: lines in, messages out", connect},
	{"webpush", "COMMAND", "push messages to browsers: keys, sending, a push service", webPush},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// From the first signal on the next one ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, console{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

func run(ctx context.Context, c console, args []string) int {
	return dispatch(ctx, c, "pushwire", commands, args)
}

// dispatch runs the command that args begins with; prefix is what came before
// it.
func dispatch(ctx context.Context, c console, prefix string, commands []command, args []string) int {
	if len(args) == 0 {
		usage(c.err, prefix, commands)
		return exitUsage
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		if len(rest) == 0 {
			usage(c.out, prefix, commands)
			return exitOK
		}
		name, rest = rest[0], []string{"-h"}
	}
	for _, cmd := range commands {
		if cmd.name == name {
			return cmd.run(ctx, c, rest)
		}
	}
	fmt.Fprintf(c.err, "%s: there is no command %q; \"%s help\" lists them\n", prefix, name, prefix)
	return exitUsage
}

func usage(w io.Writer, prefix string, commands []command) {
	fmt.Fprintf(w, "usage: %s COMMAND [FLAGS]\n\n", prefix)
	for _, cmd := range commands {
		fmt.Fprintf(w, "  %-22s%s\n", cmd.name+" "+cmd.args, cmd.about)
	}
	fmt.Fprintf(w, "  %-22s%s\n", "help COMMAND", "the flags of a command")
}

// flags returns an empty set of flags for the command called name, with the
// usage that -h prints.
func flags(c console, name, args string, about ...string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(c.err)
	f.Usage = func() {
		fmt.Fprintf(f.Output(), "%s\n\n", strings.TrimSpace("usage: pushwire "+name+" [FLAGS] "+args))
		for _, line := range about {
			fmt.Fprintln(f.Output(), line)
		}
		fmt.Fprintln(f.Output())
		f.PrintDefaults()
	}
	return f
}

// parse reads the command line, which has to leave as many arguments as one of
// n says. If it does not, or asks for help, ok is false and the command ends
// with status.
func parse(f *flag.FlagSet, c console, args []string, n ...int) (status int, ok bool) {
	for _, arg := range args {
		if arg == "-h" || arg == "-help" || arg == "--help" {
			f.SetOutput(c.out) // asked for, so no error
		}
	}
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK, false
	case err != nil:
		return exitUsage, false
	case !slices.Contains(n, f.NArg()):
		want := strings.Trim(strings.ReplaceAll(fmt.Sprint(n), " ", " or "), "[]")
		fmt.Fprintf(c.err, "pushwire %s: %d arguments, want %s\n\n", f.Name(), f.NArg(), want)
		f.Usage()
		return exitUsage, false
	}
	return exitOK, true
}
