package kernel

import (
	"errors"
	"strings"
	"testing"
)

func TestTiersBeginWithGeneric(t *testing.T) {
	tiers := Tiers()
	if tiers[0].Name != "generic" {
		t.Errorf("the first tier is %s", tiers[0].Name)
	}
	for _, s := range tiers {
		t.Logf("tier %s", s.Name)
	}
}

func TestPick(t *testing.T) {
	tiers := Tiers()
	if s, err := pick(tiers, ""); err != nil || s != tiers[len(tiers)-1] {
		t.Errorf("by default: %v, %v", s, err)
	}
	for _, want := range tiers {
		if s, err := pick(tiers, want.Name); err != nil || s != want {
			t.Errorf("%s: %v, %v", want.Name, s, err)
		}
	}
	_, err := pick(tiers, "sse9")
	if !errors.Is(err, ErrTier) || !strings.Contains(err.Error(), "TRIMTAB_CPU=sse9") || !strings.Contains(err.Error(), "generic") {
		t.Errorf("unknown tier: %v", err)
	}
}
