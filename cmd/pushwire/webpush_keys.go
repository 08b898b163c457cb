package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/pushwire/pushwire/webpush"
)

// maxKeyFile is the largest file that is read as a key, in bytes.
const maxKeyFile = 64 << 10

func webpushKeys(_ context.Context, c console, args []string) int {
	f := flags(c, "webpush keys", "",
		"Makes a key and prints both halves. The public one is the applicationServerKey",
		"of pages that subscribe; the private one is the application's to keep. A new key",
		"needs new subscriptions.")
	in := f.String("in", "", "show the key in this `file` (base64url as npm's web-push writes it, PEM or DER) in place of a new one")
	out := f.String("out", "", "write the private half to this new `file` as PEM, for its owner only, and don't print it")
	asJSON := f.Bool("json", false, "print as JSON, with the names of npm's web-push")
	if status, ok := parse(f, c, args, 0); !ok {
		return status
	}
	key, err := keyOf(*in)
	if err == nil {
		err = showKey(c, key, *out, *asJSON)
	}
	if err != nil {
		fmt.Fprintf(c.err, "pushwire webpush keys: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// keyOf reads a key from a file, or makes one where there is none.
func keyOf(file string) (*webpush.Key, error) {
	if file == "" {
		return webpush.GenerateKey()
	}
	return readKey(file)
}

func readKey(file string) (*webpush.Key, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxKeyFile {
		return nil, fmt.Errorf("%s has %d bytes and is no key", file, info.Size())
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	key, err := webpush.ParseKey(string(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}

func showKey(c console, key *webpush.Key, out string, asJSON bool) error {
	private, ok := key.Private()
	text, alsoOK := key.MarshalPEM()
	if !ok || !alsoOK {
		return errors.New("the key has no private half")
	}
	if out != "" {
		w, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s exists, and a key that is lost can't be made again: name another file", out)
		}
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		if err := errors.Join(err, w.Close()); err != nil {
			return err
		}
	}
	shown := struct {
		Public  string `json:"publicKey"`
		Private string `json:"privateKey,omitempty"`
	}{key.PublicKey(), private}
	if out != "" {
		shown.Private = ""
	}
	if asJSON {
		return json.NewEncoder(c.out).Encode(shown)
	}
	fmt.Fprintf(c.out, "public   %s\n", shown.Public)
	if shown.Private != "" {
		fmt.Fprintf(c.out, "private  %s\n", shown.Private)
	}
	return nil
}
