package tokenizer

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// precompiled is SentencePiece's table of replacements: a double array (Yata et
// al., as Darts-clone lays it out) over the texts to be replaced, whose values
// are places in a block of replacements that end in a zero byte.
type precompiled struct {
	units        []uint32
	replacements string
}

func parsePrecompiled(f *fields) *precompiled {
	data, err := base64.StdEncoding.DecodeString(f.string("precompiled_charsmap"))
	if err != nil {
		f.fail("key \"precompiled_charsmap\": %w", err)
		return nil
	}
	if len(data) < 4 {
		f.fail("key \"precompiled_charsmap\": %d bytes are too few", len(data))
		return nil
	}
	size := int(binary.LittleEndian.Uint32(data)) / 4 * 4
	if data = data[4:]; size > len(data) || size == 0 {
		f.fail("key \"precompiled_charsmap\": a table of %d bytes in %d", size, len(data))
		return nil
	}
	p := &precompiled{units: make([]uint32, size/4), replacements: string(data[size:])}
	for i := range p.units {
		p.units[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	if !utf8.ValidString(p.replacements) {
		f.fail("key \"precompiled_charsmap\": replacements: %w", ErrNotUTF8)
	}
	return p
}

// offset is how far a unit's children are.
func offset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

// lookup is the replacement of the shortest entry that text begins with. That
// the shortest one is taken, for the whole of text, is what the library does.
func (p *precompiled) lookup(text string) (string, bool) {
	at := offset(p.units[0])
	for i := 0; i < len(text) && text[i] != 0; i++ {
		if at ^= uint32(text[i]); int(at) >= len(p.units) {
			return "", false
		}
		unit := p.units[at]
		if unit&(1<<31|0xFF) != uint32(text[i]) {
			return "", false
		}
		if at ^= offset(unit); int(at) >= len(p.units) {
			return "", false
		}
		if unit>>8&1 == 1 {
			return p.replacement(int(p.units[at] & (1<<31 - 1)))
		}
	}
	return "", false
}

func (p *precompiled) replacement(start int) (string, bool) {
	if start > len(p.replacements) || start < len(p.replacements) && !utf8.RuneStart(p.replacements[start]) {
		return "", false
	}
	s, _, _ := strings.Cut(p.replacements[start:], "\x00")
	return s, true
}

// normalize replaces user-perceived characters of up to five bytes as a whole
// where the table has them, and everything else character by character.
func (p *precompiled) normalize(t *piece) error {
	edits := make([]edit, 0, len(t.text))
	changed := false
	one := func(part string) bool {
		s, ok := p.lookup(part)
		if ok {
			changed = true
			edits = append(edits, substitution(utf8.RuneCountInString(part), s, edits)...)
		}
		return ok
	}
	rest, state := t.text, -1
	for rest != "" {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if len(edits) > maxGrown/8 {
			return fmt.Errorf("replacements make more than %d characters of a text of %d bytes", maxGrown/8, len(t.text))
		}
		if len(cluster) < 6 && one(cluster) {
			continue
		}
		for i, r := range cluster {
			if !one(cluster[i : i+utf8.RuneLen(r)]) {
				edits = append(edits, edit{r, 0})
			}
		}
	}
	if changed {
		t.transform(edits, 0)
	}
	return nil
}

// substitution is the edits that put s in the place of old characters. Where s
// is shorter, its last character takes what is left along, or, if s is empty,
// the character before does.
func substitution(old int, s string, before []edit) []edit {
	edits := make([]edit, 0, len(s))
	for _, r := range s {
		edits = append(edits, edit{r, 0})
	}
	more := len(edits) - old
	for i := len(edits) - 1; more > 0; more-- {
		edits[i].change = 1
		i--
	}
	switch {
	case more < 0 && len(edits) > 0:
		edits[len(edits)-1].change += more
	case more < 0 && len(before) > 0:
		before[len(before)-1].change += more
	}
	return edits
}
