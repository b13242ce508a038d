package recipe

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
)

// Schema is the JSON Schema (draft 2020-12) of recipes, for editors.
func Schema() ([]byte, error) {
	root, err := schemaOf(reflect.TypeFor[Recipe]())
	if err != nil {
		return nil, err
	}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Trimtab recipe"
	root["required"] = []string{"model_name_or_path"}
	return json.MarshalIndent(root, "", "  ")
}

// schemaOf describes a type as it is written in YAML.
func schemaOf(t reflect.Type) (map[string]any, error) {
	switch {
	case t.Kind() == reflect.Pointer:
		return schemaOf(t.Elem())
	case isText(t):
		return map[string]any{"type": "string"}, nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return objectSchema(t)
	case reflect.Slice:
		items, err := schemaOf(t.Elem())
		return map[string]any{"type": "array", "items": items}, err
	case reflect.Map:
		return map[string]any{"type": "object"}, nil
	case reflect.Interface:
		return map[string]any{}, nil
	case reflect.String:
		return map[string]any{"type": "string"}, nil
	case reflect.Bool:
		return map[string]any{"type": "boolean"}, nil
	case reflect.Int, reflect.Uint64:
		return map[string]any{"type": "integer"}, nil
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}, nil
	}
	return nil, fmt.Errorf("no schema for %v", t)
}

func objectSchema(t reflect.Type) (map[string]any, error) {
	properties := map[string]any{}
	for i := range t.NumField() {
		f, ok := fieldOf(t.Field(i))
		if !ok {
			continue
		}
		s, err := schemaOf(f.typ)
		if err != nil {
			return nil, err
		}
		s["description"] = f.doc
		if f.enum != nil {
			s["enum"] = f.enum
		}
		if f.preset != "" {
			var value any
			if err := yaml.Unmarshal([]byte(f.preset), &value); err != nil {
				return nil, err
			}
			s["default"] = value
		}
		properties[f.key] = s
	}
	return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}, nil
}

// Table is the keys of a recipe as a Markdown table: key, default, what it says.
func Table() string {
	var b strings.Builder
	b.WriteString("| key | default | what it says |\n| --- | --- | --- |\n")
	rows(&b, reflect.TypeFor[Recipe](), "")
	return b.String()
}

func rows(b *strings.Builder, t reflect.Type, prefix string) {
	for i := range t.NumField() {
		f, ok := fieldOf(t.Field(i))
		if !ok {
			continue
		}
		preset := f.preset
		if preset != "" {
			preset = "`" + preset + "`"
		}
		fmt.Fprintf(b, "| `%s%s` | %s | %s |\n", prefix, f.key, preset, f.doc)
		if in := elem(f.typ); in.Kind() == reflect.Struct && !isText(in) {
			rows(b, in, prefix+f.key+".")
		}
	}
}
