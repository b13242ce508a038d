package delta

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"trimtab/model"
)

const sidecarFile = "trimtab.json"

// Sidecar is trimtab.json: what the formats of PEFT and AdapterHub cannot say. The sections are JSON
// that other rooms write and read; docs/formats/trimtab.md lists the rules.
type Sidecar struct {
	// Fingerprint identifies the base that the delta was made for (see checkpoint.File.Fingerprint); empty if
	// the base has none, being made by chance.
	Fingerprint string
	// Template, Verbalizer, Head and Recipe say how the delta is used and was trained, Data what it was trained
	// on, by hash. Nil sections are not there.
	Template, Verbalizer, Head, Recipe, Data json.RawMessage
}

// sections are the keys of the file that hold sections.
func (s *Sidecar) sections() map[string]*json.RawMessage {
	return map[string]*json.RawMessage{"template": &s.Template, "verbalizer": &s.Verbalizer, "head": &s.Head, "recipe": &s.Recipe, "data": &s.Data}
}

// NewSidecar is a sidecar with the fingerprint of a base. cache is as for model.Base.Fingerprint.
func NewSidecar(base *model.Base, cache string) (*Sidecar, error) {
	if base.File == nil {
		return &Sidecar{}, nil
	}
	fingerprint, err := base.Fingerprint(cache)
	if err != nil {
		return nil, err
	}
	return &Sidecar{Fingerprint: fingerprint}, nil
}

// ReadSidecar reads the trimtab.json of a folder. Errors wrap fs.ErrNotExist where there is none, [ErrConfig] where it is wrong.
func ReadSidecar(dir string) (*Sidecar, error) {
	path := filepath.Join(dir, sidecarFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ParseSidecar(path, data)
}

// ParseSidecar reads the text of a trimtab.json; path names it in errors.
func ParseSidecar(path string, data []byte) (*Sidecar, error) {
	f, s, version := newFields(path, data), &Sidecar{}, 0
	f.read("version", &version)
	f.check(version == 1, "version", "is %d, expected 1", version)
	f.read("fingerprint", &s.Fingerprint)
	for key, section := range s.sections() {
		f.read(key, section)
	}
	if err := f.finish(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Sidecar) write(dir string) error {
	m := map[string]any{"version": 1}
	if s.Fingerprint != "" {
		m["fingerprint"] = s.Fingerprint
	}
	for key, section := range s.sections() {
		if *section != nil {
			m[key] = *section
		}
	}
	return writeJSON(filepath.Join(dir, sidecarFile), m)
}

// check is an error if a delta was made for another base.
func (s *Sidecar) check(dir string, base *model.Base, o Options) error {
	if s == nil || s.Fingerprint == "" || o.Force {
		return nil
	}
	found := "none: it was made by chance"
	if base.File != nil {
		var err error
		if found, err = base.Fingerprint(o.FingerprintCache); err != nil {
			return err
		}
	}
	if found != s.Fingerprint {
		return fmt.Errorf("%s: fingerprint: %w: found %s, expected %s; --force opens it all the same",
			filepath.Join(dir, sidecarFile), ErrOtherBase, found, s.Fingerprint)
	}
	return nil
}
