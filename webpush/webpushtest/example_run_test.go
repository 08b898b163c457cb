package webpushtest_test

import "testing"

// The example does what it shows.
func TestExample(t *testing.T) { testShop(t) }
