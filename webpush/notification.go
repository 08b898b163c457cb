package webpush

import (
	"encoding/json"
	"strings"
	"time"
)

// notificationType is how WebKit tells a declarative message from one for a
// service worker before it is decrypted.
const notificationType = "application/notification+json"

// A Notification is a declarative push message (Push API, "Declarative push
// message"): a browser that knows the format shows it without a service
// worker, and any other gives its JSON to the push event, where the service
// worker finds the same members and can show it itself. Title and Navigate are
// required.
type Notification struct {
	Title    string
	Navigate string // URL that a click opens; a relative one is to the page that subscribed

	Body string
	Lang string // language tag, as "en-US"
	Dir  string // "auto", "ltr" or "rtl"
	Tag  string // a later notification of the same tag replaces this one

	Image, Icon, Badge string // URLs of pictures

	Vibrate            []uint32  // milliseconds on, off, on ...
	Timestamp          time.Time // of what it is about; zero for now
	Renotify           bool      // a replacement makes itself heard again; needs Tag
	Silent             bool
	RequireInteraction bool
	Data               any // anything that encoding/json can write
	Actions            []NotificationAction

	// Mutable lets a service worker, if there is one, have a push event and
	// show something else.
	Mutable bool
}

// A NotificationAction is a button of a notification. Action, Title and
// Navigate are required.
type NotificationAction struct {
	Action   string `json:"action"` // its name, for the service worker
	Title    string `json:"title"`
	Navigate string `json:"navigate"`
	Icon     string `json:"icon,omitempty"`
}

// Message returns the notification as a message. TTL, Urgency and Topic are
// the caller's to set.
func (n *Notification) Message() (*Message, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	type notification struct {
		Title              string               `json:"title"`
		Lang               string               `json:"lang,omitempty"`
		Dir                string               `json:"dir,omitempty"`
		Body               string               `json:"body,omitempty"`
		Navigate           string               `json:"navigate"`
		Tag                string               `json:"tag,omitempty"`
		Image              string               `json:"image,omitempty"`
		Icon               string               `json:"icon,omitempty"`
		Badge              string               `json:"badge,omitempty"`
		Vibrate            []uint32             `json:"vibrate,omitempty"`
		Timestamp          int64                `json:"timestamp,omitempty"`
		Renotify           bool                 `json:"renotify,omitempty"`
		Silent             bool                 `json:"silent,omitempty"`
		RequireInteraction bool                 `json:"requireInteraction,omitempty"`
		Data               any                  `json:"data,omitempty"`
		Actions            []NotificationAction `json:"actions,omitempty"`
	}
	out := struct {
		WebPush      int          `json:"web_push"`
		Notification notification `json:"notification"`
		Mutable      bool         `json:"mutable,omitempty"`
	}{8030, notification{
		Title: n.Title, Lang: n.Lang, Dir: n.Dir, Body: n.Body, Navigate: n.Navigate, Tag: n.Tag,
		Image: n.Image, Icon: n.Icon, Badge: n.Badge, Vibrate: n.Vibrate,
		Renotify: n.Renotify, Silent: n.Silent, RequireInteraction: n.RequireInteraction,
		Data: n.Data, Actions: n.Actions,
	}, n.Mutable}
	if !n.Timestamp.IsZero() {
		out.Notification.Timestamp = n.Timestamp.UnixMilli()
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // which would cost bytes of the 3,993
	if err := e.Encode(out); err != nil {
		return nil, faultNotificationData.config(err)
	}
	payload := []byte(strings.TrimSuffix(b.String(), "\n"))
	if len(payload) > MaxPlaintext {
		return nil, &SizeError{Size: len(payload), Limit: MaxPlaintext}
	}
	return &Message{Payload: payload, ContentType: notificationType}, nil
}

// check holds what the parser of the Push API and the Notifications standard
// refuse, where nobody would hear of it.
func (n *Notification) check() error {
	switch {
	case n.Title == "":
		return faultNotificationTitle.config()
	case n.Navigate == "":
		return faultNotificationNavigate.config()
	case n.Dir != "" && n.Dir != "auto" && n.Dir != "ltr" && n.Dir != "rtl":
		return faultNotificationDir.config(quote(n.Dir))
	case n.Renotify && n.Tag == "":
		return faultNotificationTag.config()
	case n.Silent && len(n.Vibrate) > 0:
		return faultNotificationSilent.config()
	}
	for _, a := range n.Actions {
		if a.Action == "" || a.Title == "" || a.Navigate == "" {
			return faultNotificationAction.config()
		}
	}
	return nil
}
