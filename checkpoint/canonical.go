package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// CanonicalJSON rewrites one JSON value so that equal values have equal bytes: keys sorted, no
// white space, strings with only the necessary escapes, numbers in the shortest form that
// gives the same float64 (integers of any size keep their digits). Of a key that comes
// twice the last counts.
func CanonicalJSON(src []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("canonical JSON: more than one value")
	}
	return appendCanonical(nil, v), nil
}

func appendCanonical(dst []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		dst = append(dst, '{')
		for i, key := range slices.Sorted(maps.Keys(v)) {
			dst = appendText(appendComma(dst, i), key)
			dst = appendCanonical(append(dst, ':'), v[key])
		}
		return append(dst, '}')
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			dst = appendCanonical(appendComma(dst, i), item)
		}
		return append(dst, ']')
	case string:
		return appendText(dst, v)
	case json.Number:
		return append(dst, canonicalNumber(string(v))...)
	case bool:
		return strconv.AppendBool(dst, v)
	}
	return append(dst, "null"...)
}

// canonicalNumber writes whole numbers below 2^53 without fraction or exponent, so that 1, 1.0 and 1e0 are one.
func canonicalNumber(n string) string {
	if !strings.ContainsAny(n, ".eE") {
		if n == "-0" {
			return "0"
		}
		return n
	}
	f, err := strconv.ParseFloat(n, 64)
	if err != nil { // out of range
		return n
	}
	if f > -1<<53 && f < 1<<53 && f == float64(int64(f)) {
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}
