package main

import (
	"bufio"
	"io"
	"math"
	"strings"
	"testing"
)

func TestJSONHasFiniteNumbersOnly(t *testing.T) {
	out := &printer{Writer: bufio.NewWriter(io.Discard)}
	for _, v := range []any{math.NaN(), []float32{1, float32(math.Inf(-1))}, map[string]float64{"loss": math.Inf(1)}} {
		if err := out.json(v); err == nil || !strings.HasPrefix(err.Error(), "a result is ") || strings.Contains(err.Error(), "unsupported") {
			t.Errorf("%v: %v", v, err)
		}
	}
}
