package sockio

import (
	"testing"

	"github.com/pushwire/pushwire/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
