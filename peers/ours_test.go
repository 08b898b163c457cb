package peers

func ourPairs() []func() pair { return nil }
