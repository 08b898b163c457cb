package handshake

import "strings"

// equalFold compares in ASCII without regard to case. strings.EqualFold would
// also take the Kelvin sign for a k.
func equalFold(a, lower string) bool {
	if len(a) != len(lower) {
		return false
	}
	for i := 0; i < len(a); i++ {
		c := a[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// cutElement takes the first element off a comma-separated list that has no
// quoted strings.
func cutElement(list string) (element, rest string) {
	if i := strings.IndexByte(list, ','); i >= 0 {
		return trimSpace(list[:i]), list[i+1:]
	}
	return trimSpace(list), ""
}

// listHas says whether a list field, spread over any number of lines, has
// the token, in any case. Empty elements are skipped: RFC 9110, 5.6.1.2, "A
// recipient MUST parse and ignore a reasonable number of empty list
// elements". If an element is no token (and, with slash, no token "/" token
// as in Upgrade), bad is its line.
func listHas(lines []string, lower string, slash bool) (has bool, bad string) {
	for _, line := range lines {
		for rest := line; rest != ""; {
			var e string
			e, rest = cutElement(rest)
			if e == "" {
				continue
			}
			if equalFold(e, lower) {
				has = true
				continue
			}
			name, protocolVersion, cut := e, "", false
			if slash {
				name, protocolVersion, cut = strings.Cut(e, "/")
			}
			if !validToken(name) || cut && !validToken(protocolVersion) {
				return has, line
			}
		}
	}
	return has, ""
}
