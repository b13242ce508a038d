package recipe

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"

	"trimtab/internal/nearest"
)

// ErrRecipe is wrapped by errors about a recipe.
var ErrRecipe = errors.New("recipe")

// decode reads the YAML text of a recipe into a struct that holds its defaults
// after the call where the text says nothing. sets are "key.key=value", each read as YAML.
// An unknown key is an error with line, column and the nearest known key.
func decode(path string, text []byte, sets []string, into any) error {
	if err := fillDefaults(reflect.ValueOf(into).Elem()); err != nil {
		return err
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return fmt.Errorf("%s: %w: it is empty", path, ErrRecipe)
	}
	if err := strict(path, text, into); err != nil {
		return err
	}
	for _, set := range sets {
		key, value, ok := strings.Cut(set, "=")
		if !ok || key == "" {
			return fmt.Errorf("--set %s: %w: must be key=value", set, ErrRecipe)
		}
		if err := strict("--set "+set, nested(strings.Split(key, "."), value), into); err != nil {
			return err
		}
	}
	return checkEnums(path, reflect.ValueOf(into).Elem(), "")
}

// nested is YAML that sets one key, however deep.
func nested(keys []string, value string) []byte {
	var b strings.Builder
	for depth, key := range keys {
		b.WriteString(strings.Repeat(" ", depth) + key + ":")
		if depth < len(keys)-1 {
			b.WriteString("\n")
		}
	}
	return []byte(b.String() + " " + value + "\n")
}

// strict decodes and words the library's errors as this program does; on some texts that are no YAML the library panics.
func strict(path string, text []byte, into any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %w: it is no YAML that can be read: %v", path, ErrRecipe, p)
		}
	}()
	if err := bounded(path, text); err != nil {
		return err
	}
	var doc map[string]any
	if yaml.Unmarshal(text, &doc) == nil { // else the decoder below tells why
		if err := preset(reflect.ValueOf(into).Elem(), doc); err != nil {
			return fmt.Errorf("%s: %w: %w", path, ErrRecipe, err)
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err = decoder.Decode(into); err == nil {
		var more any
		if decoder.Decode(&more) != io.EOF {
			return fmt.Errorf("%s: %w: there is a second document in it", path, ErrRecipe)
		}
		return nil
	}
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil {
		return fmt.Errorf("%s: %w: %w", path, ErrRecipe, err)
	}
	token := at.GetToken()
	message := at.GetMessage()
	var unknown *yaml.UnknownFieldError
	if errors.As(err, &unknown) {
		message = "unknown key " + strconv.Quote(token.Value) + nearest.Suggest(token.Value, keysOf(reflect.TypeOf(into)))
	}
	return fmt.Errorf("%s:%d:%d: %w: %s", path, token.Position.Line, token.Position.Column, ErrRecipe, message)
}

// keysOf are all keys below a struct, for suggestions.
func keysOf(t reflect.Type) []string {
	var keys []string
	walk(t, func(f field) {
		if !slices.Contains(keys, f.key) {
			keys = append(keys, f.key)
		}
	})
	return keys
}

// field is a key of a recipe.
type field struct {
	key, doc, preset string
	enum             []string
	typ              reflect.Type
}

// fieldOf reads a struct field's tags; ok is false for fields that are no keys.
func fieldOf(f reflect.StructField) (field, bool) {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if key == "" || key == "-" {
		return field{}, false
	}
	out := field{key: key, doc: f.Tag.Get("doc"), preset: f.Tag.Get("default"), typ: f.Type}
	if e := f.Tag.Get("enum"); e != "" {
		out.enum = strings.Split(e, ",")
	}
	return out, true
}

// elem is the type behind pointers and slices.
func elem(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t
}

// walk visits the keys of a struct and of the structs below it.
func walk(t reflect.Type, visit func(field)) {
	t = elem(t)
	if t.Kind() != reflect.Struct || isText(t) {
		return
	}
	for i := range t.NumField() {
		if f, ok := fieldOf(t.Field(i)); ok {
			visit(f)
			walk(f.typ, visit)
		}
	}
}

// isText reports whether a type reads itself from a scalar.
func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]())
}

// fillDefaults sets every field that has a default.
func fillDefaults(v reflect.Value) error {
	for i := range v.NumField() {
		f, ok := fieldOf(v.Type().Field(i))
		if !ok {
			continue
		}
		to := v.Field(i)
		if to.Kind() == reflect.Struct && !isText(to.Type()) {
			if err := fillDefaults(to); err != nil {
				return err
			}
		}
		if f.preset != "" {
			if to.Kind() == reflect.Pointer {
				to.Set(reflect.New(to.Type().Elem()))
				to = to.Elem()
			}
			if err := yaml.Unmarshal([]byte(f.preset), to.Addr().Interface()); err != nil {
				return fmt.Errorf("default of %s: %w", f.key, err)
			}
		}
	}
	return nil
}

// preset makes the structs behind pointers that doc says something of, with their defaults.
func preset(v reflect.Value, doc map[string]any) error {
	for i := range v.NumField() {
		f, ok := fieldOf(v.Type().Field(i))
		if !ok {
			continue
		}
		said, ok := doc[f.key].(map[string]any)
		if !ok || elem(f.typ).Kind() != reflect.Struct || f.typ.Kind() == reflect.Slice {
			continue
		}
		to := v.Field(i)
		if to.Kind() == reflect.Pointer {
			if to.IsNil() {
				to.Set(reflect.New(f.typ.Elem()))
				if err := fillDefaults(to.Elem()); err != nil {
					return err
				}
			}
			to = to.Elem()
		}
		if err := preset(to, said); err != nil {
			return err
		}
	}
	return nil
}

// checkEnums reports a value that its key does not have.
func checkEnums(path string, v reflect.Value, prefix string) error {
	for i := range v.NumField() {
		f, ok := fieldOf(v.Type().Field(i))
		if !ok {
			continue
		}
		at := v.Field(i)
		for at.Kind() == reflect.Pointer && !at.IsNil() {
			at = at.Elem()
		}
		if at.Kind() == reflect.Struct && !isText(at.Type()) {
			if err := checkEnums(path, at, prefix+f.key+"."); err != nil {
				return err
			}
		}
		leftOut := f.preset == "" && at.Kind() == reflect.String && at.String() == ""
		if f.enum != nil && at.Kind() == reflect.String && !leftOut && !slices.Contains(f.enum, at.String()) {
			return fmt.Errorf("%s: %w: %s%s is %q, and must be one of %s", path, ErrRecipe, prefix, f.key, at.String(), strings.Join(f.enum, ", "))
		}
	}
	return nil
}

// marshal writes YAML that decodes to v again. Outside of quotes the library would lose tabs and carriage returns.
func marshal(v any) ([]byte, error) {
	return yaml.MarshalWithOptions(v, yaml.CustomMarshaler[string](func(s string) ([]byte, error) {
		if strings.IndexFunc(s, unicode.IsControl) < 0 {
			return yaml.Marshal(s)
		}
		var quoted bytes.Buffer
		e := json.NewEncoder(&quoted)
		e.SetEscapeHTML(false)
		err := e.Encode(s)
		return quoted.Bytes(), err
	}))
}

// identity is a hash of a recipe as resolved, and of what else a run depends on.
func identity(r any, parts ...string) (string, error) {
	text, err := marshal(r)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(strings.Join(append(parts, string(text)), "\x00")))
	return hex.EncodeToString(sum[:]), nil
}
